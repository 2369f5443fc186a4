"""What of a meeting is being recorded by its media worker. `recordings` knows it."""

from typing import Any, Protocol

from app.core.runtime import Work


class RunningRecordings(Protocol):
    def of_meeting(self, work: Work, meeting_id: str) -> list[dict[str, Any]]:
        """`{id, audio_only}` of each that a worker is to record."""
        ...

    def close(self) -> None: ...
