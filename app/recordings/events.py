from dataclasses import dataclass


@dataclass(frozen=True)
class RecordingStarted:
    meeting_id: str
    recording_id: str
    by_user_id: str


@dataclass(frozen=True)
class RecordingCompleted:
    """Its file is stored and can be downloaded."""

    meeting_id: str
    recording_id: str
