from typing import NamedTuple


class RecordingStarted(NamedTuple):
    meeting_id: str
    recording_id: str
    by_user_id: str


class RecordingStopped(NamedTuple):
    meeting_id: str
    recording_id: str


class RecordingCompleted(NamedTuple):
    """Its file is stored and can be downloaded."""

    meeting_id: str
    recording_id: str
