"""The promise of every rung of wake-ups.

A poll takes a `ticket` for its topic, reads the database, and waits with that ticket if there was nothing: a wake that
comes between the reading and the waiting is not missed, because the ticket has changed by then. Wakes may be doubled,
and rungs between processes may lose some; whoever waits looks at the database again each `SAFETY_NET_S`.

A topic is a short text without line breaks, such as `inbox:<id>`.
"""

from collections.abc import Callable, Iterable
from typing import Protocol

SAFETY_NET_S = 1.0  # how long a lost wake-up can go unnoticed


class WakeupsUnusable(Exception):
    """Nudges don't pass between processes: polls find their messages by the safety net."""


class Parked(Protocol):
    """One who waits without a thread."""

    def cancel(self) -> None:
        """Wait no more; may be repeated. A wake that is under way in another thread may still arrive."""
        ...


class Wakeups(Protocol):
    def ticket(self, topic: str) -> int:
        """The present state of `topic`, to be taken before the database is read."""
        ...

    def park(self, topic: str, ticket: int, wake: Callable[[], None]) -> Parked | None:
        """Call `wake` when `topic` is woken: once, from whatever thread. It must not block.

        :returns: None, and `wake` is never called, where `topic` was woken after `ticket` was taken, or after `close`.
        """
        ...

    def wait(self, topic: str, ticket: int, timeout_s: float) -> bool:
        """Block until `topic` was woken after `ticket` was taken: True; or `timeout_s` have passed: False."""
        ...

    def wake(self, topics: Iterable[str]) -> None:
        """Wake all who wait for one of `topics`. Never raises, never blocks for long; call it after the commit."""
        ...

    def usable(self) -> None:
        """:raises WakeupsUnusable: nudges of other processes are not heard, or others don't hear this one."""
        ...

    closed: bool  # whoever was woken by `close` waits no more

    def close(self) -> None:
        """Wake everybody; every later `wait` returns at once. May be repeated."""
        ...
