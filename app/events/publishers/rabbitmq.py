"""Events to RabbitMQ: a topic exchange, and one queue behind it.

py-amqp, which Celery brings along, and not pika: pika's blocking connection waits for the broker's confirmation of each
message before the next is sent. Here a whole batch is sent, and then its confirmations are waited for.

How nothing is lost: exchange and queue are durable, messages are persistent, and one counts as sent when the broker has
confirmed it. It is sent as mandatory, so that one that no queue takes comes back, and does not count as sent. (The
broker hands it back before it confirms it: https://www.rabbitmq.com/docs/confirms#when-publishes-are-confirmed.)

How one relay sends at a time: its connection owns an exclusive queue, which the broker lets no other connection have.
A relay that was asleep while another took its lease finds that its connection has ended, and so can't send what is old
behind what is new.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import amqp
import structlog
from amqp.exceptions import AMQPError, ResourceLocked
from kombu.utils.url import url_to_parts

from app.events.publishers.base import Outgoing, PublisherUnusable

CONNECT_S = 4.0
ANSWER_S = 10.0  # for the confirmation of a batch: a broker whose disk is full confirms nothing
GOODBYE_S = 1.0
HEARTBEAT_S = 10  # after two of them without a sign of life the broker ends a connection, and others may send
EVERYTHING = "#"

log = structlog.get_logger()


class RabbitMqPublisher:
    """:param url: amqp://user:password@host:port/vhost, or amqps://, percent-encoded."""

    sends = True

    def __init__(self, url: str, exchange: str, queue: str) -> None:
        scheme, host, port, user, password, path, _ = url_to_parts(url)
        self._exchange = exchange
        self._queue = queue
        self._lock_queue = f"{exchange}.relay"
        self._options: dict[str, Any] = {
            "host": f"{host or 'localhost'}:{port or (5671 if scheme == 'amqps' else 5672)}",
            "userid": user or "guest",
            "password": password or "guest",
            "virtual_host": path or "/",
            "ssl": scheme == "amqps",
            "connect_timeout": CONNECT_S,
            "read_timeout": ANSWER_S,
            "write_timeout": ANSWER_S,
            "heartbeat": HEARTBEAT_S,
        }
        self._connection: Any = None
        self._channel: Any = None
        self._number = 0  # of messages on this channel: the broker confirms by it
        self._open: dict[int, str] = {}  # ids of those that are not confirmed yet
        self._confirmed: set[str] = set()
        self._returned: set[str] = set()

    def publish(self, events: Sequence[Outgoing]) -> set[str]:
        try:
            self._connect()
            self._send(events)
        except (OSError, AMQPError) as error:  # OSError: a time-out, too
            self._drop()
            raise PublisherUnusable(_said(error)) from None
        if self._returned:
            log.warning("no queue takes an event", exchange=self._exchange, events=len(self._returned))
            self._drop()  # the next connection binds the queue again
        return self._confirmed - self._returned

    def keep(self) -> None:
        try:
            self._connect()
            self._connection.heartbeat_tick(rate=2)
            with suppress(TimeoutError):  # there was nothing to read
                self._connection.drain_events(timeout=0.001)
        except (OSError, AMQPError) as error:
            self._drop()
            raise PublisherUnusable(_said(error)) from None

    def rest(self) -> None:
        self._drop()

    def usable(self) -> None:
        connection = amqp.Connection(**self._options)
        try:
            connection.connect()
        except (OSError, AMQPError) as error:
            raise PublisherUnusable(_said(error)) from None
        finally:
            _end(connection)

    def close(self) -> None:
        self._drop()

    def _connect(self) -> None:
        if self._connection is not None:
            return
        self._connection = amqp.Connection(**self._options)
        self._connection.connect()
        channel = self._channel = self._connection.channel()
        try:
            channel.queue_declare(self._lock_queue, exclusive=True, durable=False, auto_delete=True)
        except ResourceLocked:
            raise ResourceLocked(reply_text="another relay is connected") from None
        channel.exchange_declare(self._exchange, "topic", durable=True, auto_delete=False)
        channel.queue_declare(self._queue, durable=True, exclusive=False, auto_delete=False)
        channel.queue_bind(self._queue, self._exchange, EVERYTHING)
        channel.confirm_select()
        channel.events["basic_ack"].add(self._acknowledged)
        channel.events["basic_nack"].add(self._refused)
        channel.events["basic_return"].add(self._came_back)
        self._number, self._open = 0, {}

    def _send(self, events: Sequence[Outgoing]) -> None:
        self._confirmed, self._returned = set(), set()
        for event in events:
            self._number += 1
            self._open[self._number] = event.id
            message = amqp.Message(
                event.body,
                content_type="application/json",
                delivery_mode=2,  # persistent
                message_id=event.id,
                timestamp=int(event.occurred_at.timestamp()),
                type=event.name,
                app_id="parley",
            )
            self._channel.basic_publish(message, self._exchange, event.name, mandatory=True)
        while self._open:
            self._connection.drain_events(timeout=ANSWER_S)

    def _acknowledged(self, number: int, multiple: bool) -> None:
        self._confirmed |= self._take(number, multiple=multiple)

    def _refused(self, number: int, multiple: bool) -> None:
        log.warning("the broker refused events", events=len(self._take(number, multiple=multiple)))

    def _came_back(self, _error: object, _exchange: str, _key: str, message: Any) -> None:
        self._returned.add(message.properties["message_id"])

    def _take(self, number: int, *, multiple: bool) -> set[str]:
        numbers = [one for one in self._open if one <= number] if multiple else [number]
        return {self._open.pop(one) for one in numbers if one in self._open}

    def _drop(self) -> None:
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None:
            _end(connection)


def _end(connection: Any) -> None:
    """Without waiting for a broker that may be gone: whatever it said, nothing is expected of it any more."""
    if connection.connected:
        try:
            connection.transport.sock.settimeout(GOODBYE_S)
            connection.close()
        except (OSError, AMQPError):
            pass
    connection.collect()


def _said(error: Exception) -> str:
    text = getattr(error, "reply_text", None) or str(error)
    return f"RabbitMQ: {type(error).__name__}{f' ({text})' if text else ''}"
