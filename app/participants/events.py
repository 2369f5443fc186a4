from dataclasses import dataclass


@dataclass(frozen=True)
class ParticipantJoined:
    meeting_id: str
    participant_id: str


@dataclass(frozen=True)
class ParticipantReplaced:
    """Another connection took its place: what was negotiated with the old one is void."""

    meeting_id: str
    participant_id: str


@dataclass(frozen=True)
class ParticipantLeft:
    meeting_id: str
    participant_id: str
    reason: str
