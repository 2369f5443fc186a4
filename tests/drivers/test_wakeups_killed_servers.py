"""The server through which processes wake each other is killed, and comes back."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import create_engine

from app.core.wakeups.base import Wakeups
from app.core.wakeups.postgresql import PostgresqlWakeups
from app.core.wakeups.redis import RedisWakeups
from tests.drivers.wakeups_suite import Listener, listening, trouble
from tests.support.own_servers import OwnPostgresql, OwnRedis, OwnServer
from tests.support.waiting import eventually

Make = Callable[[], Wakeups]


@contextmanager
def with_redis() -> Iterator[tuple[OwnServer, Make]]:
    with OwnRedis() as server:
        yield server, lambda: RedisWakeups(server.url)


@contextmanager
def with_postgresql() -> Iterator[tuple[OwnServer, Make]]:
    with OwnPostgresql() as server:
        engine = create_engine(server.url, isolation_level="AUTOCOMMIT", pool_pre_ping=True)
        yield server, lambda: PostgresqlWakeups(engine)
        engine.dispose()


@pytest.mark.parametrize("way", [with_redis, with_postgresql])
def test_a_server_that_was_killed_is_heard_again_and_everybody_is_woken_once(way: Any) -> None:
    with way() as (server, make):
        here, there = listening(make()), listening(make())
        listener, within = Listener(there), Listener(here)
        server.kill()
        eventually(lambda: trouble(there) and trouble(here), "the loss to be noticed")
        here.wake(["b", "a"])
        assert (within.heard, listener.heard, listener.lost) == (["b", "a"], [], 0)
        server.start()
        eventually(lambda: not trouble(here) and not trouble(there), "both to hear again")
        here.wake(["c"])
        assert listener.hears("c")
        assert listener.lost == 1
        here.close()
        there.close()
