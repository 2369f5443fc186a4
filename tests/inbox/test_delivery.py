"""Messages arrive in order and are delivered again until they are acknowledged."""

from collections.abc import Callable
from typing import Any

import pytest

from app.core.runtime import Runtime
from app.core.settings import Settings
from app.inbox import service
from app.inbox.models import Inbox, Signal
from app.inbox.service import Message
from tests.support.people import Call, Person, ok, problem, types_of


def refs(reply: dict[str, Any]) -> list[str]:
    return [message["payload"]["n"] for message in reply["messages"]]


def test_a_signal_is_redelivered_until_it_is_acknowledged(call: Call) -> None:
    ok(call.send(call.offer()), 201)
    first, second = call.owner.poll(call.owners), call.owner.poll(call.owners)
    assert types_of(first) == ["rtc.offer"]
    assert first["messages"] == second["messages"]
    ok(call.owner.post("/rtc/ack", {"participant_id": call.owners["id"], "up_to": first["head_seq"]}))
    assert call.owner.poll(call.owners)["messages"] == []


def test_a_poll_can_acknowledge_in_the_same_request(call: Call) -> None:
    ok(call.send(call.offer(n=1), call.offer(n=2)), 201)
    reply = call.owner.poll(call.owners)
    seqs = [message["seq"] for message in reply["messages"]]
    after_one = call.owner.poll(call.owners, ack=seqs[0])
    assert refs(after_one) == [2]
    assert after_one["acked_seq"] == seqs[0]


def test_messages_of_a_batch_and_of_several_batches_arrive_in_the_order_in_which_they_were_sent(call: Call) -> None:
    for batch in range(3):
        ok(call.send(*[call.offer(n=batch * 10 + i) for i in range(10)]), 201)
    reply = call.owner.poll(call.owners, limit=200)
    assert refs(reply) == list(range(30))
    seqs = [message["seq"] for message in reply["messages"]]
    assert seqs == list(range(seqs[0], seqs[0] + 30))


def test_a_page_ends_at_its_limit_and_the_next_begins_behind_it(call: Call) -> None:
    ok(call.send(*[call.offer(n=i) for i in range(5)]), 201)
    first = call.owner.poll(call.owners, limit=2)
    second = call.owner.poll(call.owners, limit=2, after=first["messages"][-1]["seq"])
    assert refs(first) + refs(second) == [0, 1, 2, 3]


def test_a_message_says_from_whom_it_is_and_to_whom(call: Call) -> None:
    ok(call.send(call.offer()), 201)
    [message] = call.owner.poll(call.owners)["messages"]
    ben = {"participant_id": call.guests["id"], "user_id": call.guest.user_id, "display_name": "Ben", "kind": "user"}
    anna = {"participant_id": call.owners["id"], "user_id": call.owner.user_id, "display_name": "Anna", "kind": "user"}
    assert message["from"] == {**ben, "epoch": 1}
    assert message["to"] == anna
    assert message["meeting_id"] == call.meeting["id"]
    assert message["payload"] == {"sdp": "v=0\r\n"}


def test_acknowledging_twice_or_backwards_changes_nothing(call: Call) -> None:
    ok(call.send(call.offer(), call.offer()), 201)
    head = call.owner.poll(call.owners)["head_seq"]
    for up_to in (head, head, head - 1, 0):
        answer = ok(call.owner.post("/rtc/ack", {"participant_id": call.owners["id"], "up_to": up_to}))
        assert answer == {"acked_seq": head, "head_seq": head}


@pytest.mark.parametrize("name", ["after", "ack"])
def test_a_cursor_from_the_future_is_refused_with_the_head(call: Call, name: str) -> None:
    head = call.owner.poll(call.owners)["head_seq"]
    query = {"participant_id": call.owners["id"], "wait": 0, name: head + 1}
    assert problem(call.owner.get("/rtc/inbox", **query), 409, "cursor_ahead")["head_seq"] == head
    answer = call.owner.post("/rtc/ack", {"participant_id": call.owners["id"], "up_to": head + 1})
    assert problem(answer, 409, "cursor_ahead")["head_seq"] == head


def test_a_refused_acknowledgement_acknowledges_nothing(call: Call) -> None:
    ok(call.send(call.offer()), 201)
    head = call.owner.poll(call.owners)["head_seq"]
    call.owner.get("/rtc/inbox", participant_id=call.owners["id"], wait=0, ack=head, after=head + 5)
    assert types_of(call.owner.poll(call.owners)) == ["rtc.offer"]


def test_nobody_reads_or_acknowledges_the_inbox_of_somebody_else(call: Call, cleo: Person) -> None:
    for stranger in (call.guest, cleo):
        problem(stranger.get("/rtc/inbox", participant_id=call.owners["id"], wait=0), 404, "not_found")
        answer = stranger.post("/rtc/ack", {"participant_id": call.owners["id"], "up_to": 0})
        problem(answer, 404, "not_found")


def test_events_for_a_person_arrive_in_all_their_inboxes_under_one_event_id(call: Call, cleo: Person) -> None:
    invitation = call.owner.invite(call.meeting, cleo)[0]
    call.owner.poll(ack=call.owner.poll()["head_seq"])
    cleo.accept(invitation)
    of_session = call.owner.poll()["messages"]
    of_participant = call.owner.poll(call.owners)["messages"]
    assert [m["type"] for m in of_session] == [m["type"] for m in of_participant] == ["invitation.updated"]
    assert of_session[0]["event_id"] == of_participant[0]["event_id"]
    assert of_session[0]["to"]["kind"] == "session"


def test_only_the_latest_unacknowledged_update_of_a_subject_is_kept(call: Call) -> None:
    for muted in (False, True, False):
        ok(call.guest.request("PATCH", f"/participants/{call.guests['id']}", {"muted": muted}))
    [message] = call.owner.poll(call.owners)["messages"]
    assert message["type"] == "participant.updated"
    assert message["payload"]["participant"]["muted"] is False


def test_a_newer_update_is_seen_by_a_cursor_that_has_passed_the_older_one(call: Call) -> None:
    ok(call.guest.request("PATCH", f"/participants/{call.guests['id']}", {"hand": True}))
    seen = call.owner.poll(call.owners)["head_seq"]
    ok(call.guest.request("PATCH", f"/participants/{call.guests['id']}", {"hand": False}))
    [message] = call.owner.poll(call.owners, after=seen)["messages"]
    assert message["payload"]["participant"]["hand"] is False


class TestAFullInbox:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"inbox_max_unacked": 10})

    def fill(self, call: Call) -> None:
        for n in range(10):
            ok(call.send(call.offer(n=n)), 201)

    def test_refuses_directed_signals_and_stores_nothing_of_the_batch(self, call: Call) -> None:
        for n in range(9):
            ok(call.send(call.offer(n=n)), 201)
        answer = call.send(call.offer(n=9), call.offer(n=10))
        problem(answer, 429, "inbox_full")
        assert int(answer.headers["Retry-After"]) >= 1
        assert refs(call.owner.poll(call.owners, limit=200)) == list(range(9))

    def test_gets_one_reset_in_place_of_broadcasts(self, call: Call, person: Callable[[str], Person]) -> None:
        self.fill(call)
        for name in ("Dora", "Emil"):
            newcomer = person(name)
            newcomer.accept(call.owner.invite(call.meeting, newcomer)[0])
            newcomer.join(call.meeting)
        types = types_of(call.owner.poll(call.owners, limit=200))
        assert types == ["rtc.offer"] * 10 + ["inbox.reset"]

    def test_takes_signals_again_once_it_was_read(self, call: Call) -> None:
        self.fill(call)
        call.owner.poll(call.owners, ack=call.owner.poll(call.owners)["head_seq"])
        ok(call.send(call.offer()), 201)

    def test_of_one_sleeping_phone_blocks_nobody_else(self, call: Call, cleo: Person) -> None:
        self.fill(call)
        cleo.accept(call.owner.invite(call.meeting, cleo)[0])
        hers = cleo.join(call.meeting)["participant"]
        to_cleo = {"to": hers["id"], "type": "rtc.offer", "payload": {"sdp": "v=0"}}
        ok(call.send(to_cleo), 201)
        assert types_of(cleo.poll(hers)) == ["rtc.offer"]


def test_a_closed_inbox_delivers_what_remains_says_that_it_ended_and_is_then_gone(call: Call) -> None:
    ok(call.send(call.offer()), 201)
    ok(call.owner.post(f"/meetings/{call.meeting['id']}/end"))
    one = call.owner.poll(call.owners, limit=1)
    assert (types_of(one), one["ended"]) == (["rtc.offer"], None)
    rest = call.owner.poll(call.owners, ack=one["messages"][-1]["seq"])
    assert types_of(rest) == ["meeting.ended"]
    assert rest["ended"] == {"reason": "meeting_ended"}
    gone = call.owner.get("/rtc/inbox", participant_id=call.owners["id"], ack=rest["head_seq"], wait=0)
    assert problem(gone, 410, "inbox_closed")["reason"] == "meeting_ended"


class TestPurging:
    def test_deletes_acknowledged_messages_after_a_while_and_keeps_the_others(
        self, call: Call, runtime: Runtime, clock: Any
    ) -> None:
        ok(call.send(call.offer(n=1), call.offer(n=2)), 201)
        seqs = [m["seq"] for m in call.owner.poll(call.owners)["messages"]]
        call.owner.poll(call.owners, ack=seqs[0])
        clock.advance(hours=2)
        service.purge(runtime, {})
        with runtime.reading() as work:
            kept = work.query(Signal.seq).join(Inbox).filter(Inbox.owner_id == call.owners["id"]).all()
        assert [seq for (seq,) in kept] == [seqs[1]]

    def test_deletes_closed_inboxes_after_a_day(self, call: Call, runtime: Runtime, clock: Any) -> None:
        ok(call.owner.post(f"/meetings/{call.meeting['id']}/end"))
        clock.advance(hours=25)
        service.purge(runtime, {})
        with runtime.reading() as work:
            assert work.query(Inbox).filter(Inbox.kind == "participant").count() == 0
            assert work.query(Signal).filter(Signal.type == "meeting.ended").count() == 2  # of the sessions


def test_a_cursor_needs_no_message_behind_it_to_stay_valid(call: Call, runtime: Runtime, clock: Any) -> None:
    ok(call.send(call.offer()), 201)
    head = call.owner.poll(call.owners)["head_seq"]
    call.owner.poll(call.owners, ack=head)
    clock.advance(hours=2)
    service.purge(runtime, {})
    tokens = ok(
        call.owner.app.test_client().post(
            "/api/v1/auth/refresh", json={"refresh_token": call.owner.tokens["refresh_token"]}
        )
    )
    call.owner.tokens = tokens
    assert call.owner.poll(call.owners, after=head)["messages"] == []


def test_concurrent_senders_leave_no_hole_and_no_double(call: Call, runtime: Runtime) -> None:
    import threading

    with runtime.reading() as work:
        inbox = service.inbox_of(work, "participant", call.owners["id"])
        assert inbox is not None
        before, inbox_id = inbox.head_seq, inbox.id

    def send(sender: int) -> None:
        for n in range(20):
            with runtime.writing() as work:
                service.deliver(work, Message("test", {"sender": sender, "n": n}), [inbox_id])

    threads = [threading.Thread(target=send, args=(sender,)) for sender in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    messages = call.owner.poll(call.owners, limit=200)["messages"]
    assert [m["seq"] for m in messages] == list(range(before + 1, before + 121))
    for sender in range(6):
        assert [m["payload"]["n"] for m in messages if m["payload"]["sender"] == sender] == list(range(20))
