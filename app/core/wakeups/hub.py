"""Who waits in this process: the time of each topic's last wake, and a call for each who waits."""

import threading
from collections.abc import Callable, Iterable

import structlog

from app.core.wakeups.base import Parked

log = structlog.get_logger()


class _Parked:
    __slots__ = ("_hub", "topic", "wake")

    def __init__(self, hub: "Hub", topic: str, wake: Callable[[], None]) -> None:
        self._hub = hub
        self.topic = topic
        self.wake = wake

    def cancel(self) -> None:
        self._hub._forget(self)


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
        self._waiting: dict[str, set[_Parked]] = {}
        self.closed = False

    def ticket(self, topic: str) -> int:
        return self._clock

    def park(self, topic: str, ticket: int, wake: Callable[[], None]) -> Parked | None:
        with self._lock:
            if self.closed or self._woken_at.get(topic, self._forgotten_at) > ticket:
                return None
            parked = _Parked(self, topic, wake)
            self._waiting.setdefault(topic, set()).add(parked)
            return parked

    def wait(self, topic: str, ticket: int, timeout_s: float) -> bool:
        woken = threading.Event()
        parked = self.park(topic, ticket, woken.set)
        if parked is None:
            return True
        try:
            return woken.wait(timeout_s)
        finally:
            parked.cancel()

    def wake(self, topics: Iterable[str]) -> None:
        woken: list[_Parked] = []
        with self._lock:
            self._clock += 1
            if len(self._woken_at) >= self._MOST_TOPICS:
                self._forget_wakes()
            for topic in topics:
                self._woken_at[topic] = self._clock
                woken += self._waiting.pop(topic, ())
        _call(woken)

    def wake_all(self) -> None:
        """Wake everybody: nobody knows whose nudges were lost."""
        with self._lock:
            self._clock += 1
            self._forget_wakes()
            woken = self._take_all()
        _call(woken)

    def usable(self) -> None:
        """Nothing can break within a process."""

    def close(self) -> None:
        with self._lock:
            self.closed = True
            woken = self._take_all()
        _call(woken)

    def _forget(self, parked: _Parked) -> None:
        with self._lock:
            waiting = self._waiting.get(parked.topic)
            if waiting is not None:
                waiting.discard(parked)
                if not waiting:
                    del self._waiting[parked.topic]

    def _forget_wakes(self) -> None:
        self._woken_at.clear()
        self._forgotten_at = self._clock

    def _take_all(self) -> list[_Parked]:
        everybody = [parked for waiting in self._waiting.values() for parked in waiting]
        self._waiting.clear()
        return everybody


def _call(woken: list[_Parked]) -> None:
    """Outside the lock, so that a call may park again. One that fails keeps nobody else asleep."""
    for parked in woken:
        try:
            parked.wake()
        except Exception:
            log.exception("a parked poll could not be woken")
