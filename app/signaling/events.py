from typing import Any, NamedTuple


class SignalToSfu(NamedTuple):
    """A participant sent something to the media server; it lies in the server's inbox already."""

    meeting_id: str
    from_participant_id: str
    sfu_participant_id: str
    type: str
    payload: dict[str, Any]
