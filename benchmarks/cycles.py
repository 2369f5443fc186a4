"""Send, poll, acknowledge: how many such cycles one process does, against a bare Flask app with the same statements.

On SQLite, and on PostgreSQL where there is one: BENCH_POSTGRESQL_URL names a server on which a database may be made
(default: user postgres on 127.0.0.1). By the clock the rest of the machine counts too, clients and PostgreSQL among it;
a second figure therefore counts cycles per second of the server process's CPU.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import uvloop
from sqlalchemy import create_engine, make_url, select, text
from sqlalchemy.exc import SQLAlchemyError

from app.inbox.models import Inbox
from benchmarks import client, server
from benchmarks.client import Connection, connect
from benchmarks.figure import Figure, Missing, measure_in_turn, spread
from benchmarks.meeting import Device, Organiser, organiser

PAIRS = 5
CLIENTS = 8  # each a sender and a recipient of its own
ROUND_S = 2.0
POSTGRESQL = "postgresql+psycopg://postgres@127.0.0.1:5432/postgres"

Cycle = Callable[[Connection], Awaitable[None]]


class NoServer(Exception):
    """There is no PostgreSQL on which a database could be made."""


@dataclass(frozen=True)
class Rate:
    by_clock: float  # cycles a second
    by_cpu: float  # cycles a second of the server process's CPU


def measure() -> list[Figure | Missing]:
    with tempfile.TemporaryDirectory() as folder:
        storage = Path(folder)
        rows: list[Figure | Missing] = [*_on_database("SQLite", storage, f"sqlite:///{storage / 'meetings.db'}")]
    try:
        with tempfile.TemporaryDirectory() as folder, postgresql_database() as url:
            rows += _on_database("PostgreSQL", Path(folder), url)
    except NoServer as error:
        rows.append(Missing("send + poll + ack, PostgreSQL", f"no server: {error}"))
    return rows


@contextmanager
def postgresql_database() -> Iterator[str]:
    """The URL of an empty database, which is dropped afterwards.

    :raises NoServer:
    """
    url = make_url(os.environ.get("BENCH_POSTGRESQL_URL", POSTGRESQL))
    name = f"parley_bench_{uuid4().hex[:12]}"
    administrator = create_engine(url, isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 3})
    try:
        with administrator.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0"))
    except SQLAlchemyError as error:
        raise NoServer(str(error.__cause__).splitlines()[0]) from None
    try:
        yield url.set(database=name).render_as_string(hide_password=False)
    finally:
        with administrator.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        administrator.dispose()


def _on_database(database: str, storage: Path, url: str) -> list[Figure]:
    with organiser(storage, url) as people:
        through_parley = [_parley_cycle(*people.meeting(2)) for _ in range(CLIENTS)]
        through_bare = [_bare_cycle(people, people.meeting(1)[0]) for _ in range(CLIENTS)]
    with server.parley(storage, url) as parley, server.yardstick("bare", "statements", url) as bare:
        figure, yardstick = measure_in_turn(
            lambda: rate(parley, through_parley), lambda: rate(bare, through_bare), PAIRS
        )
    return [
        _figure(
            f"send + poll + ack, {database}",
            "cycles/s",
            [one.by_clock for one in figure],
            [one.by_clock for one in yardstick],
        ),
        _figure(
            f"send + poll + ack, {database}, CPU",
            "cycles/CPU s",
            [one.by_cpu for one in figure],
            [one.by_cpu for one in yardstick],
        ),
    ]


def _figure(name: str, unit: str, figure: list[float], yardstick: list[float]) -> Figure:
    return Figure(
        name=name,
        unit=unit,
        value=median(figure),
        yardstick=median(yardstick),
        yardstick_name="bare Flask, the three statements",
        must=0.6,
        aim=0.9,
        spread=spread(figure),
        at_least=True,
    )


def rate(measured: server.Server, cycles: list[Cycle]) -> Rate:
    """All of `cycles` again and again, each over a connection of its own, for `ROUND_S`."""
    cpu_s, began = measured.cpu_s, time.perf_counter()
    done = uvloop.run(_repeat(measured.port, cycles, began + ROUND_S))
    return Rate(done / (time.perf_counter() - began), done / (measured.cpu_s - cpu_s))


async def _repeat(port: int, cycles: list[Cycle], until: float) -> int:
    async def one(cycle: Cycle) -> int:
        connection, done = await connect(port), 0
        while time.perf_counter() < until:
            await cycle(connection)
            done += 1
        connection.close()
        return done

    return sum(await asyncio.gather(*(one(cycle) for cycle in cycles)))


def _parley_cycle(sender: Device, recipient: Device) -> Cycle:
    seen: int | None = None

    async def cycle(connection: Connection) -> None:
        nonlocal seen
        await connection.json(sender.signal(recipient))
        [message] = (await connection.json(recipient.poll(after=seen)))["messages"]
        seen = message["seq"]
        await connection.json(recipient.acknowledge(message["seq"]))

    return cycle


def _bare_cycle(people: Organiser, device: Device) -> Cycle:
    with people.runtime.reading() as work:
        inbox = work.execute(select(Inbox.id, Inbox.head_seq).where(Inbox.owner_id == device.participant_id)).one()
    message = {
        "inbox_id": inbox.id,
        "meeting_id": device.meeting_id,
        "from_participant_id": device.participant_id,
        "sender": {"participant_id": device.participant_id, "display_name": "Person", "kind": "user"},
        "payload": {"candidate": {"candidate": "candidate:1 1 udp 2122260223 192.0.2.1 54321 typ host", "sdpMid": "0"}},
    }
    seq = inbox.head_seq

    async def cycle(connection: Connection) -> None:
        nonlocal seq
        seq += 1
        await connection.json(client.post("/send", {**message, "seq": seq}))
        reply: Any = await connection.json(client.get(f"/poll?inbox_id={inbox.id}&after={seq - 1}"))
        [_] = reply["messages"]
        await connection.json(client.post("/ack", {"inbox_id": inbox.id, "up_to": seq}))

    return cycle
