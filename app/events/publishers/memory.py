from collections.abc import Sequence

from app.events.publishers.base import Outgoing, PublisherUnusable


class MemoryPublisher:
    """Collects what it is sent. `away`: it answers nobody; `refused`: ids of events that it does not take."""

    sends = True

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []
        self.away = False
        self.refused: set[str] = set()

    def publish(self, events: Sequence[Outgoing]) -> set[str]:
        self.usable()
        taken = [event for event in events if event.id not in self.refused]
        self.sent += taken
        return {event.id for event in taken}

    def keep(self) -> None:
        self.usable()

    def rest(self) -> None:
        """Nothing is held."""

    def usable(self) -> None:
        if self.away:
            raise PublisherUnusable("It was told to be away.")

    def close(self) -> None:
        """What was sent stays readable."""
