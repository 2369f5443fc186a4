"""Wake-ups within one process: the time of each topic's last wake, and a flag per parked poll."""

import threading
import time
from collections.abc import Iterable


class InProcessWakeups:
    """Tickets are times on one clock that each wake moves on by one. A topic that is not remembered counts as last
    woken at `_forgotten_at`."""

    _MOST_TOPICS = 100_000  # remembered wakes; beyond that all are forgotten, which wakes everybody once

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clock = 0
        self._forgotten_at = 0
        self._woken_at: dict[str, int] = {}
        self._waiting: dict[str, set[threading.Event]] = {}
        self.closed = False

    def ticket(self, topic: str) -> int:
        with self._lock:
            return self._clock

    def wait(self, topic: str, ticket: int, timeout_s: float) -> bool:
        deadline = time.monotonic() + timeout_s
        woken = threading.Event()
        with self._lock:
            if self.closed or self._woken_at.get(topic, self._forgotten_at) > ticket:
                return True
            self._waiting.setdefault(topic, set()).add(woken)
        try:
            return woken.wait(max(0.0, deadline - time.monotonic()))
        finally:
            with self._lock:
                waiting = self._waiting[topic]
                waiting.discard(woken)
                if not waiting:
                    del self._waiting[topic]

    def wake(self, topics: Iterable[str]) -> None:
        with self._lock:
            self._clock += 1
            if len(self._woken_at) >= self._MOST_TOPICS:
                self._woken_at.clear()
                self._forgotten_at = self._clock
            for topic in topics:
                self._woken_at[topic] = self._clock
                for woken in self._waiting.get(topic, ()):
                    woken.set()

    def close(self) -> None:
        with self._lock:
            self.closed = True
            for waiting in self._waiting.values():
                for woken in waiting:
                    woken.set()
