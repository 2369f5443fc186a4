"""So many polls of one user are open at once in a process, and no more: each is a connection that waits."""

from typing import Any

import pytest

from app.core.runtime import Runtime
from app.core.settings import Settings
from tests.support.people import PASSWORD, Call, Person, ok, problem, types_of
from tests.support.waiting import ParkedPoll, eventually

MOST = 3


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"poll_max_per_user": MOST})


def device_of(person: Person) -> Person:
    """Another session of theirs, with an inbox of its own in which nothing is."""
    body = {"email": person.email, "password": PASSWORD}
    tokens = ok(person.app.test_client().post("/api/v1/auth/login", json=body))
    device = Person(person.app, person.name, person.email, tokens)
    device.poll(ack=device.poll()["head_seq"])
    return device


@pytest.fixture
def devices(anna: Person) -> list[Person]:
    return [device_of(anna) for _ in range(MOST + 1)]


@pytest.fixture
def open_polls(devices: list[Person], runtime: Runtime) -> list[ParkedPoll]:
    """As many as Anna may have."""
    return [ParkedPoll(runtime, device) for device in devices[:MOST]]


def refusal(device: Person, **query: Any) -> dict[str, Any]:
    answer = device.get("/rtc/inbox", **{"wait": 20, **query})
    told = problem(answer, 429, "too_many_polls")
    assert int(answer.headers["Retry-After"]) >= 1
    return told


def test_one_more_is_refused_and_the_others_wait_on(devices: list[Person], open_polls: list[ParkedPoll]) -> None:
    refusal(devices[MOST])
    assert all(poll.is_parked for poll in open_polls)


@pytest.mark.usefixtures("open_polls")
def test_the_refusal_says_how_many_there_may_be(devices: list[Person]) -> None:
    assert str(MOST) in refusal(devices[MOST])["detail"]


@pytest.mark.usefixtures("open_polls")
def test_one_that_does_not_wait_is_answered(devices: list[Person]) -> None:
    assert devices[MOST].poll()["messages"] == []


@pytest.mark.usefixtures("open_polls")
def test_others_may_poll(ben: Person, runtime: Runtime) -> None:
    ben.poll(ack=ben.poll()["head_seq"])
    assert ParkedPoll(runtime, ben).is_parked


def test_one_that_ends_makes_room(devices: list[Person], open_polls: list[ParkedPoll]) -> None:
    refusal(devices[MOST])
    assert devices[0].post("/auth/logout").status_code == 204
    open_polls[0].response()

    def finds_room() -> bool:
        return devices[MOST].get("/rtc/inbox", wait=0.01).status_code == 200

    eventually(finds_room, "room for another poll")


def test_one_that_takes_the_place_of_an_older_one_of_its_inbox_needs_no_room(
    devices: list[Person], open_polls: list[ParkedPoll], runtime: Runtime
) -> None:
    again = ParkedPoll(runtime, devices[0])
    assert open_polls[0].reply()["superseded"] is True
    assert again.is_parked
    refusal(devices[MOST])


def test_stays_in_meetings_count_too(call: Call, runtime: Runtime) -> None:
    stays = [call.guest.join(call.meeting, device=f"device-{n}")["participant"] for n in range(MOST)]
    for stay in (*stays, call.guests):
        call.guest.poll(stay, ack=call.guest.poll(stay)["head_seq"])
    polls = [ParkedPoll(runtime, call.guest, stay) for stay in stays]
    refusal(call.guest, participant_id=call.guests["id"])
    ok(call.owner.post(f"/meetings/{call.meeting['id']}/end"))
    for poll in polls:
        assert poll.reply()["ended"] == {"reason": "meeting_ended"} or types_of(poll.reply())
