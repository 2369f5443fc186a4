from collections.abc import Sequence

from app.events.publishers.base import Outgoing


class NoPublisher:
    """Events stay in the log, where they can be read."""

    sends = False

    def publish(self, events: Sequence[Outgoing]) -> set[str]:
        return {event.id for event in events}

    def keep(self) -> None:
        """Nobody waits for a sign of life."""

    def rest(self) -> None:
        """Nothing is held."""

    def usable(self) -> None:
        """Nothing can break."""

    def close(self) -> None:
        """Nothing is held."""
