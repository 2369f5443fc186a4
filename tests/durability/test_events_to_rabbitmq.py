"""Events on their way to a real RabbitMQ: away, or cut off in the middle; and whoever reads there."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import RSAKey
from pydantic import SecretStr

from app.core.clock import SystemClock
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.events import lease, service
from app.events import relay as relays
from app.events.publishers.base import EventPublisher
from app.events.relay import Relay
from tests.docs.pages import ROOT, blocks
from tests.support.people import Person, ok
from tests.support.rabbitmq_events import Inlet, inlet
from tests.support.waiting import eventually

MEETINGS = "abcde"


@pytest.fixture
def broker() -> Iterator[Inlet]:
    with inlet() as made:
        yield made


@pytest.fixture
def public_key(tmp_path: Path) -> Path:
    key = RSAKey.generate_key(2048)
    (tmp_path / "private.pem").write_bytes(key.as_pem(private=True))
    (tmp_path / "public.pem").write_bytes(key.as_pem(private=False))
    return tmp_path / "public.pem"


@pytest.fixture
def settings(settings: Settings, broker: Inlet, public_key: Path) -> Settings:
    return settings.model_copy(
        update={
            "events_broker_url": SecretStr(broker.url),
            "events_exchange": broker.exchange,
            "events_queue": broker.queue,
            "events_consumer_key": public_key,
        }
    )


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relays, "FIRST_PAUSE_S", 0.02)
    monkeypatch.setattr(relays, "LONGEST_PAUSE_S", 0.1)


@pytest.fixture
def relaying(runtime: Runtime) -> Iterator[None]:
    """As in a jobs process."""
    stopping = threading.Event()
    thread = threading.Thread(target=Relay(runtime).run, args=(stopping,))
    thread.start()
    yield
    stopping.set()
    thread.join()
    runtime.drivers[EventPublisher].close()


def put(runtime: Runtime, rounds: int = 1) -> None:
    for meeting_id in MEETINGS * rounds:
        with runtime.writing() as work:
            service.record(work, "meeting.ended", {"reason": "empty"}, meeting_id=meeting_id)


def waiting(runtime: Runtime) -> int:
    with runtime.reading() as work:
        return relays.backlog(work).waiting


def by_meeting(events: list[dict[str, Any]]) -> list[list[int]]:
    """Numbers of each meeting in the order in which a consumer that knows what it has handled takes them."""
    taken: dict[str, dict[str, Any]] = {}
    for event in events:
        taken.setdefault(event["id"], event)
    return [[event["seq"] for event in taken.values() if event["meeting_id"] == meeting] for meeting in MEETINGS]


@pytest.mark.usefixtures("relaying")
def test_what_is_committed_arrives(broker: Inlet, runtime: Runtime) -> None:
    put(runtime, 20)
    eventually(lambda: waiting(runtime) == 0)
    assert by_meeting(broker.events()) == [list(range(1, 21))] * 5


def test_a_broker_that_is_away_keeps_nobody_waiting_and_gets_everything_when_it_is_back(
    broker: Inlet, runtime: Runtime, anna: Person
) -> None:
    link, url = broker.link()
    link.cut()
    publisher = runtime.drivers[EventPublisher] = broker.publisher(url)
    stopping = threading.Event()
    thread = threading.Thread(target=Relay(runtime).run, args=(stopping,))
    thread.start()
    put(runtime, 10)
    meeting = anna.create_meeting()
    assert waiting(runtime) >= 51
    link.mend()
    eventually(lambda: waiting(runtime) == 0)
    stopping.set()
    thread.join()
    events = broker.events()
    assert by_meeting(events) == [list(range(1, 11))] * 5
    assert meeting["id"] in {event["meeting_id"] for event in events}
    publisher.close()


@pytest.mark.slow
def test_a_connection_that_breaks_again_and_again_loses_nothing_and_turns_nothing_round(
    broker: Inlet, runtime: Runtime
) -> None:
    link, url = broker.link()
    publisher = runtime.drivers[EventPublisher] = broker.publisher(url)
    stopping = threading.Event()
    thread = threading.Thread(target=Relay(runtime).run, args=(stopping,))
    thread.start()
    for _ in range(15):
        put(runtime, 4)
        link.cut()
        put(runtime, 1)
        link.mend()
    eventually(lambda: waiting(runtime) == 0)
    stopping.set()
    thread.join()
    assert by_meeting(broker.events()) == [list(range(1, 76))] * 5
    publisher.close()
    link.cut()


@pytest.mark.slow
def test_two_relays_on_connections_that_break_keep_the_order(
    broker: Inlet, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "LEASE_S", 0.3)  # so that it goes from hand to hand
    monkeypatch.setattr(lease, "RENEWALS", 1.5)
    runtime.clock = SystemClock()
    stopping, threads, links = threading.Event(), [], []
    for _ in range(2):
        link, url = broker.link()
        runtime.drivers[EventPublisher] = broker.publisher(url)
        threads.append(threading.Thread(target=Relay(runtime).run, args=(stopping,)))
        threads[-1].start()
        links.append(link)
    for number in range(20):
        put(runtime, 5)
        links[number % 2].cut()
        put(runtime, 1)
        links[number % 2].mend()
    eventually(lambda: waiting(runtime) == 0)
    stopping.set()
    for thread in threads:
        thread.join()
    assert by_meeting(broker.events()) == [list(range(1, 121))] * 5
    for link in links:
        link.cut()


@pytest.mark.usefixtures("relaying")
def test_the_consumer_of_the_documents_reads_everything(
    broker: Inlet, runtime: Runtime, anna: Person, tmp_path: Path
) -> None:
    version = ok(anna.get("/auth/me"))["version"]
    ok(anna.patch("/auth/me", {"integrations": {"crm": "a key of Anna's"}}, version=version))
    meeting = anna.create_meeting(media_mode="mock")
    anna.join(meeting)
    recording = ok(anna.post(f"/meetings/{meeting['id']}/recordings", {}), 201)
    ok(anna.post(f"/recordings/{recording['id']}/stop"), 202)
    eventually(lambda: waiting(runtime) == 0)
    [sample] = [block.text for block in blocks(ROOT / "docs/events.md") if block.language == "python"]
    names = {
        "EVENTS_BROKER_URL": broker.url,
        "EVENTS_QUEUE": broker.queue,
        "CONSUMER_PRIVATE_KEY": str(tmp_path / "private.pem"),
    }
    consumer = subprocess.Popen(
        [sys.executable, "-c", sample], env={**os.environ, **names}, stdout=subprocess.PIPE, text=True
    )
    try:
        assert consumer.stdout is not None
        told = []
        while not told or not told[-1].startswith("recorded"):
            told.append(consumer.stdout.readline())
            assert told[-1], "the consumer has ended"
    finally:
        consumer.kill()
        consumer.communicate()
    stored = f"recordings/{meeting['id']}/{recording['id']}/"
    assert told[-1].startswith(f"recorded {meeting['id']} {stored}")
    assert told[-1].endswith(" 1\n")
    assert f"meeting.started {meeting['id']} 2\n" in told
    assert json.dumps(told).count("a key of Anna's") == 0
