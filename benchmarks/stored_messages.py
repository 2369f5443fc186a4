"""What a poll costs with a million stored messages, against the same with a thousand.

A tenth of them lie in the polled inboxes, long acknowledged; the rest in inboxes of others. Measured are a poll that
finds nothing and one that delivers the newest `DELIVERED` messages, both of the kind that reads the database.
"""

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import insert, select, update

from app.core.ids import new_id
from app.core.runtime import Runtime
from app.inbox.models import Inbox, Signal
from benchmarks import server
from benchmarks.empty_poll import cpu_us
from benchmarks.figure import Figure, measure_in_turn, spread
from benchmarks.meeting import Device, organiser

FEW, MANY = 1_000, 1_000_000
PAIRS = 9
POLLED = 8  # inboxes, each polled over a connection of its own
OTHERS = 992
POLLS = 60  # of each in one measurement
DELIVERED = 10
ROWS_A_STATEMENT = 10_000


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as few, tempfile.TemporaryDirectory() as many:
        with_few, with_many = _filled(Path(few), FEW), _filled(Path(many), MANY)
        with server.parley(Path(few)) as server_of_few, server.parley(Path(many)) as server_of_many:

            def costs(behind: int) -> tuple[list[float], list[float]]:
                return measure_in_turn(
                    lambda: cpu_us(server_of_many, _polls(with_many, behind), POLLS),
                    lambda: cpu_us(server_of_few, _polls(with_few, behind), POLLS),
                    PAIRS,
                )

            return [_figure("empty poll", *costs(0)), _figure(f"poll that delivers {DELIVERED}", *costs(DELIVERED))]


def _figure(name: str, many: list[float], few: list[float]) -> Figure:
    return Figure(
        name=f"{name}, 10⁶ stored messages, CPU",
        unit="µs",
        value=median(many),
        yardstick=median(few),
        yardstick_name="with 10³",
        must=1.2,
        aim=1.0,
        spread=spread(many),
    )


def _polls(heads: dict[Device, int], behind: int) -> list[bytes]:
    """A poll that does not say where to begin begins behind what is acknowledged: only the database knows where."""
    return [device.poll(after=head - behind if behind else None) for device, head in heads.items()]


def _filled(storage: Path, messages: int) -> dict[Device, int]:
    """Make a database with so many messages; the devices to poll for, and the newest number of each one's inbox."""
    with organiser(storage) as people:
        devices = people.meeting(POLLED)
        runtime = people.runtime
        owners = [device.participant_id for device in devices]
        with runtime.reading() as work:
            inboxes = {row.owner_id: row for row in work.scalars(select(Inbox).where(Inbox.owner_id.in_(owners)))}
        others = _other_inboxes(runtime)
        own = messages // 10 // POLLED
        _store(runtime, [(inbox.id, inbox.head_seq) for inbox in inboxes.values()], own)
        _store(runtime, [(inbox_id, 0) for inbox_id in others], (messages - own * POLLED) // OTHERS)
        return {device: inboxes[device.participant_id].head_seq + own for device in devices}


def _other_inboxes(runtime: Runtime) -> list[str]:
    now = datetime.now(UTC)
    ids = [new_id() for _ in range(OTHERS)]
    rows = [
        {
            "id": inbox_id,
            "kind": "participant",
            "owner_id": new_id(),
            "address": {},
            "last_seen_at": now,
            "created_at": now,
        }
        for inbox_id in ids
    ]
    with runtime.writing() as work:
        work.execute(insert(Inbox), rows)
    return ids


def _store(runtime: Runtime, inboxes: list[tuple[str, int]], of_each: int) -> None:
    """Put `of_each` messages into each of `inboxes` (id, newest number), acknowledged, in the order of their times."""
    newest = [
        {"inbox_id": inbox_id, "seq": head + number} for number in range(1, of_each + 1) for inbox_id, head in inboxes
    ]
    for start in range(0, len(newest), ROWS_A_STATEMENT):
        with runtime.writing() as work:
            work.execute(insert(Signal), list(_rows(newest[start : start + ROWS_A_STATEMENT])))
    with runtime.writing() as work:
        for inbox_id, head in inboxes:
            heads = {"head_seq": head + of_each, "acked_seq": head + of_each}
            work.execute(update(Inbox).where(Inbox.id == inbox_id).values(**heads))


def _rows(numbers: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    at = datetime.now(UTC) - timedelta(minutes=30)
    payload = {"candidate": {"candidate": "candidate:1 1 udp 2122260223 192.0.2.1 54321 typ host", "sdpMid": "0"}}
    for number in numbers:
        yield {
            **number,
            "id": new_id(),
            "meeting_id": new_id(),
            "from_participant_id": new_id(),
            "sender": None,
            "type": "rtc.candidate",
            "payload": payload,
            "event_id": new_id(),
            "created_at": at,
        }
