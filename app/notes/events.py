from typing import NamedTuple


class NotesReady(NamedTuple):
    meeting_id: str
    notes_id: str
    version: int
