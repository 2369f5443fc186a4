"""How much a person has not read of their meetings' chats. `chat` counts it."""

from collections.abc import Sequence
from typing import Protocol

from app.core.runtime import Work
from app.meetings.models import Meeting


class UnreadMessages(Protocol):
    def count(self, work: Work, user_id: str, meetings: Sequence[Meeting]) -> dict[str, int]:
        """By meeting id; a meeting that is missing has none."""
        ...

    def close(self) -> None: ...
