from typing import NamedTuple


class NotesProgressed(NamedTuple):
    notes_id: str


class NotesReady(NamedTuple):
    """Of a meeting, or of a call."""

    meeting_id: str | None
    call_id: str | None
    notes_id: str
    version: int


class NotesFailed(NamedTuple):
    """Of a meeting, or of a call."""

    meeting_id: str | None
    call_id: str | None
    notes_id: str
    version: int
    code: str | None


class TranscriptCorrected(NamedTuple):
    """By a person: text, or a speaker's name."""

    notes_id: str
