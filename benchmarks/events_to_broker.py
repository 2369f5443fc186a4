"""From a commit to RabbitMQ: how soon an event is in the hands of a consumer there, and how many pass in a second.

The yardstick is the same driver without a database: bodies of the same length, published with confirmations, on another
exchange of the same broker. TEST_RABBITMQ_URL names the broker, else it is on loopback. SQLite.
"""

import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from statistics import median
from typing import Any
from uuid import uuid4

import amqp
from kombu import Connection

from app import create_app
from app.cli import register_commands
from app.core.ids import new_id
from app.core.runtime import Runtime
from app.core.settings import load_settings
from app.events import service
from app.events.publishers.base import EventPublisher, Outgoing
from app.events.publishers.rabbitmq import RabbitMqPublisher
from app.events.relay import Relay, backlog
from benchmarks.figure import Figure, Missing, measure_in_turn, percentile, spread

URL = os.environ.get("TEST_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672//")
ONE_BY_ONE = 200
MEETINGS = 500
EVENTS = 2_000
PAIRS = 5
BODY = b"x" * 330  # as long as most events are


def measure() -> list[Figure | Missing]:
    names = ("an event from its commit to a consumer, p50", "events a second from the outbox to the broker")
    try:
        with Connection(URL, connect_timeout=5) as connection:
            connection.connect()
    except OSError as error:
        return [Missing(name, f"no RabbitMQ: {error}") for name in names]
    with tempfile.TemporaryDirectory() as folder, _bare() as bare, _parley(Path(folder)) as runtime:
        soon, bare_soon = _latency(runtime, bare)
        rates, bare_rates = measure_in_turn(lambda: _rate(runtime), lambda: _bare_rate(bare), PAIRS)
    return [
        Figure(
            names[0], "ms", percentile(soon, 50), median(bare_soon), "published and confirmed without a database",
            must=10, aim=5, spread=spread(soon),
        ),
        Figure(
            names[1], "/s", median(rates), median(bare_rates), "published and confirmed without a database",
            must=0.1, aim=0.25, spread=spread(rates), at_least=True,
        ),
    ]  # fmt: skip


def _latency(runtime: Runtime, bare: RabbitMqPublisher) -> tuple[list[float], list[float]]:
    stopping = threading.Event()
    relay = threading.Thread(target=Relay(runtime).run, args=(stopping,))
    relay.start()
    with _consumer(bare._queue) as bare_came, _consumer(runtime.settings.events_queue) as came:

        def through_parley() -> float:
            began = time.perf_counter()
            _record(runtime, "meeting-0")
            came.get(timeout=10)
            return (time.perf_counter() - began) * 1000

        def bare_one() -> float:
            event = _outgoing()
            began = time.perf_counter()
            bare.publish([event])
            bare_came.get(timeout=10)
            return (time.perf_counter() - began) * 1000

        measured = measure_in_turn(through_parley, bare_one, ONE_BY_ONE)
    stopping.set()
    relay.join()
    return measured


def _rate(runtime: Runtime) -> float:
    for number in range(EVENTS):
        _record(runtime, f"meeting-{number % MEETINGS}")
    relay = Relay(runtime)
    began = time.perf_counter()
    while relay.send_due():
        pass
    took = time.perf_counter() - began
    with runtime.reading() as work:
        assert backlog(work).waiting == 0
    runtime.drivers[EventPublisher].rest()
    relay._lease.release()
    return EVENTS / took


def _bare_rate(bare: RabbitMqPublisher) -> float:
    events = [_outgoing() for _ in range(EVENTS)]
    began = time.perf_counter()
    for start in range(0, EVENTS, MEETINGS):
        bare.publish(events[start : start + MEETINGS])
    return EVENTS / (time.perf_counter() - began)


def _record(runtime: Runtime, meeting_id: str) -> None:
    with runtime.writing() as work:
        service.record(work, "meeting.ended", {"reason": "empty"}, meeting_id=meeting_id)


def _outgoing() -> Outgoing:
    return Outgoing(new_id(), "meeting.ended", datetime.now(UTC), BODY)


@contextmanager
def _consumer(queue: str) -> Iterator[SimpleQueue[float]]:
    """When each message came, from now on."""
    came: SimpleQueue[float] = SimpleQueue()
    stopping = threading.Event()
    with _connection() as connection:
        channel = connection.channel()
        channel.queue_declare(queue, durable=True, auto_delete=False)
        channel.basic_consume(queue, no_ack=True, callback=lambda _: came.put(time.perf_counter()))

        def drain() -> None:
            while not stopping.is_set():
                try:
                    connection.drain_events(timeout=0.2)
                except TimeoutError:
                    continue

        thread = threading.Thread(target=drain)
        thread.start()
        try:
            yield came
        finally:
            stopping.set()
            thread.join()


def _connection() -> Any:
    told = Connection(URL).info()
    return amqp.Connection(f"{told['hostname']}:{told['port'] or 5672}", told["userid"], told["password"])


@contextmanager
def _names() -> Iterator[tuple[str, str]]:
    exchange = f"bench-{uuid4().hex[:12]}"
    yield exchange, f"{exchange}.events"
    with _connection() as connection:
        connection.channel().queue_delete(f"{exchange}.events")
        connection.channel().exchange_delete(exchange)


@contextmanager
def _bare() -> Iterator[RabbitMqPublisher]:
    with _names() as (exchange, queue):
        publisher = RabbitMqPublisher(URL, exchange, queue)
        publisher.keep()
        yield publisher
        publisher.close()


@contextmanager
def _parley(folder: Path) -> Iterator[Runtime]:
    from flask_migrate import upgrade

    with _names() as (exchange, queue):
        app = create_app(
            load_settings(
                storage_dir=folder,
                log_level="WARNING",
                wakeups="in_process",
                events_broker_url=URL,
                events_exchange=exchange,
                events_queue=queue,
                _env_file=None,
            )
        )
        register_commands(app)
        with app.app_context():
            upgrade()
        yield app.runtime
        app.runtime.close()
