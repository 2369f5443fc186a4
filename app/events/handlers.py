"""Domain events become rows of the outbox, in the transaction that they belong to."""

from typing import Any

from app.core.bus import Handler
from app.core.runtime import Work
from app.events import service


def recorder(name: str) -> Handler:
    """A handler that keeps any domain event under `name`; the event's fields are its payload."""

    def record(work: Work, event: Any) -> None:
        facts = event._asdict()
        service.record(work, name, facts.get("meeting_id"), facts)

    return record
