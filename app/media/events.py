from typing import NamedTuple


class MeetingMoved(NamedTuple):
    """A live meeting has lost its media worker, and has another, or none for now."""

    meeting_id: str
    worker_id: str | None
    epoch: int
