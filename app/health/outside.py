"""Servers that only a connection can be asked of, such as those of mail and TURN.

Anybody may ask `/health/ready`, and often: so each of these is asked at most every `FRESH_S` by a process, in a thread
of its own, and nobody waits longer than `PATIENCE_S`. Whoever asks meanwhile is told what was found last.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, TimeoutError

FRESH_S = 30.0
PATIENCE_S = 1.0
ASKED_AT_ONCE = 2


class Outside:
    """:param now: seconds of a clock that only goes forwards."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._threads: ThreadPoolExecutor | None = None
        self._asked: dict[str, tuple[float, Future[str]]] = {}
        self._found: dict[str, str] = {}

    def trouble(self, name: str, ask: Callable[[], None]) -> str:
        """What `ask` raised when it was last called, as text; empty: nothing, or it has not answered yet."""
        with self._lock:
            asked_at, answer = self._asked.get(name, (0.0, None))
            if answer is None or (answer.done() and self._now() - asked_at >= FRESH_S):
                if self._threads is None:
                    self._threads = ThreadPoolExecutor(ASKED_AT_ONCE, "outside")
                answer = self._threads.submit(_trouble, ask)
                self._asked[name] = (self._now(), answer)
        try:
            self._found[name] = answer.result(PATIENCE_S)
        except TimeoutError:
            pass
        return self._found.get(name, "")

    def close(self) -> None:
        """What is being asked ends by its own patience."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)


def _trouble(ask: Callable[[], None]) -> str:
    try:
        ask()
    except Exception as error:  # whatever a server or its client raises, it is its state
        return str(error) or type(error).__name__
    return ""
