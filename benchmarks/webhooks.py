"""Events to a receiver of webhooks: how many pass in a second, signed, in order, with every outcome stored; SQLite.

The yardstick is the same client posting bodies of the same length to the same receiver from as many threads, with
neither database nor signatures. The receiver is a process of its own: `python -m benchmarks.webhooks PORT`.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from app import create_app
from app.accounts import service as accounts
from app.cli import register_commands
from app.core.actor import Actor
from app.core.runtime import Runtime
from app.core.settings import load_settings
from app.events import service as events
from app.webhooks import service as webhooks
from app.webhooks.feeding import Feeder
from app.webhooks.posting import Poster
from app.webhooks.sending import Sender
from benchmarks.figure import Figure, Missing, measure_in_turn, spread
from benchmarks.server import yardstick

EVENTS = 400
PEOPLE = 4  # each with a webhook, of which a quarter of the threads may work at once
PAIRS = 5
BODY = b"x" * 330  # as long as most events are
ANSWER = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"


def measure() -> list[Figure | Missing]:
    with (
        yardstick("webhooks") as receiver,
        tempfile.TemporaryDirectory() as folder,
        _parley(Path(folder)) as runtime,
    ):
        url = f"http://127.0.0.1:{receiver.port}/"
        people = [_subscribe(runtime, number, url) for number in range(PEOPLE)]
        rates, bare = measure_in_turn(lambda: _rate(runtime, people), lambda: _bare_rate(runtime, url), PAIRS)
    return [
        Figure(
            "events a second from the log to a receiver of webhooks", "/s", median(rates), median(bare),
            "the same client posting as many bodies", must=0.1, aim=0.3, spread=spread(rates), at_least=True,
        ),
    ]  # fmt: skip


def _rate(runtime: Runtime, people: list[str]) -> float:
    for number in range(EVENTS):
        with runtime.writing() as work:
            user_id = people[number % PEOPLE]
            events.record(work, "call.received", {"call_id": user_id}, user_id=user_id)
    feeder, sender = Feeder(runtime), Sender(runtime)
    began = time.perf_counter()
    while feeder.feed():
        pass
    while sender.send_due():
        sender.settle()
    took = time.perf_counter() - began
    feeder._lease.release()
    sender.close()
    with runtime.reading() as work:
        backlog = webhooks.backlog(work)
        assert backlog is not None
        assert backlog.waiting == 0
    return EVENTS / took


def _bare_rate(runtime: Runtime, url: str) -> float:
    at_once = runtime.settings.webhook_senders
    poster = Poster(allowed=runtime.settings.webhook_networks, time_s=15, answer_bytes=1024, at_once=at_once)
    began = time.perf_counter()
    with ThreadPoolExecutor(at_once) as threads:
        for answer in threads.map(lambda _: poster.post(url, {}, BODY), range(EVENTS)):
            assert answer.status == 204
    took = time.perf_counter() - began
    poster.close()
    return EVENTS / took


def _subscribe(runtime: Runtime, number: int, url: str) -> str:
    with runtime.writing() as work:
        user = accounts.create(work, email=f"{number}@example.org", display_name="Anna", role="user", password=None)
        work.flush()
        webhooks.create(work, Actor(user.id, "", "Anna", "user"), url=url, description="", names=None)
    return user.id


@contextmanager
def _parley(folder: Path) -> Iterator[Runtime]:
    from flask_migrate import upgrade

    reaching_here = {"webhook_http": True, "webhook_networks": ("127.0.0.0/8",)}
    app = create_app(
        load_settings(storage_dir=folder, log_level="WARNING", wakeups="in_process", _env_file=None, **reaching_here)
    )
    register_commands(app)
    with app.app_context():
        upgrade()
    yield app.runtime
    app.runtime.close()


async def _receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
            await reader.readexactly(int(length.partition(b":")[2]))
            writer.write(ANSWER)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def _serve(port: int) -> None:
    server = await asyncio.start_server(_receive, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
