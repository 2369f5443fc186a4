"""Whoever is sent away learns it at once where polls are answered from memory too, and so does whoever is let in."""

from collections.abc import Iterator
from typing import Any

import pytest

from app.core.flask_app import ParleyApp
from app.core.runtime import Runtime
from tests.serving.asked_of_flask import count_asked
from tests.serving.bridged import bridged
from tests.support.people import Call, Person, ok, problem, start_call, types_of
from tests.support.waiting import ParkedPoll


@pytest.fixture
def app(app: ParleyApp) -> Iterator[ParleyApp]:
    app.extensions["asked_of_flask"] = count_asked(app)
    with bridged(app) as app.wsgi_app:  # type: ignore[method-assign]
        yield app


def parked(runtime: Runtime, person: Person, participant: dict[str, Any], asked: list[str]) -> ParkedPoll:
    """A poll that memory holds: the device is known from its last one."""
    head = person.poll(participant)["head_seq"]
    asked.clear()
    poll = ParkedPoll(runtime, person, participant, after=head)
    assert asked == []
    return poll


@pytest.mark.parametrize(("what", "reason"), [("remove", "removed"), ("ban", "banned")])
def test_a_parked_poll_ends_with_the_reason(
    call: Call, runtime: Runtime, asked: list[str], what: str, reason: str
) -> None:
    poll = parked(runtime, call.guest, call.guests, asked)
    ok(call.owner.post(f"/participants/{call.guests['id']}/{what}"))
    assert poll.reply()["ended"] == {"reason": reason}
    gone = call.guest.get("/rtc/inbox", participant_id=call.guests["id"], wait=20, after=0)
    assert problem(gone, 410, "inbox_closed")["reason"] == reason
    assert call.send(call.offer()).status_code in (403, 409)


def test_who_waits_is_let_in_by_a_message(anna: Person, ben: Person, runtime: Runtime, asked: list[str]) -> None:
    call = start_call(anna, ben, lobby="everyone")
    poll = parked(runtime, call.guest, call.guests, asked)
    ok(call.owner.post(f"/participants/{call.guests['id']}/admit"))
    assert types_of(poll.reply()) == ["participant.updated"]
    assert asked == []
