"""The promise of every rung of wake-ups.

A poll takes a `ticket` for its topic, reads the database, and waits with that ticket if there was nothing: a wake that
comes between the reading and the waiting is not missed, because the ticket has changed by then. Wakes may be doubled,
and rungs between processes may lose some; whoever waits looks at the database again each `SAFETY_NET_S`.

A topic is a short text without tabs and line breaks, such as `inbox:<id>`. A **nudge** is a topic, or a topic, `NEWS`
and what is new there: text without line breaks, such as JSON, that spares whoever knows the rest the reading. News
that are too long for a rung arrive as their topic alone.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

SAFETY_NET_S = 1.0  # how long a lost wake-up can go unnoticed
NEWS = "\t"  # stands between the topic of a nudge and its news

Hear = Callable[[Sequence[str] | None], None]


def topic_of(nudge: str) -> str:
    return nudge.partition(NEWS)[0]


class WakeupsUnusable(Exception):
    """Nudges don't pass between processes: polls find their messages by the safety net."""


class Wakeups(Protocol):
    def ticket(self, topic: str) -> int:
        """The present state of `topic`, to be taken before the database is read."""
        ...

    def wait(self, topic: str, ticket: int, timeout_s: float) -> bool:
        """Block until `topic` was woken after `ticket` was taken: True; or `timeout_s` have passed: False."""
        ...

    def woken_since(self, topic: str, ticket: int) -> bool:
        """Whether `topic` was woken after `ticket` was taken; also true where that is not known any more."""
        ...

    def wake(self, nudges: Iterable[str]) -> None:
        """Wake all who wait for the topic of one of `nudges`. Never raises, never blocks for long; call it after the
        commit."""
        ...

    def listen(self, hear: Hear) -> None:
        """Call `hear` with all nudges from now on, in their order as far as it is known, from whatever thread; with
        None when nobody knows what was missed, and at `close`. It must not block."""
        ...

    def listen_no_more(self, hear: Hear) -> None:
        """End what `listen` began; may be repeated."""
        ...

    def usable(self) -> None:
        """:raises WakeupsUnusable: nudges of other processes are not heard, or others don't hear this one."""
        ...

    closed: bool  # whoever was woken by `close` waits no more

    def close(self) -> None:
        """Wake everybody; every later `wait` returns at once. May be repeated."""
        ...
