from dataclasses import dataclass


@dataclass(frozen=True)
class MeetingCreated:
    meeting_id: str


@dataclass(frozen=True)
class MeetingUpdated:
    meeting_id: str
    moved: bool  # it is to come, at another time than before


@dataclass(frozen=True)
class MeetingStarted:
    meeting_id: str
    by_user_id: str


@dataclass(frozen=True)
class MeetingEnded:
    meeting_id: str
    reason: str  # ended | empty | erased


@dataclass(frozen=True)
class MeetingCancelled:
    meeting_id: str


@dataclass(frozen=True)
class MeetingErased:
    """Its row and all that belongs to it go in this transaction."""

    meeting_id: str
