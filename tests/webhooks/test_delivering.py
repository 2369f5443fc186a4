"""What is sent to webhooks: to whom, of what, signed how, in which order, and what becomes of it."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier

from app.core.clock import ManualClock
from app.core.flask_app import ParleyApp
from app.core.runtime import Runtime
from app.events import lease, service
from app.webhooks import outcomes, sending, signing
from app.webhooks import service as webhooks
from app.webhooks.feeding import Feeder
from app.webhooks.sending import Sender
from tests.support.people import Call, Person, ok
from tests.support.statements import record_statements
from tests.support.webhook_receiver import Received, Receiver, Reply
from tests.webhooks.conftest import deliveries, show, subscribe

Send = Callable[[], None]
Hook = dict[str, Any]


def put(runtime: Runtime, *meetings: dict[str, Any]) -> None:
    """Something happens in each."""
    for meeting in meetings:
        with runtime.writing() as work:
            service.record(work, "meeting.ended", {"reason": "empty"}, meeting_id=meeting["id"])


def failing_for(*names: str) -> Callable[[Received], Reply]:
    return lambda one: Reply(500, body=b"out of cheese") if one.event["name"] in names else Reply()


def seqs(receiver: Receiver, meeting: dict[str, Any]) -> list[int]:
    return [event["seq"] for event in receiver.events() if event["meeting_id"] == meeting["id"]]


# What, and to whom


def test_a_host_hears_of_a_call_what_the_log_shows_them_in_its_order(
    anna: Person, ben: Person, receiver: Receiver, send: Send
) -> None:
    subscribe(anna, receiver)
    meeting = anna.create_meeting()
    ben.accept(anna.invite(meeting, ben)[0])
    anna.join(meeting)
    ok(anna.post(f"/meetings/{meeting['id']}/end"))
    send()
    in_log = ok(anna.get("/events", meeting_id=meeting["id"]))["events"]
    assert len(in_log) > 4
    assert receiver.events() == in_log


def test_who_is_only_invited_or_a_member_hears_of_themselves_alone(
    call: Call, receiver: Receiver, send: Send, runtime: Runtime
) -> None:
    subscribe(call.guest, receiver)
    call.owner.join(call.meeting, device="tablet")
    put(runtime, call.meeting)
    call.guest.join(call.meeting, device="tablet")
    send()
    [event] = receiver.events()
    assert event["payload"]["user_id"] == call.guest.user_id


def test_a_co_host_hears_of_the_meeting_what_members_may_see(
    call: Call, receiver: Receiver, send: Send, cleo: Person
) -> None:
    ok(call.owner.request("PUT", f"/participants/{call.guests['id']}/role", {"role": "co_host"}))
    subscribe(call.guest, receiver)
    call.owner.invite(call.meeting, cleo)
    ok(call.owner.post(f"/meetings/{call.meeting['id']}/end"))
    send()
    assert "meeting.ended" in receiver.names()
    assert "invitation.changed" not in receiver.names(), "which is for owners"


def test_an_admin_hears_no_more_than_anybody_else(
    anna: Person, call: Call, cleo: Person, app: ParleyApp, receiver: Receiver, send: Send, runtime: Runtime
) -> None:
    from app.accounts import service as accounts

    with runtime.writing() as work:
        accounts.set_role(work, accounts.get_user(work, cleo.user_id), "admin")
    subscribe(cleo, receiver)
    put(runtime, call.meeting)
    send()
    assert ok(cleo.get("/events"))["events"]
    assert receiver.received == []


def test_names_may_be_chosen(anna: Person, receiver: Receiver, send: Send) -> None:
    subscribe(anna, receiver, names=["meeting.started", "meeting.ended"])
    meeting = anna.create_meeting()
    ok(anna.post(f"/meetings/{meeting['id']}/start"))
    ok(anna.post(f"/meetings/{meeting['id']}/end"))
    send()
    assert receiver.names() == ["meeting.started", "meeting.ended"]


def test_what_happened_before_a_webhook_was_made_is_not_sent(anna: Person, receiver: Receiver, send: Send) -> None:
    anna.create_meeting()
    subscribe(anna, receiver)
    send()
    assert receiver.received == []


def test_who_is_no_host_any_more_hears_nothing_of_what_still_waited(
    call: Call, receiver: Receiver, feeder: Feeder, sender: Sender, runtime: Runtime
) -> None:
    ok(call.owner.request("PUT", f"/participants/{call.guests['id']}/role", {"role": "co_host"}))
    webhook = subscribe(call.guest, receiver)
    put(runtime, call.meeting)
    feeder.feed()
    ok(call.owner.request("PUT", f"/participants/{call.guests['id']}/role", {"role": "participant"}))
    sender.send_due()
    sender.settle()
    assert receiver.received == []
    assert [one["state"] for one in deliveries(call.guest, webhook)] == ["withheld"]


def test_a_meeting_that_is_deleted_is_told_and_nothing_else_of_it(anna: Person, receiver: Receiver, send: Send) -> None:
    subscribe(anna, receiver)
    meeting = anna.create_meeting()
    ok(anna.post(f"/meetings/{meeting['id']}/cancel"))
    ok(anna.delete(f"/meetings/{meeting['id']}"), 204)
    send()
    assert receiver.names() == ["meeting.deleted"]


# Signatures


def test_what_is_sent_is_verified_by_who_knows_the_secret_and_by_nobody_else(
    webhook: Hook, anna: Person, receiver: Receiver, send: Send
) -> None:
    anna.create_meeting()
    send()
    [one] = receiver.received
    assert Verifier(webhook["secret"]).verify(one.body, one.headers) == one.event
    assert one.headers["webhook-id"] == one.event["id"]
    assert one.headers["content-type"] == "application/json"
    with pytest.raises(Exception, match="No matching signature"):
        Verifier(signing.new_secret()).verify(one.body, one.headers)
    with pytest.raises(Exception, match="No matching signature"):
        Verifier(webhook["secret"]).verify(one.body + b" ", one.headers)


def test_signatures_are_those_of_the_standard() -> None:
    """As its text defines them, and with the example that its libraries are tested with."""
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    signed = signing.headers("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body, [secret])
    assert signed["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    by_hand = hmac.new(base64.b64decode(secret[6:]), b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330." + body, hashlib.sha256)
    assert signed["webhook-signature"] == f"v1,{base64.b64encode(by_hand.digest()).decode()}"


def test_for_a_day_the_secret_before_signs_too(
    webhook: Hook, anna: Person, receiver: Receiver, send: Send, clock: ManualClock
) -> None:
    rotated = ok(anna.post(f"/webhooks/{webhook['id']}/secret/rotate"))
    assert rotated["previous_secret_until"] == "2026-11-21T10:00:00.000000Z"
    anna.create_meeting()
    send()
    clock.advance(hours=24)
    anna.create_meeting()
    send()
    first, second = receiver.received
    for secret in (webhook["secret"], rotated["secret"]):
        Verifier(secret).verify(first.body, first.headers)
    Verifier(rotated["secret"]).verify(second.body, second.headers)
    with pytest.raises(Exception, match="No matching signature"):
        Verifier(webhook["secret"]).verify(second.body, second.headers)


# Order, and trying again


def test_a_later_event_of_a_meeting_waits_for_the_earlier_one_and_other_meetings_go_on(
    webhook: Hook, anna: Person, receiver: Receiver, send: Send, clock: ManualClock
) -> None:
    receiver.answer = failing_for("meeting.started")
    one, other = anna.create_meeting(), anna.create_meeting()
    ok(anna.post(f"/meetings/{one['id']}/start"))
    ok(anna.post(f"/meetings/{one['id']}/end"))
    send()
    send()
    assert seqs(receiver, one) == [1, 2], "the second once, as its time has not come"
    assert seqs(receiver, other) == [1]
    receiver.answer = lambda _: Reply()
    clock.advance(seconds=5)
    send()
    assert seqs(receiver, one) == [1, 2, 2, 3]
    ids = [one.headers["webhook-id"] for one in receiver.received if one.event["name"] == "meeting.started"]
    assert len(ids) == 2
    assert len(set(ids)) == 1
    assert show(anna, webhook)["waiting"] == 0


def test_attempts_follow_the_schedule_and_then_the_webhook_is_paused_and_its_owner_told(
    webhook: Hook, anna: Person, receiver: Receiver, send: Send, clock: ManualClock
) -> None:
    receiver.answer = lambda _: Reply(500, body=b"out of cheese")
    anna.create_meeting()
    began, at = clock.now(), []
    for pause in (0, 5, 300, 1800, 7200, 18000, 36000, 50400):
        if pause:
            clock.advance(seconds=pause - 1)
            send()
            clock.advance(seconds=1)
        before = len(receiver.received)
        send()
        assert len(receiver.received) == before + 1
        at.append(clock.now() - began)
    assert at[-1] == timedelta(hours=31, minutes=35, seconds=5)
    [delivery] = deliveries(anna, webhook)
    assert delivery["state"] == "waiting", "nothing is given up for it"
    assert [attempt["status"] for attempt in delivery["attempts"]] == [500] * 8
    assert delivery["attempts"][0]["answer"] == "out of cheese"
    shown = show(anna, webhook)
    assert (shown["state"], shown["paused_reason"]) == ("paused", "failing")
    [told] = [message for message in anna.poll()["messages"] if message["type"] == "webhook.paused"]
    assert told["payload"] == {"webhook_id": webhook["id"], "description": "", "reason": "failing"}


def test_resuming_delivers_what_was_kept(
    webhook: Hook, anna: Person, receiver: Receiver, send: Send, clock: ManualClock
) -> None:
    receiver.answer = lambda _: Reply(410)
    meeting = anna.create_meeting()
    send()
    assert show(anna, webhook)["paused_reason"] == "gone"
    ok(anna.post(f"/meetings/{meeting['id']}/start"))
    clock.advance(days=2)
    send()
    assert len(receiver.received) == 1, "it is asked no more"
    receiver.answer = lambda _: Reply()
    resumed = ok(anna.post(f"/webhooks/{webhook['id']}/resume"))
    assert (resumed["state"], resumed["waiting"]) == ("active", 2)
    send()
    assert receiver.names() == ["meeting.created", "meeting.created", "meeting.started"]
    assert seqs(receiver, meeting) == [1, 1, 2]
    assert show(anna, webhook)["waiting"] == 0


def test_an_event_that_alone_is_refused_is_given_up_and_the_next_of_its_meeting_follows(
    webhook: Hook, anna: Person, receiver: Receiver, send: Send, clock: ManualClock
) -> None:
    receiver.answer = failing_for("meeting.started")
    meeting = anna.create_meeting()
    ok(anna.post(f"/meetings/{meeting['id']}/start"))
    ok(anna.post(f"/meetings/{meeting['id']}/end"))
    for _ in range(8):
        send()
        clock.advance(hours=20)
        anna.create_meeting()
    send()
    assert show(anna, webhook)["state"] == "active"
    states = {one["name"]: one["state"] for one in deliveries(anna, webhook)}
    assert states["meeting.started"] == "failed"
    assert states["meeting.ended"] == "delivered"


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("as_date", [False, True])
def test_a_busy_receiver_is_left_alone_for_as_long_as_it_asks(
    status: int, as_date: bool, webhook: Hook, anna: Person, receiver: Receiver, send: Send, clock: ManualClock
) -> None:
    wait = format_datetime(clock.now() + timedelta(seconds=120), usegmt=True) if as_date else "120"
    receiver.answer = lambda _: Reply(status, {"Retry-After": wait})
    anna.create_meeting()
    send()
    anna.create_meeting()
    clock.advance(seconds=119)
    send()
    assert len(receiver.received) == 1
    clock.advance(seconds=1)
    send()
    assert len(receiver.received) > 1, "and the second, unless the first was refused again before it"


@pytest.mark.parametrize(
    "told",
    [
        *("soon", "-5", "", "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"),
        *("Fri, 31 Dec 2027 23:59:59 +99999999999999", "1 Jan 99999999999999999999999 00:00:00 GMT"),
    ],
)
def test_no_retry_after_breaks_anything(told: str, webhook: Hook, anna: Person, receiver: Receiver, send: Send) -> None:
    receiver.answer = lambda _: Reply(503, {"Retry-After": told})
    anna.create_meeting()
    send()
    [delivery] = deliveries(anna, webhook)
    assert delivery["attempts"][0]["status"] == 503
    assert delivery["next_attempt_at"] <= "2026-11-21T10:00:00.000000Z"


def test_a_webhook_that_fails_again_and_again_is_left_alone_for_a_while(
    webhook: Hook, anna: Person, receiver: Receiver, send: Send, clock: ManualClock
) -> None:
    receiver.answer = lambda _: Reply(500)
    for _ in range(outcomes.HOLD_AFTER):
        anna.create_meeting()
    send()
    asked = len(receiver.received)
    anna.create_meeting()
    send()
    assert len(receiver.received) == asked
    clock.advance(seconds=outcomes.FIRST_HOLD_S)
    send()
    assert len(receiver.received) > asked


def test_a_redirect_is_a_failure_and_is_not_followed(
    webhook: Hook, anna: Person, receiver: Receiver, send: Send
) -> None:
    receiver.answer = lambda _: Reply(307, {"Location": f"{receiver.url}/elsewhere"})
    anna.create_meeting()
    send()
    assert [one.path for one in receiver.received] == ["/hook"]
    assert [one["state"] for one in deliveries(anna, webhook)] == ["waiting"]


# Who dies, and who takes over


def test_a_process_that_died_after_sending_makes_the_next_send_the_same_id_again(
    webhook: Hook, anna: Person, receiver: Receiver, feeder: Feeder, sender: Sender, runtime: Runtime,
    monkeypatch: pytest.MonkeyPatch, clock: ManualClock,
) -> None:  # fmt: skip
    anna.create_meeting()
    feeder.feed()
    with monkeypatch.context() as patch:
        patch.setattr(outcomes, "note", lambda *_: False)
        sender.send_due()
        sender.settle()
    second = Sender(runtime)
    second.send_due()
    second.settle()
    assert len(receiver.received) == 1, "while the first has the lease"
    clock.advance(seconds=lease.LEASE_S + 1)
    second.send_due()
    second.settle()
    second.close()
    first, again = receiver.received
    assert first.headers["webhook-id"] == again.headers["webhook-id"]
    assert [one["state"] for one in deliveries(anna, webhook)] == ["delivered"]


def test_of_two_that_make_deliveries_each_event_gets_one(
    webhook: Hook, anna: Person, runtime: Runtime, clock: ManualClock
) -> None:
    first, second = Feeder(runtime), Feeder(runtime)
    anna.create_meeting()
    first.feed()
    clock.advance(seconds=lease.LEASE_S + 1)
    second.feed()
    anna.create_meeting()
    assert first._lease.is_good, "as far as it knows"
    with pytest.raises(Exception, match="Another process"):
        first.feed()
    second.feed()
    assert len(deliveries(anna, webhook)) == 2


def test_who_lost_the_lease_sends_nothing_more(
    webhook: Hook, anna: Person, receiver: Receiver, sender: Sender, feeder: Feeder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        ok(anna.post("/meetings", {"title": "x"}), 201)
    meeting = anna.create_meeting()
    ok(anna.post(f"/meetings/{meeting['id']}/start"))
    feeder.feed()
    monkeypatch.setattr(sender._lease, "hold", lambda: True)
    sender.send_due()
    sender.settle()
    assert receiver.received == []


# What it costs


@pytest.mark.sqlite  # it alone counts the steps of its statements
def test_what_is_kept_for_a_paused_webhook_costs_nothing_however_much_it_is(
    webhook: Hook, anna: Person, receiver: Receiver, send: Send, feeder: Feeder, runtime: Runtime
) -> None:
    receiver.answer = lambda _: Reply(410)
    meeting = anna.create_meeting()
    send()
    assert show(anna, webhook)["state"] == "paused"
    before = _steps_of_looking(runtime)
    for _ in range(20):
        put(runtime, meeting, anna.create_meeting())
    while feeder.feed():
        pass
    assert show(anna, webhook)["waiting"] == 61
    assert _steps_of_looking(runtime) == before


def _steps_of_looking(runtime: Runtime) -> int:
    """How many instructions of its machine SQLite needs to find what is due."""
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1

    with runtime.reading() as work:
        connection: Any = work.connection().connection.dbapi_connection
        connection.set_progress_handler(step, 1)
        assert sending._due(work) == []
        connection.set_progress_handler(None, 1)
    return steps


def test_two_reads_come_before_a_delivery_itself_and_its_event(
    webhook: Hook, anna: Person, receiver: Receiver, feeder: Feeder, sender: Sender, runtime: Runtime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    anna.create_meeting()
    feeder.feed()
    asked = record_statements(runtime.database.reader, monkeypatch)
    before: list[str] = []

    def answer(_: Received) -> Reply:
        before.extend(asked)
        return Reply()

    receiver.answer = answer
    with runtime.reading() as work:
        [lane] = sending._due(work)
    asked.clear()
    sender._lease.hold()
    asked.clear()
    sender._send_next(lane)
    assert len([statement for statement in before if statement.startswith("SELECT")]) == 2, before


# Trying, replaying, forgetting


def test_a_test_is_sent_once_also_while_paused_and_tells_what_was_answered(
    webhook: Hook, anna: Person, receiver: Receiver, send: Send
) -> None:
    receiver.answer = lambda _: Reply(410, body="gone – really".encode())
    anna.create_meeting()
    send()
    delivery = ok(anna.post(f"/webhooks/{webhook['id']}/test"), 202)
    assert delivery["state"] == "waiting"
    receiver.answer = lambda _: Reply(404, body=b"no\0body")
    send()
    send()
    seen = ok(anna.get(f"/webhooks/{webhook['id']}/deliveries/{delivery['id']}"))
    assert seen["state"] == "failed"
    [attempt] = seen["attempts"]
    assert (attempt["status"], attempt["answer"], attempt["error"]) == (404, "nobody", None)
    event = receiver.received[-1]
    Verifier(webhook["secret"]).verify(event.body, event.headers)
    assert event.event == {
        "id": delivery["event_id"],
        "position": None,
        "seq": None,
        "meeting_id": None,
        "name": webhooks.TEST,
        "version": 1,
        "occurred_at": "2026-11-20T10:00:00.000000Z",
        "payload": {"webhook_id": webhook["id"]},
    }


def test_a_replay_sends_the_event_under_the_same_id(
    webhook: Hook, anna: Person, receiver: Receiver, send: Send
) -> None:
    anna.create_meeting()
    send()
    [delivery] = deliveries(anna, webhook)
    again = ok(anna.post(f"/webhooks/{webhook['id']}/deliveries/{delivery['id']}/replay"), 202)
    assert (again["kind"], again["event_id"]) == ("replay", delivery["event_id"])
    send()
    first, second = receiver.received
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]


def test_a_replay_of_what_waits_tries_it_at_once(webhook: Hook, anna: Person, receiver: Receiver, send: Send) -> None:
    receiver.answer = lambda _: Reply(500)
    anna.create_meeting()
    send()
    receiver.answer = lambda _: Reply()
    [delivery] = deliveries(anna, webhook, state="waiting")
    replayed = ok(anna.post(f"/webhooks/{webhook['id']}/deliveries/{delivery['id']}/replay"), 202)
    assert replayed["id"] == delivery["id"]
    send()
    assert [one["state"] for one in deliveries(anna, webhook)] == ["delivered"]


def test_an_account_that_is_erased_takes_its_webhooks_along(
    webhook: Hook, anna: Person, receiver: Receiver, send: Send, runtime: Runtime
) -> None:
    from app.webhooks.models import Webhook, WebhookDelivery
    from tests.support.people import PASSWORD

    anna.create_meeting()
    ok(anna.delete("/auth/me", {"password": PASSWORD}), 204)
    send()
    assert receiver.received == []
    with runtime.reading() as work:
        assert work.query(Webhook).count() == work.query(WebhookDelivery).count() == 0


def test_deliveries_are_kept_for_their_days(
    webhook: Hook, anna: Person, send: Send, runtime: Runtime, clock: ManualClock
) -> None:
    anna.create_meeting()
    send()
    clock.advance(days=14)
    webhooks.purge(runtime, {})
    assert len(deliveries(anna, webhook)) == 1
    clock.advance(seconds=1)
    webhooks.purge(runtime, {})
    assert deliveries(anna, webhook) == []


def test_figures_tell_of_what_waits_and_what_became_of_what_was_sent(
    webhook: Hook, anna: Person, receiver: Receiver, send: Send, runtime: Runtime, clock: ManualClock
) -> None:
    from app.health import metrics

    receiver.answer = lambda _: Reply(500)
    anna.create_meeting()
    send()
    clock.advance(seconds=4)
    with runtime.reading() as work:
        told = metrics.render(work)
    assert "parley_webhooks_waiting 1\n" in told
    assert "parley_webhooks_oldest_waiting_seconds 4.0\n" in told
    assert "parley_webhooks_paused 0\n" in told
    counted = [one for one in runtime.figures.snapshot()["single"] if one[0] == "parley_webhook_attempts_total"]
    assert counted == [("parley_webhook_attempts_total", {"outcome": "retried"}, 1.0)]
