from typing import NamedTuple


class ParticipantJoined(NamedTuple):
    meeting_id: str
    participant_id: str


class ParticipantReplaced(NamedTuple):
    """Another connection took its place: what was negotiated with the old one is void."""

    meeting_id: str
    participant_id: str


class ParticipantLeft(NamedTuple):
    meeting_id: str
    participant_id: str
    reason: str
    was_in_the_room: bool = True  # False: gave up waiting
