"""Counters in Redis, by the storage of `limits`, Flask-Limiter's engine.

While Redis is away each process counts by itself: a limit that is too wide for a while is better than no answer.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import structlog
from limits.storage import RedisStorage
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from app.core.counters.base import CountersUnusable
from app.core.counters.in_process import InProcessCounters

log = structlog.get_logger()

Answer = TypeVar("Answer")

PREFIX = "parley:counters"
MOST_DRAWN = 20_000  # keys of which some are drawn; beyond that all begin anew
ANSWER_S = 0.5  # Redis answers in a fraction of a millisecond, or something is wrong
AWAY_S = 5.0  # after a failure, so long nobody asks it: a server that does not answer would hold up every request


@dataclass(slots=True)
class _Drawn:
    """Numbers that are counted in Redis already and not used yet."""

    numbers: deque[int]
    until: float  # by time.monotonic(): the end of their window


class RedisCounters:
    def __init__(self, url: str, meanwhile: InProcessCounters, prefix: str = PREFIX) -> None:
        self._redis = _Redis(url, prefix)
        self._meanwhile = meanwhile
        self._drawing = threading.Lock()
        self._drawn: dict[str, _Drawn] = {}
        self._asking_again = threading.Lock()
        self._away_until: float | None = None  # by time.monotonic(); None: Redis answers

    def add(self, key: str, window_s: int, amount: int = 1) -> int:
        return self._ask(lambda counters: counters.add(key, window_s, amount))

    def add_one(self, key: str, window_s: int, draw: int) -> int:
        with self._drawing:
            drawn = self._drawn.get(key)
            if drawn is not None and drawn.numbers and time.monotonic() < drawn.until:
                return drawn.numbers.popleft()
        number = self.add(key, window_s, draw)
        if draw == 1:
            return number
        numbers = deque(range(number - draw + 1, number + 1))
        first = numbers.popleft()
        until = time.monotonic() + self.forgets_in_s(key)
        with self._drawing:
            if len(self._drawn) >= MOST_DRAWN:
                self._drawn.clear()
            self._drawn[key] = _Drawn(numbers, until)
        return first

    def number(self, key: str) -> int:
        return self._ask(lambda counters: counters.number(key))

    def forgets_in_s(self, key: str) -> float:
        return self._ask(lambda counters: counters.forgets_in_s(key))

    def forget(self, key: str) -> None:
        self._meanwhile.forget(key)
        with self._drawing:
            self._drawn.pop(key, None)
        self._ask(lambda counters: counters.forget(key))

    def usable(self) -> None:
        """:raises CountersUnusable: Redis does not answer, and each process counts by itself."""
        self.number("usable")
        if self._away_until is not None:
            raise CountersUnusable("Redis does not answer: limits are counted by each process.")

    def close(self) -> None:
        self._redis.close()

    def _ask(self, question: Callable[["_Redis | InProcessCounters"], Answer]) -> Answer:
        if self._is_away():
            return question(self._meanwhile)
        try:
            answer = question(self._redis)
        except (RedisError, OSError) as error:
            if self._away_until is None:
                log.warning("limits are counted by each process", error=type(error).__name__)
            self._away_until = time.monotonic() + AWAY_S
            return question(self._meanwhile)
        if self._away_until is not None:
            self._away_until = None
            log.warning("limits are counted in Redis again")
        return answer

    def _is_away(self) -> bool:
        """While it is away, one request every AWAY_S finds out whether it still is."""
        if self._away_until is None:
            return False
        with self._asking_again:
            if time.monotonic() < (self._away_until or 0.0):
                return True
            self._away_until = time.monotonic() + AWAY_S
            return False


class _Redis:
    """Raises what is in the way."""

    def __init__(self, url: str, prefix: str) -> None:
        self._storage = RedisStorage(
            url,
            key_prefix=prefix,
            socket_connect_timeout=ANSWER_S,
            socket_timeout=ANSWER_S,
            retry=Retry(NoBackoff(), 1),  # type: ignore[arg-type] # a pooled connection may have been closed while idle
            client_name=prefix,
        )

    def add(self, key: str, window_s: int, amount: int = 1) -> int:
        return self._storage.incr(key, window_s, amount)

    def number(self, key: str) -> int:
        return self._storage.get(key)

    def forgets_in_s(self, key: str) -> float:
        return max(0.0, self._storage.get_expiry(key) - time.time())

    def forget(self, key: str) -> None:
        self._storage.clear(key)

    def close(self) -> None:
        self._storage.storage.close()
