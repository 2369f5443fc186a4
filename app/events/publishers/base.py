"""The promise of every publisher of events."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol


class Outgoing(NamedTuple):
    """An event on its way out. `body` is JSON."""

    id: str
    name: str
    occurred_at: datetime
    body: bytes


class PublisherUnusable(Exception):
    """Where events go does not answer, or refuses this process. Its message names no secret."""


class EventPublisher(Protocol):
    """Used by one thread at a time, `usable` apart.

    `sends` False: there is nobody to send to, and nothing is kept for anybody.
    """

    sends: bool

    def publish(self, events: Sequence[Outgoing]) -> set[str]:
        """Hand `events` over in their order, all at once; the ids of those that are safely there when this returns.

        One that is missing from the answer may be there all the same, or come to be; who sends it again sends it under
        its id. While somebody else is connected to send, nothing is sent.

        :raises PublisherUnusable: some may be there, nobody knows which.
        """
        ...

    def keep(self) -> None:
        """Connect where that is still to be done, and give a sign of life; called about once a second while there is
        nothing to send.

        :raises PublisherUnusable:
        """
        ...

    def rest(self) -> None:
        """Somebody else is to send from now on: let go of the connection. May be repeated."""
        ...

    def usable(self) -> None:
        """:raises PublisherUnusable:"""
        ...

    def close(self) -> None:
        """Let go of the connection, for good. May be repeated."""
        ...
