"""Who waits in this process: the time of each topic's last wake, who blocks until one, and who listens to all."""

import threading
from collections.abc import Iterable, Sequence

import structlog

from app.core.wakeups.base import Hear, topic_of

log = structlog.get_logger()


class Hub:
    """Tickets are times on one clock that each wake moves on by one. A topic whose wake is not remembered counts as
    last woken at `_forgotten_at`."""

    # Wakes that are remembered, for those who have a ticket and don't wait yet: a matter of milliseconds. Beyond that
    # all are forgotten, and those few look into the database once more.
    _MOST_TOPICS = 10_000

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clock = 0
        self._forgotten_at = 0
        self._woken_at: dict[str, int] = {}
        self._waiting: dict[str, set[threading.Event]] = {}
        self._listeners: tuple[Hear, ...] = ()
        self.closed = False

    def ticket(self, topic: str) -> int:
        return self._clock

    def woken_since(self, topic: str, ticket: int) -> bool:
        return self._woken_at.get(topic, self._forgotten_at) > ticket

    def wait(self, topic: str, ticket: int, timeout_s: float) -> bool:
        woken = threading.Event()
        with self._lock:
            if self.closed or self.woken_since(topic, ticket):
                return True
            self._waiting.setdefault(topic, set()).add(woken)
        try:
            return woken.wait(timeout_s)
        finally:
            with self._lock:
                waiting = self._waiting.get(topic)
                if waiting is not None:
                    waiting.discard(woken)
                    if not waiting:
                        del self._waiting[topic]

    def wake(self, nudges: Iterable[str]) -> None:
        nudges = list(nudges)
        with self._lock:
            self._clock += 1
            if len(self._woken_at) >= self._MOST_TOPICS:
                self._forget_wakes()
            for nudge in nudges:
                topic = topic_of(nudge)
                self._woken_at[topic] = self._clock
                for woken in self._waiting.get(topic, ()):
                    woken.set()
        self._tell(nudges)

    def wake_all(self) -> None:
        """Wake everybody: nobody knows whose nudges were lost."""
        with self._lock:
            self._clock += 1
            self._forget_wakes()
            self._set_all()
        self._tell(None)

    def listen(self, hear: Hear) -> None:
        with self._lock:
            self._listeners += (hear,)

    def listen_no_more(self, hear: Hear) -> None:
        with self._lock:
            self._listeners = tuple(one for one in self._listeners if one != hear)

    def usable(self) -> None:
        """Nothing can break within a process."""

    def close(self) -> None:
        with self._lock:
            self.closed = True
            self._set_all()
        self._tell(None)

    def _tell(self, nudges: Sequence[str] | None) -> None:
        """Outside the lock. A listener that fails keeps nothing from the others."""
        for hear in self._listeners:
            try:
                hear(nudges)
            except Exception:
                log.exception("a listener to wake-ups failed")

    def _forget_wakes(self) -> None:
        self._forgotten_at = self._clock  # first: `woken_since` looks without the lock
        self._woken_at.clear()

    def _set_all(self) -> None:
        for waiting in self._waiting.values():
            for woken in waiting:
                woken.set()
