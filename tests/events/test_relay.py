"""The relay: everything is sent, in order, by one at a time, and nothing counts as sent before it is there."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwe
from joserfc.jwk import ECKey, OKPKey, RSAKey

from app.core.clock import ManualClock
from app.core.flask_app import ParleyApp
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.events import lease, service
from app.events import relay as relays
from app.events.models import Event, EventCursor, EventHead
from app.events.publishers.base import EventPublisher, PublisherUnusable
from app.events.publishers.memory import MemoryPublisher
from app.events.relay import Relay
from app.events.sealed_settings import Envelopes, read_public_key
from tests.support.people import Call, Person, ok
from tests.support.waiting import eventually

Message = dict[str, Any]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    from pydantic import SecretStr

    return settings.model_copy(update={"events_broker_url": SecretStr("amqp://guest:guest@127.0.0.1:1//")})


@pytest.fixture
def publisher(app: ParleyApp) -> MemoryPublisher:
    publisher = app.runtime.drivers[EventPublisher] = MemoryPublisher()
    return publisher


@pytest.fixture
def relay(runtime: Runtime, publisher: MemoryPublisher) -> Relay:
    return Relay(runtime)


def put(runtime: Runtime, *meeting_ids: str) -> list[str]:
    """Record an event of each; their ids."""
    for meeting_id in meeting_ids:
        with runtime.writing() as work:
            service.record(work, "meeting.ended", {"reason": "empty"}, meeting_id=meeting_id)
    with runtime.reading() as work:
        return list(work.scalars(Event.__table__.select().with_only_columns(Event.id).order_by(Event.id)))


def told(publisher: MemoryPublisher) -> list[Message]:
    return [json.loads(event.body) for event in publisher.sent]


def seqs(publisher: MemoryPublisher, meeting_id: str) -> list[int]:
    return [event["seq"] for event in told(publisher) if event["meeting_id"] == meeting_id]


def test_what_is_read_over_rest_is_what_is_sent(call: Call, relay: Relay, publisher: MemoryPublisher) -> None:
    relay.send_due()
    over_rest = ok(call.owner.get("/events", meeting_id=call.meeting["id"]))["events"]
    sent = [event for event in told(publisher) if event["meeting_id"] == call.meeting["id"]]
    assert sorted(sent, key=lambda event: event["position"]) == over_rest


def test_each_event_is_sent_once(runtime: Runtime, relay: Relay, publisher: MemoryPublisher) -> None:
    ids = put(runtime, "a", "b", "a")
    relay.send_due()
    relay.send_due()
    assert sorted(event.id for event in publisher.sent) == ids


def test_a_batch_at_a_time(
    runtime: Runtime, relay: Relay, publisher: MemoryPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relays, "BATCH", 4)
    put(runtime, *"abcabcab")
    assert relay.send_due()
    assert relay.send_due()
    assert not relay.send_due()
    assert [seqs(publisher, meeting) for meeting in "abc"] == [[1, 2, 3], [1, 2, 3], [1, 2]]


def test_while_the_broker_is_away_events_wait_and_then_come_in_order(
    runtime: Runtime, relay: Relay, publisher: MemoryPublisher
) -> None:
    publisher.away = True
    put(runtime, *"aab")
    with pytest.raises(PublisherUnusable):
        relay.send_due()
    put(runtime, *"ba")
    publisher.away = False
    relay.send_due()
    assert (seqs(publisher, "a"), seqs(publisher, "b")) == ([1, 2, 3], [1, 2])


def test_what_is_refused_keeps_its_meeting_back_and_is_not_counted_as_sent(
    runtime: Runtime, relay: Relay, publisher: MemoryPublisher
) -> None:
    first, *_ = put(runtime, *"abab")
    publisher.refused = {first}
    for _ in range(3):
        with pytest.raises(PublisherUnusable):
            relay.send_due()
    assert (seqs(publisher, "a"), seqs(publisher, "b")) == ([], [1, 2]), "and what was taken is not sent again"
    publisher.refused = set()
    relay.send_due()
    assert (seqs(publisher, "a"), seqs(publisher, "b")) == ([1, 2], [1, 2])


def test_a_relay_that_died_after_sending_makes_the_next_send_the_same_ids_again(
    runtime: Runtime, relay: Relay, publisher: MemoryPublisher, monkeypatch: pytest.MonkeyPatch, clock: ManualClock
) -> None:
    ids = put(runtime, *"aa")
    with monkeypatch.context() as patch:
        patch.setattr(relay, "_advance", lambda _: None)
        relay.send_due()
    clock.advance(seconds=lease.LEASE_S + 1)
    Relay(runtime).send_due()
    assert [event.id for event in publisher.sent] == ids * 2


def test_of_two_relays_one_sends_until_its_lease_is_over(
    runtime: Runtime, publisher: MemoryPublisher, clock: ManualClock
) -> None:
    first, second = Relay(runtime), Relay(runtime)
    put(runtime, "a")
    first.send_due()
    put(runtime, "a")
    assert not second.send_due()
    assert seqs(publisher, "a") == [1]
    clock.advance(seconds=lease.LEASE_S + 1)
    second.send_due()
    assert seqs(publisher, "a") == [1, 2]


def test_two_relays_at_once_send_everything_once_and_in_order(runtime: Runtime, publisher: MemoryPublisher) -> None:
    put(runtime, *("abcd" * 10))
    stopping = threading.Event()
    threads = [threading.Thread(target=Relay(runtime).run, args=(stopping,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    put(runtime, *("abcd" * 5))
    eventually(lambda: len(publisher.sent) >= 60)
    stopping.set()
    for thread in threads:
        thread.join()
    assert [seqs(publisher, meeting) for meeting in "abcd"] == [list(range(1, 16))] * 4


def test_who_stalled_beyond_the_lease_sends_nothing_more(
    runtime: Runtime, relay: Relay, publisher: MemoryPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(runtime, *"aaa")
    send = publisher.publish

    def stall(events: Any) -> set[str]:
        relay._lease.lose()
        return send(events)

    monkeypatch.setattr(publisher, "publish", stall)
    with pytest.raises(PublisherUnusable, match="lease"):
        relay.send_due()
    assert seqs(publisher, "a") == [1]


def test_a_relay_whose_database_is_emptied_begins_anew(
    runtime: Runtime, relay: Relay, publisher: MemoryPublisher
) -> None:
    put(runtime, "a")
    relay.send_due()
    with runtime.writing() as work:
        for table in (Event, EventCursor, EventHead):
            work.query(table).delete()
    publisher.sent.clear()
    put(runtime, "a")
    for _ in range(5):
        relay.send_due()
    assert seqs(publisher, "a") == [1], "and it is not sent again and again"
    put(runtime, "a")
    relay.send_due()
    assert seqs(publisher, "a") == [1, 2]


def test_a_relay_that_ends_lets_another_go_on_at_once(runtime: Runtime, publisher: MemoryPublisher) -> None:
    stopping = threading.Event()
    thread = threading.Thread(target=Relay(runtime).run, args=(stopping,))
    thread.start()
    put(runtime, "a")
    eventually(lambda: publisher.sent)
    stopping.set()
    thread.join()
    put(runtime, "a")
    Relay(runtime).send_due()
    assert seqs(publisher, "a") == [1, 2]


def test_old_events_stay_until_the_broker_has_them(
    runtime: Runtime, relay: Relay, publisher: MemoryPublisher, clock: ManualClock
) -> None:
    put(runtime, "a")
    clock.advance(days=31)
    service.purge(runtime, {})
    relay.send_due()
    assert seqs(publisher, "a") == [1]
    service.purge(runtime, {})
    assert put(runtime) == []


def test_health_and_figures_tell_of_what_waits(call: Call, relay: Relay, runtime: Runtime, clock: ManualClock) -> None:
    from app.health import metrics
    from app.health.service import check

    def trouble() -> str:
        with runtime.reading() as work:
            return next(one.detail for one in check(work, "migrations") if one.name == "events")

    def figures() -> str:
        with runtime.reading() as work:
            return metrics.render(work)

    assert trouble() == ""
    clock.advance(seconds=90)
    assert "events wait for the broker, the first since 2026-11-20 10:00:00Z." in trouble()
    assert "parley_events_oldest_waiting_seconds 90.0" in figures()
    relay.send_due()
    assert trouble() == ""
    assert "parley_events_waiting 0\n" in figures()


# What people have entrusted


@pytest.fixture(params=["RSA", "EC", "OKP"])
def key(request: pytest.FixtureRequest) -> Any:
    made = {"RSA": (RSAKey, 2048), "EC": (ECKey, "P-256"), "OKP": (OKPKey, "X25519")}
    kind, size = made[request.param]
    return kind.generate_key(size)


@pytest.fixture
def recorded(anna: Person, ben: Person, cleo: Person) -> str:
    """A recording of Anna and Ben, who have entrusted something, and not of Cleo, who has too but was not there."""
    for person in (anna, ben, cleo):
        version = ok(person.get("/auth/me"))["version"]
        ok(person.patch("/auth/me", {"integrations": {"crm": f"secret of {person.name}"}}, version=version))
    meeting = anna.create_meeting(media_mode="mock")
    for person, invitation in zip((ben, cleo), anna.invite(meeting, ben, cleo), strict=True):
        person.accept(invitation)
    for person in (anna, ben):
        person.join(meeting)
    recording = ok(anna.post(f"/meetings/{meeting['id']}/recordings", {}), 201)
    ok(anna.post(f"/recordings/{recording['id']}/stop"), 202)
    return str(meeting["id"])


def completed(publisher: MemoryPublisher) -> tuple[Message, bytes]:
    [sent] = [event for event in publisher.sent if event.name == "recording.completed"]
    return json.loads(sent.body), sent.body


def test_the_consumer_and_nobody_else_reads_what_recorded_people_have_entrusted(
    recorded: str, anna: Person, ben: Person, runtime: Runtime, publisher: MemoryPublisher, tmp_path: Path, key: Any
) -> None:
    (tmp_path / "key").write_bytes(key.as_pem(private=False))
    runtime.drivers[Envelopes] = Envelopes(read_public_key(tmp_path / "key"))
    Relay(runtime).send_due()
    event, body = completed(publisher)
    assert b"secret" not in body
    assert event["meeting_id"] == recorded
    assert event["payload"]["object"]["key"].startswith(f"recordings/{recorded}/")
    header = jwe.decrypt_compact(event["integrations"], key, algorithms=["RSA-OAEP-256", "ECDH-ES+A256KW", "A256GCM"])
    opened = json.loads(header.plaintext or b"")
    assert opened["event_id"] == event["id"]
    assert sorted(opened["participants"], key=lambda one: one["integrations"]["crm"]) == [
        {"user_id": anna.user_id, "integrations": {"crm": "secret of Anna"}},
        {"user_id": ben.user_id, "integrations": {"crm": "secret of Ben"}},
    ]
    over_rest = ok(anna.get("/events", name="recording.completed"))["events"][0]
    assert "integrations" not in over_rest
    assert "secret" not in json.dumps(over_rest)


def test_without_a_consumers_key_nothing_is_sent_along(recorded: str, relay: Relay, publisher: MemoryPublisher) -> None:
    relay.send_due()
    assert completed(publisher)[0]["integrations"] is None


def test_a_jwk_is_a_key_too(tmp_path: Path) -> None:
    key = ECKey.generate_key("P-256")
    (tmp_path / "key").write_text(json.dumps(key.as_dict(private=False)))
    assert read_public_key(tmp_path / "key").thumbprint() == key.thumbprint()


@pytest.mark.parametrize("content", [b"", b"{}", b"not a key", RSAKey.generate_key(2048).as_pem(private=True)])
def test_what_is_no_public_key_stops_the_start(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(ValueError, match="must hold a public key"):
        read_public_key(tmp_path / "key")
    with pytest.raises(ValueError, match="can't be read"):
        read_public_key(tmp_path / "nothing")
