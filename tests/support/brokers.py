"""Brokers for Celery workers: a Redis of the test's own, and queues of its own at the RabbitMQ at TEST_RABBITMQ_URL, or
else at the standard port on loopback.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

import pytest

from app.core.settings import Settings, load_settings
from tests.support.own_servers import OwnRedis

BROKERS = ("rabbitmq", "redis")


@dataclass(frozen=True)
class Broker:
    url: str
    prefix: str = ""

    def settings(self, **others: object) -> Settings:
        named = {"celery_broker_url": self.url, "celery_queue_prefix": self.prefix}
        return load_settings(_env_file=None, **named, **others)


@contextmanager
def broker(kind: str) -> Iterator[Broker]:
    """One of BROKERS. Skips the test where there is none, and fails it where REQUIRE_ALL is 1."""
    if kind == "redis":
        with OwnRedis() as server:
            yield Broker(server.url)
        return
    made = Broker(rabbitmq_url(), f"test-{uuid4().hex[:12]}.")
    yield made
    _delete(made)


def rabbitmq_url() -> str:
    """Skips the test where there is none."""
    from kombu import Connection

    url = os.environ.get("TEST_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672//")
    try:
        with Connection(url, connect_timeout=30) as connection:
            connection.connect()
    except Exception as error:
        reason = f"RabbitMQ cannot be used here: {type(error).__name__}: {error}"
        if os.environ.get("REQUIRE_ALL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return url


def _delete(made: Broker) -> None:
    from kombu import Connection

    with Connection(made.url) as connection:
        for queue in ("transcription", "analysis", "embedding"):
            connection.channel().queue_delete(made.prefix + queue)
        control = f"{made.prefix}parley"
        for exchange in (control, f"{control}.events", f"{control}.pidbox", f"reply.{control}.pidbox"):
            connection.channel().exchange_delete(exchange)
