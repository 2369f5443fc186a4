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


class RecordingGivenUp(NamedTuple):
    """There is no file to watch."""

    meeting_id: str
    recording_id: str


class RecordingDeleted(NamedTuple):
    """Its row goes in this transaction. (Those of a meeting that is erased go with it.)"""

    meeting_id: str
    recording_id: str
