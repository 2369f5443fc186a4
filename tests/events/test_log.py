"""The log of events: what is in it, in which order it is read, who sees what, and how a poll of it waits."""

import threading
import time
from typing import Any

import pytest

from app.core.clock import ManualClock
from app.core.flask_app import ParleyApp
from app.core.runtime import Runtime
from app.events import log, service
from app.events.models import Event
from app.inbox.parking import Parking
from tests.support.people import Call, Person, ok, problem


def read(person: Person, **query: Any) -> dict[str, Any]:
    reply: dict[str, Any] = ok(person.get("/events", **query))
    return reply


def names(reply: dict[str, Any]) -> list[str]:
    return [event["name"] for event in reply["events"]]


def of_meeting(person: Person, meeting: dict[str, Any]) -> dict[str, Any]:
    return read(person, meeting_id=meeting["id"])


def test_a_call_is_told_in_its_order(call: Call) -> None:
    ok(call.owner.post(f"/meetings/{call.meeting['id']}/end"))
    told = of_meeting(call.owner, call.meeting)["events"]
    assert [event["seq"] for event in told] == list(range(1, len(told) + 1))
    positions = [event["position"] for event in told]
    assert positions == sorted(positions)
    assert told[0]["name"] == "meeting.created"
    assert told[-1]["name"] == "meeting.ended"
    assert told[-1]["payload"] == {"reason": "ended"}


def test_reading_goes_on_from_where_it_was(call: Call) -> None:
    everything = read(call.owner)["events"]
    pieces, after = [], 0
    for _ in everything:
        reply = read(call.owner, after=after, limit=1)
        pieces += reply["events"]
        after = reply["after"]
    assert pieces == everything
    assert read(call.owner, after=after)["events"] == []


def test_what_others_did_is_passed_over(call: Call, cleo: Person) -> None:
    begun = read(cleo)
    assert names(begun) == ["user.registered"]
    ok(call.owner.post(f"/meetings/{call.meeting['id']}/end"))
    reply = read(cleo, after=begun["after"])
    assert reply["events"] == []
    assert reply["after"] > begun["after"]


def test_a_cursor_past_the_newest_event_is_refused(anna: Person) -> None:
    problem(anna.get("/events?after=1000000"), 409, "cursor_ahead")


def test_who_is_invited_sees_the_meeting_and_their_invitation_and_not_who_is_in_it(call: Call, cleo: Person) -> None:
    [invitation] = call.owner.invite(call.meeting, cleo)
    mine = of_meeting(cleo, call.meeting)
    assert set(names(mine)) == {"meeting.created", "meeting.started", "invitation.changed"}
    assert [e["payload"]["invitation_id"] for e in mine["events"] if e["name"] == "invitation.changed"] == [
        invitation["id"]
    ]
    cleo.accept(invitation)
    assert "participant.joined" in names(of_meeting(cleo, call.meeting))


def test_who_is_nothing_to_a_meeting_sees_nothing_of_it(call: Call, cleo: Person) -> None:
    assert of_meeting(cleo, call.meeting)["events"] == []


def test_who_is_banned_sees_nothing_of_the_meeting_any_more_but_their_own(call: Call) -> None:
    ok(call.owner.post(f"/participants/{call.guests['id']}/ban"))
    theirs = of_meeting(call.guest, call.meeting)["events"]
    assert {event["name"] for event in theirs} == {"invitation.changed", "participant.joined", "participant.left"}


def test_an_owner_learns_that_a_meeting_is_deleted(call: Call) -> None:
    ok(call.owner.post(f"/meetings/{call.meeting['id']}/end"))
    ok(call.owner.delete(f"/meetings/{call.meeting['id']}"), 204)
    assert names(read(call.owner))[-1] == "meeting.deleted"


def test_names_may_be_chosen(call: Call) -> None:
    reply = ok(call.owner.get("/events?name=meeting.started&name=participant.joined"))
    assert names(reply) == ["meeting.started", "participant.joined", "participant.joined"]
    problem(call.owner.get("/events?name=meeting.exploded"), 422, "validation_failed")


def put(runtime: Runtime, meeting_id: str | None = None) -> None:
    with runtime.writing() as work:
        service.record(work, "meeting.ended", {"reason": "empty"}, meeting_id=meeting_id)


def positions(runtime: Runtime) -> list[tuple[int | None, str | None, int | None]]:
    with runtime.reading() as work:
        found = work.query(Event).order_by(Event.position)
        return [(event.position, event.meeting_id, event.seq) for event in found]


def test_a_clock_that_goes_back_does_not_turn_a_meeting_round(runtime: Runtime, clock: ManualClock) -> None:
    for meeting_id in ("meeting-a", "meeting-b", "meeting-a"):
        put(runtime, meeting_id)
    with runtime.writing() as work:  # as if the first of them had been recorded where the clock is ahead
        first = work.query(Event).filter(Event.meeting_id == "meeting-a", Event.seq == 1).one()
        first.id = "ffffffff-0000-7000-8000-000000000000"
    log.settle(runtime)
    told = positions(runtime)
    assert [position for position, _, _ in told] == [1, 2, 3]
    assert [seq for _, meeting_id, seq in told if meeting_id == "meeting-a"] == [1, 2]


def test_more_than_is_settled_at_once_is_settled_in_order(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "AT_ONCE", 3)
    for number in range(10):
        put(runtime, f"meeting-{number % 2}")
    log.settle(runtime)
    told = positions(runtime)
    assert [position for position, _, _ in told] == list(range(1, 11))
    for meeting_id in ("meeting-0", "meeting-1"):
        assert [seq for _, whose, seq in told if whose == meeting_id] == [1, 2, 3, 4, 5]


@pytest.mark.server
def test_what_is_committed_late_comes_behind_what_was_read(runtime: Runtime) -> None:
    late, begun, may_commit = [], threading.Event(), threading.Event()

    def write_late() -> None:
        with runtime.writing() as work:
            service.record(work, "meeting.ended", {"reason": "empty"}, meeting_id="meeting-late")
            late.append(work.query(Event.id).filter(Event.meeting_id == "meeting-late").scalar())
            begun.set()
            may_commit.wait(30)

    thread = threading.Thread(target=write_late)
    thread.start()
    assert begun.wait(30)
    put(runtime, "meeting-soon")
    log.settle(runtime)
    with runtime.reading() as work:
        [read_first] = log.read(work, 0, 10)
    may_commit.set()
    thread.join()
    log.settle(runtime)
    with runtime.reading() as work:
        assert [event.id for event in log.read(work, read_first.position or 0, 10)] == late


def test_several_who_settle_at_once_give_each_event_one_position(runtime: Runtime) -> None:
    for number in range(20):
        put(runtime, f"meeting-{number % 3}")
    threads = [threading.Thread(target=log.settle, args=(runtime,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [position for position, _, _ in positions(runtime)] == list(range(1, 21))


def put_and_fail(runtime: Runtime, person: Person) -> None:
    with runtime.writing() as work:
        service.record(work, "user.erased", {"user_id": person.user_id}, user_id=person.user_id)
        raise ZeroDivisionError


def test_a_poll_waits_for_the_next_event_and_a_rollback_is_none(anna: Person, runtime: Runtime) -> None:
    after = read(anna)["after"]
    replies: list[dict[str, Any]] = []
    thread = threading.Thread(target=lambda: replies.append(read(anna, after=after, wait=20)))
    thread.start()
    with pytest.raises(ZeroDivisionError):
        put_and_fail(runtime, anna)
    meeting = anna.create_meeting()
    thread.join(15)
    assert names(replies[0]) == ["meeting.created"]
    assert replies[0]["events"][0]["meeting_id"] == meeting["id"]


def test_a_poll_ends_with_nothing_when_its_time_is_up(anna: Person) -> None:
    after = read(anna)["after"]
    began = time.monotonic()
    assert read(anna, after=after, wait=0.2) == {"events": [], "after": after, "next_poll_ms": 0}
    assert time.monotonic() - began >= 0.2


def test_nobody_has_more_polls_open_than_they_may(app: ParleyApp, anna: Person) -> None:
    after = read(anna)["after"]
    parking: Parking = app.runtime.drivers[Parking]
    parking.most_per_user = 0
    problem(anna.get(f"/events?after={after}&wait=5"), 429, "too_many_polls")


def test_waiting_longer_than_may_be_is_refused(anna: Person) -> None:
    problem(anna.get("/events?wait=3600"), 422, "validation_failed")
