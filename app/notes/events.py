from typing import NamedTuple


class NotesProgressed(NamedTuple):
    notes_id: str


class NotesReady(NamedTuple):
    meeting_id: str
    notes_id: str
    version: int


class NotesFailed(NamedTuple):
    meeting_id: str
    notes_id: str
    version: int
    code: str | None
