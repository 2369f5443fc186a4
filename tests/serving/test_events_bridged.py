"""Polls of the log under the bridge: parked without a thread, answered at once, and gone with their clients."""

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import pytest

from app.core.flask_app import ParleyApp
from app.core.runtime import Runtime
from app.inbox.parking import Parking
from tests.serving.uvicorn_server import serving
from tests.support.people import Call, Person, ok
from tests.support.waiting import LONG_S, LONGEST_S, eventually


@pytest.fixture
def port(app: ParleyApp) -> Iterator[int]:
    with serving(app) as port:
        yield port


def follow(port: int, person: Person, query: str = "") -> HTTPConnection:
    after = ok(person.get("/events", limit="200"))["after"]
    connection = HTTPConnection("127.0.0.1", port, timeout=LONGEST_S)
    path = f"/api/v1/events?after={after}&wait={LONG_S}{query}"
    connection.request("GET", path, headers={"Authorization": f"Bearer {person.tokens['access_token']}"})
    return connection


def names(poll: HTTPConnection) -> list[str]:
    answer = poll.getresponse()
    assert answer.status == 200
    reply: dict[str, Any] = json.load(answer)
    return [event["name"] for event in reply["events"]]


def parked(runtime: Runtime) -> int:
    parking: Parking = runtime.drivers[Parking]
    return len(parking.parked)


def test_a_follower_hears_what_is_theirs_and_sleeps_through_what_is_not(
    call: Call, cleo: Person, port: int, runtime: Runtime
) -> None:
    poll, others = follow(port, call.owner), follow(port, cleo)
    eventually(lambda: parked(runtime) == 2)
    ok(call.owner.post(f"/meetings/{call.meeting['id']}/end"))
    assert names(poll)[-1] in ("meeting.ended", "participant.left")
    cleo.create_meeting()
    assert names(others) == ["meeting.created"]
    eventually(lambda: parked(runtime) == 0)


def test_a_follower_of_one_meeting_is_woken_by_it(call: Call, port: int, runtime: Runtime) -> None:
    poll = follow(port, call.owner, f"&meeting_id={call.meeting['id']}&name=meeting.ended")
    eventually(lambda: parked(runtime) == 1)
    call.owner.create_meeting()
    ok(call.owner.post(f"/meetings/{call.meeting['id']}/end"))
    assert names(poll) == ["meeting.ended"]


def test_a_follower_that_hangs_up_frees_its_place(call: Call, port: int, runtime: Runtime) -> None:
    poll = follow(port, call.owner)
    eventually(lambda: parked(runtime) == 1)
    poll.close()
    eventually(lambda: parked(runtime) == 0, "the place to be free")


def test_followers_are_answered_when_the_server_ends(call: Call, port: int, runtime: Runtime) -> None:
    poll = follow(port, call.owner)
    eventually(lambda: parked(runtime) == 1)
    runtime.wakeups.close()
    assert names(poll) == []


def test_who_has_too_many_polls_open_is_told(call: Call, port: int, runtime: Runtime) -> None:
    runtime.drivers[Parking].most_per_user = 1
    poll = follow(port, call.owner)
    eventually(lambda: parked(runtime) == 1)
    assert follow(port, call.owner).getresponse().status == 429
    poll.close()


def test_a_follower_whose_session_ends_is_told_so(call: Call, port: int, runtime: Runtime) -> None:
    poll = follow(port, call.owner)
    eventually(lambda: parked(runtime) == 1)
    ok(call.owner.post("/auth/logout"), 204)
    call.guest.create_meeting()
    answer = poll.getresponse()
    assert (answer.status, json.load(answer)["code"]) == (401, "session_ended")
