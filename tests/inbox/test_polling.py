"""A poll waits for messages, and ends for every reason that it should end for."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from app.core.clock import ManualClock
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.inbox import service
from app.inbox.models import Inbox
from app.inbox.parking import Parking
from app.participants.models import Participant
from tests.support.people import Call, Person, ok, problem, types_of
from tests.support.waiting import LONG_S, ParkedPoll, eventually


def test_a_parked_poll_returns_as_soon_as_a_message_comes(call: Call, runtime: Runtime) -> None:
    poll = ParkedPoll(runtime, call.owner, call.owners)
    assert poll.is_parked
    ok(call.send(call.offer()), 201)
    assert types_of(poll.reply()) == ["rtc.offer"]


def test_a_poll_that_finds_messages_does_not_wait(call: Call) -> None:
    ok(call.send(call.offer()), 201)
    assert types_of(call.owner.poll(call.owners, wait=LONG_S)) == ["rtc.offer"]


def test_a_poll_whose_time_is_up_answers_with_an_empty_list(call: Call) -> None:
    reply = call.owner.poll(call.owners, wait=0.05)
    assert reply["messages"] == []
    assert (reply["superseded"], reply["ended"], reply["next_poll_ms"]) == (False, None, 0)


def test_a_message_that_comes_while_a_poll_reads_is_told_with_its_number_or_not_at_all(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    ok(call.send(call.offer()), 201)
    read = service.read

    def another_comes(*args: Any) -> list[dict[str, Any]]:
        monkeypatch.setattr(service, "read", read)
        with ThreadPoolExecutor(1) as elsewhere:
            ok(elsewhere.submit(call.send, call.offer()).result(), 201)
        return read(*args)

    monkeypatch.setattr(service, "read", another_comes)
    reply = call.owner.poll(call.owners)
    assert reply["head_seq"] == reply["messages"][-1]["seq"]
    assert len(reply["messages"]) + len(call.owner.poll(call.owners, ack=reply["head_seq"])["messages"]) == 2


@pytest.mark.parametrize("wait", [-1, 55.1, 1e9, "nan", "soon"])
def test_a_wait_out_of_bounds_is_refused(call: Call, wait: Any) -> None:
    answer = call.owner.get("/rtc/inbox", participant_id=call.owners["id"], wait=wait)
    [wrong] = problem(answer, 422, "validation_failed")["errors"]
    assert (wrong["location"], wrong["field"]) == ("query", "wait")


def test_a_newer_poll_ends_the_older_one_at_once(call: Call, runtime: Runtime) -> None:
    older = ParkedPoll(runtime, call.owner, call.owners)
    newer = ParkedPoll(runtime, call.owner, call.owners)
    reply = older.reply()
    assert reply["superseded"] is True
    assert reply["messages"] == []
    ok(call.send(call.offer()), 201)
    assert types_of(newer.reply()) == ["rtc.offer"]


def test_polls_of_different_inboxes_leave_each_other_alone(call: Call, runtime: Runtime) -> None:
    of_session = ParkedPoll(runtime, call.owner, after=call.owner.poll()["head_seq"])
    of_participant = ParkedPoll(runtime, call.owner, call.owners)
    ok(call.send(call.offer()), 201)
    assert types_of(of_participant.reply()) == ["rtc.offer"]
    assert of_session.is_parked
    ok(call.owner.post(f"/meetings/{call.meeting['id']}/end"))
    assert types_of(of_session.reply()) == ["meeting.ended"]


def test_a_parked_poll_returns_when_its_meeting_ends_and_says_why(call: Call, runtime: Runtime) -> None:
    poll = ParkedPoll(runtime, call.guest, call.guests)
    ok(call.owner.post(f"/meetings/{call.meeting['id']}/end"))
    reply = poll.reply()
    assert types_of(reply)[-1] == "meeting.ended"
    assert reply["ended"] == {"reason": "meeting_ended"}


def test_a_parked_poll_returns_when_its_participant_is_removed_and_says_why(call: Call, runtime: Runtime) -> None:
    poll = ParkedPoll(runtime, call.guest, call.guests)
    ok(call.owner.post(f"/participants/{call.guests['id']}/remove"))
    assert poll.reply()["ended"] == {"reason": "removed"}
    again = call.guest.get("/rtc/inbox", participant_id=call.guests["id"], wait=0)
    assert problem(again, 410, "inbox_closed")["reason"] == "removed"


def test_a_parked_poll_of_a_session_returns_when_the_session_ends(anna: Person, runtime: Runtime) -> None:
    poll = ParkedPoll(runtime, anna)
    ok(anna.post("/auth/logout"), 204)
    answer = (
        poll.response().json
    )  # a server that asks for the token again refuses it, one that does not says why it ended
    assert (answer.get("code") or answer["ended"]["reason"]) == "session_ended"


def test_parked_polls_are_answered_at_shutdown(call: Call, runtime: Runtime) -> None:
    poll = ParkedPoll(runtime, call.owner, call.owners)
    runtime.wakeups.close()
    assert poll.reply()["messages"] == []


def test_no_poll_outlives_its_token(call: Call, clock: ManualClock, settings: Settings) -> None:
    clock.advance(minutes=settings.access_token_min, seconds=-1.05)
    assert call.owner.poll(call.owners, wait=LONG_S)["messages"] == []


def test_a_parked_poll_holds_no_connection_of_the_database(call: Call, runtime: Runtime) -> None:
    poll = ParkedPoll(runtime, call.owner, call.owners)
    pools: set[Any] = {runtime.database.writer.pool, runtime.database.reader.pool}
    of_safety_net = 1 if runtime.database.is_sqlite else 0  # for all polls, to see whether anything was committed
    eventually(lambda: sum(pool.checkedout() for pool in pools) <= of_safety_net, "connections to be given back")
    ok(call.send(call.offer()), 201)
    poll.reply()


class TestACrowdedProcess:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"poll_max_parked": 1, "web_threads": 2})

    def test_answers_polls_at_once_that_find_no_place_and_asks_for_a_pause(self, call: Call, runtime: Runtime) -> None:
        parked = ParkedPoll(runtime, call.owner, call.owners)
        reply = call.guest.poll(call.guests, wait=LONG_S)
        assert reply["messages"] == []
        assert reply["next_poll_ms"] > 0
        ok(call.send(call.offer()), 201)
        assert types_of(parked.reply()) == ["rtc.offer"]
        assert runtime.drivers[Parking].parked == []


@pytest.mark.safety_net
def test_a_wake_that_never_came_is_found_by_the_safety_net(
    call: Call, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    poll = ParkedPoll(runtime, call.owner, call.owners)
    with monkeypatch.context() as lost:
        lost.setattr(service, "_wake", lambda work, inbox_ids: None)
        ok(call.send(call.offer()), 201)
    assert types_of(poll.reply()) == ["rtc.offer"]


def seen(runtime: Runtime, participant: dict[str, Any]) -> Any:
    with runtime.reading() as work:
        return work.query(Inbox.last_seen_at).filter(Inbox.owner_id == participant["id"]).scalar()


def test_a_poll_is_a_heartbeat_at_its_start_and_at_its_end(call: Call, runtime: Runtime, clock: ManualClock) -> None:
    clock.advance(seconds=5)
    poll = ParkedPoll(runtime, call.owner, call.owners)
    assert seen(runtime, call.owners) == clock.now()
    clock.advance(seconds=5)
    ok(call.send(call.offer()), 201)
    poll.reply()
    eventually(lambda: seen(runtime, call.owners) == clock.now(), "the end of the poll to be noted")


def test_parked_polls_beat_for_their_owners_in_one_batch(call: Call, runtime: Runtime, clock: ManualClock) -> None:
    parking = runtime.drivers[Parking]
    polls = [ParkedPoll(runtime, call.owner, call.owners), ParkedPoll(runtime, call.guest, call.guests)]
    clock.advance(seconds=10)
    parking.beat_every_s = 0
    eventually(lambda: seen(runtime, call.owners) == seen(runtime, call.guests) == clock.now(), "the beat")
    ok(call.owner.post(f"/meetings/{call.meeting['id']}/end"))
    for poll in polls:
        poll.reply()


def test_parked_polls_beat_twice_before_anybody_is_missed(settings: Settings) -> None:
    assert settings.beat_every_s == 7.5
    impatient = settings.model_copy(update={"presence_reconnecting_s": 3.0})
    assert impatient.beat_every_s == 1.5
    assert settings.model_copy(update={"presence_reconnecting_s": 60.0}).beat_every_s == 10


def test_a_poll_after_a_silence_brings_back_who_was_reconnecting(
    call: Call, runtime: Runtime, clock: ManualClock
) -> None:
    clock.advance(seconds=20)
    with runtime.writing() as work:
        work.get_one(Participant, call.guests["id"]).state = "reconnecting"
    call.guest.poll(call.guests)
    assert ok(call.owner.get(f"/participants/{call.guests['id']}"))["state"] == "joined"
    [message] = call.owner.poll(call.owners)["messages"]
    assert (message["type"], message["payload"]["participant"]["state"]) == ("participant.updated", "joined")


def test_the_newest_of_many_polls_is_the_one_that_stays(
    call: Call, runtime: Runtime, person: Callable[[str], Person]
) -> None:
    polls = [ParkedPoll(runtime, call.owner, call.owners) for _ in range(5)]
    for older in polls[:-1]:
        assert older.reply()["superseded"] is True
    assert polls[-1].is_parked
    ok(call.send(call.offer()), 201)
    assert types_of(polls[-1].reply()) == ["rtc.offer"]
