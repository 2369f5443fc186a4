import threading

from app.core.clock import Clock

MOST_COUNTERS = 200_000  # some 300 bytes each; beyond that those that began first are forgotten
SWEEP_EVERY = 4_096  # new counters: then those whose time is over are forgotten


class InProcessCounters:
    """In this process's memory, and gone with it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._counters: dict[str, tuple[int, float]] = {}  # number, and when it is forgotten; by when they began
        self._new = 0  # since the last sweep

    def add(self, key: str, window_s: int, amount: int = 1) -> int:
        now = self._now()
        with self._lock:
            number, forgotten_at = self._counters.get(key, (0, 0.0))
            if forgotten_at <= now:
                self._counters.pop(key, None)  # so that it begins anew at the end
                number, forgotten_at = 0, now + window_s
                self._new += 1
            number += amount
            self._counters[key] = (number, forgotten_at)
            if self._new >= SWEEP_EVERY:
                self._sweep(now)
            return number

    def add_one(self, key: str, window_s: int, draw: int) -> int:
        return self.add(key, window_s)

    def number(self, key: str) -> int:
        number, forgotten_at = self._counters.get(key, (0, 0.0))
        return number if forgotten_at > self._now() else 0

    def forgets_in_s(self, key: str) -> float:
        return max(0.0, self._counters.get(key, (0, 0.0))[1] - self._now())

    def forget(self, key: str) -> None:
        with self._lock:
            self._counters.pop(key, None)

    def usable(self) -> None:
        """Nothing can break within a process."""

    def close(self) -> None:
        """Nothing is held."""

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _sweep(self, now: float) -> None:
        self._new = 0
        live = [(key, counter) for key, counter in self._counters.items() if counter[1] > now]
        self._counters = dict(live[-MOST_COUNTERS:])
