import time
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
import redis
import structlog
from sqlalchemy import make_url

from app.core.clock import ManualClock
from app.core.counters import redis as rung
from app.core.counters.in_process import InProcessCounters
from app.core.counters.redis import RedisCounters
from tests.drivers.counters_suite import CountersSuite
from tests.support.cut_link import CutLink
from tests.support.redis_server import redis_url


@pytest.fixture
def prefix() -> str:
    return f"parley:test:{uuid4().hex}"


@pytest.fixture
def link() -> Iterator[CutLink]:
    """Between Parley and its Redis."""
    url = make_url(redis_url())
    link = CutLink(url.host or "127.0.0.1", url.port or 6379)
    yield link
    link.cut()


@pytest.fixture
def counters(prefix: str, link: CutLink, clock: ManualClock) -> Iterator[RedisCounters]:
    made = RedisCounters(link.url(redis_url()), InProcessCounters(clock), prefix)
    yield made
    made.close()


@pytest.fixture
def pass_s(prefix: str) -> Callable[[float], None]:
    """Time passes for Redis as what it keeps comes nearer to its end."""

    def pass_s(seconds: float) -> None:
        with redis.Redis.from_url(redis_url()) as client:
            for key in client.keys(f"{prefix}:*"):
                left_ms = client.pttl(key)
                client.pexpire(key, max(1, int(left_ms - seconds * 1000)))
                if left_ms <= seconds * 1000:
                    client.delete(key)

    return pass_s


class TestRedisCounters(CountersSuite):
    """Nothing but what is promised."""


class TestDrawing:
    def test_of_several_processes_gives_no_number_twice(
        self, counters: RedisCounters, link: CutLink, clock: ManualClock, prefix: str
    ) -> None:
        other = RedisCounters(link.url(redis_url()), InProcessCounters(clock), prefix)
        numbers = [which.add_one("a", 600, 4) for _ in range(6) for which in (counters, other)]
        assert sorted(numbers) == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 14]
        other.close()

    def test_asks_redis_once_for_all_that_it_draws(self, counters: RedisCounters, link: CutLink) -> None:
        counters.add_one("a", 600, 4)
        with structlog.testing.capture_logs() as logged:
            link.cut()
            assert [counters.add_one("a", 600, 4) for _ in range(3)] == [2, 3, 4]
        assert logged == []

    def test_is_for_the_rest_of_the_window(self, counters: RedisCounters, pass_s: Callable[[float], None]) -> None:
        counters.add("a", 600)
        pass_s(500)
        counters.add_one("a", 600, 4)
        assert counters._drawn["a"].until <= time.monotonic() + 100

    def test_keeps_so_many_keys_in_memory(self, counters: RedisCounters, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(rung, "MOST_DRAWN", 3)
        for number in range(10):
            counters.add_one(str(number), 600, 4)
        assert len(counters._drawn) <= 3


class TestWithoutRedis:
    def test_each_process_counts_by_itself_and_the_log_says_so_once(
        self, counters: RedisCounters, link: CutLink
    ) -> None:
        counters.add("a", 600, 5)
        with structlog.testing.capture_logs() as logged:
            link.cut()
            assert [counters.add("a", 600), counters.add("a", 600), counters.number("a")] == [1, 2, 2]
            assert counters.forgets_in_s("a") > 0
            counters.forget("a")
        assert [(line["event"], line["log_level"]) for line in logged] == [
            ("limits are counted by each process", "warning")
        ]

    def test_it_is_asked_again_after_a_while_and_counts_on_where_it_was(
        self, counters: RedisCounters, link: CutLink, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        counters.add("a", 600, 5)
        link.cut()
        counters.add("a", 600)
        link.mend()
        assert counters.add("a", 600) == 2, "it was asked although it had just failed"
        monkeypatch.setattr(rung, "AWAY_S", 0)
        counters._away_until = 0.0
        assert counters.add("a", 600) == 6

    def test_a_redis_that_was_never_there_stops_no_start(self, clock: ManualClock) -> None:
        counters = RedisCounters("redis://127.0.0.1:1/0", InProcessCounters(clock))
        assert counters.add("a", 600) == 1
        counters.close()
