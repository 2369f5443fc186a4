from dataclasses import dataclass


@dataclass(frozen=True)
class NotesReady:
    meeting_id: str
    notes_id: str
    version: int
