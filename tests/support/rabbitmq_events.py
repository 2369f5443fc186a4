"""An exchange and a queue of a test's own at RabbitMQ, and what arrives there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import amqp

from app.events.publishers.rabbitmq import RabbitMqPublisher
from tests.support.brokers import rabbitmq_url
from tests.support.cut_link import CutLink


@dataclass(frozen=True)
class Inlet:
    """`url` of the broker, and the names there."""

    url: str
    exchange: str
    queue: str

    def publisher(self, url: str | None = None) -> RabbitMqPublisher:
        return RabbitMqPublisher(url or self.url, self.exchange, self.queue)

    def link(self) -> tuple[CutLink, str]:
        """A connection to the broker that can be cut, and the URL by way of it."""
        parts = urlsplit(self.url)
        link = CutLink(parts.hostname or "127.0.0.1", parts.port or 5672)
        return link, parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{link.port}").geturl()

    @contextmanager
    def channel(self) -> Iterator[Any]:
        parts = urlsplit(self.url)
        user, password = parts.username or "guest", parts.password or "guest"
        with amqp.Connection(f"{parts.hostname}:{parts.port or 5672}", user, password) as connection:
            yield connection.channel()

    def arrived(self) -> list[Any]:
        """Messages that were not taken from the queue before; each is acknowledged."""
        found = []
        with self.channel() as channel:
            while (message := channel.basic_get(self.queue, no_ack=True)) is not None:
                found.append(message)
        return found

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(message.body) for message in self.arrived()]


@contextmanager
def inlet() -> Iterator[Inlet]:
    """Skips the test where there is no broker."""
    name = f"test-{uuid4().hex[:12]}"
    made = Inlet(rabbitmq_url(), name, f"{name}.events")
    yield made
    with made.channel() as channel:
        channel.queue_delete(made.queue)
        channel.exchange_delete(made.exchange)
