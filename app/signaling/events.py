from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class SignalToSfu:
    """A participant sent something to the media server; it lies in the server's inbox already."""

    meeting_id: str
    from_participant_id: str
    sfu_participant_id: str
    type: str
    payload: dict[str, Any]
