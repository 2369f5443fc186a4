from typing import NamedTuple


class MeetingCreated(NamedTuple):
    meeting_id: str


class MeetingUpdated(NamedTuple):
    meeting_id: str
    moved: bool  # it is to come, at another time than before


class MeetingStarted(NamedTuple):
    meeting_id: str
    by_user_id: str


class MeetingEnded(NamedTuple):
    meeting_id: str
    reason: str  # ended | empty | erased


class MeetingCancelled(NamedTuple):
    meeting_id: str


class MeetingErased(NamedTuple):
    """Its row and all that belongs to it go in this transaction."""

    meeting_id: str
