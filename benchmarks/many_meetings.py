"""What a person's list of meetings and their calendar feed cost with 10⁵ meetings, against the same with 10⁴.

A tenth of the meetings are the person's own, one a quarter of an hour apart, so that as many lie ahead as behind; the
rest are of others, at the same times. Their owner asks for a page from the middle, for the page behind a cursor, and
for what is scheduled next, as the page of the demo client does; and a calendar app asks for the feed, as it does when
nothing has changed, and when something has. The feed is of the same size in both: `FEED_MOST` bounds it.
"""

import re
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import quote

import uvloop
from sqlalchemy import insert, select

from app.accounts.models import User
from app.core.ids import new_code, new_id
from app.core.runtime import Runtime
from app.meetings.models import Meeting, MeetingPerson
from benchmarks import client, server
from benchmarks.empty_poll import cpu_us
from benchmarks.figure import Figure, measure_in_turn, spread
from benchmarks.meeting import organiser

FEW, MANY = 10_000, 100_000
PAIRS = 5
PEOPLE = 10
APART = timedelta(minutes=15)
ROWS_A_STATEMENT = 5_000
_FEED_SAME, _FEED_NEW = "feed, unchanged (304)", "feed of 1,000, changed"
REQUESTS = 60  # in one measurement
REQUESTS_OF_FEED = 3
PAGE = 50


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as few, tempfile.TemporaryDirectory() as many:
        of_few, of_many = _filled(Path(few), FEW), _filled(Path(many), MANY)
        with server.parley(Path(few)) as server_of_few, server.parley(Path(many)) as server_of_many:
            few_asked = uvloop.run(_requests(server_of_few.port, of_few))
            many_asked = uvloop.run(_requests(server_of_many.port, of_many))

            def costs(name: str) -> tuple[list[float], list[float]]:
                times = REQUESTS_OF_FEED if name == _FEED_NEW else REQUESTS
                return measure_in_turn(
                    lambda: cpu_us(server_of_many, [many_asked[name]], times),
                    lambda: cpu_us(server_of_few, [few_asked[name]], times),
                    PAIRS,
                )

            return [_figure(name, *costs(name)) for name in many_asked]


def _figure(name: str, many: list[float], few: list[float]) -> Figure:
    return Figure(
        name=f"{name}, 10⁵ meetings, CPU",
        unit="µs",
        value=median(many),
        yardstick=median(few),
        yardstick_name="with 10⁴",
        must=1.5,
        aim=1.1,
        spread=spread(many),
    )


async def _requests(port: int, token: str) -> dict[str, bytes]:
    connection = await client.connect(port)

    async def page(query: str) -> Any:
        return await connection.json(client.get(f"/api/v1/meetings?limit={PAGE}&{query}", token))

    now = quote(datetime.now(UTC).isoformat())
    cursor = (await page(f"order=asc&from={now}"))["next_cursor"]
    feed = await connection.json(client.put("/api/v1/auth/me/calendar-feed", {}, token))
    path = "/api/v1" + feed["url"].partition("/api/v1")[2]
    status, _ = await connection.send(client.get(path))
    if status != 200:
        raise RuntimeError(f"feed: {status}")
    tag = re.search(r"\r\netag: *(\S+)", connection.head.decode(), re.IGNORECASE)
    if tag is None:
        raise RuntimeError("the feed has no ETag")
    connection.close()
    some = f"/api/v1/meetings?limit={PAGE}&order=asc"
    return {
        f"list, {PAGE} from now on": client.get(f"{some}&from={now}", token),
        f"list, {PAGE} behind a cursor": client.get(f"{some}&cursor={cursor}", token),
        f"list, {PAGE} scheduled": client.get(f"{some}&state=scheduled", token),
        _FEED_SAME: client.get(path, more=f"If-None-Match: {tag[1]}\r\n"),
        _FEED_NEW: client.get(path),
    }


def _filled(storage: Path, meetings: int) -> str:
    """Make a database with so many meetings; a token of the person who has a tenth of them."""
    with organiser(storage) as people:
        everybody = [people.person() for _ in range(PEOPLE)]
        with people.runtime.reading() as work:
            ids = [work.scalars(select(User.id).where(User.email == one.email)).one() for one in everybody]
        _store(people.runtime, ids, meetings // PEOPLE)
        return everybody[0].token


def _store(runtime: Runtime, owners: list[str], of_each: int) -> None:
    now = datetime.now(UTC)
    first = now - APART * (of_each // 2)
    numbers = [(owner, number) for number in range(of_each) for owner in owners]
    for start in range(0, len(numbers), ROWS_A_STATEMENT):
        meetings, people = [], []
        for owner, number in numbers[start : start + ROWS_A_STATEMENT]:
            at = first + APART * number
            place = {"state": "ended" if at < now else "scheduled", "sort_at": at}
            meeting_id = new_id()
            meetings.append(
                {
                    "id": meeting_id,
                    "owner_id": owner,
                    "title": f"Meeting {number}",
                    "starts_at": at,
                    "duration_min": 15,
                    "code": new_code(),
                    "media_mode": "p2p",
                    "created_at": first,
                    "updated_at": first,
                    **place,
                }
            )
            people.append({"meeting_id": meeting_id, "user_id": owner, "relation": "owner", **place})
        with runtime.writing() as work:
            work.execute(insert(Meeting), meetings)
            work.execute(insert(MeetingPerson), people)
