"""The process that sends webhooks is killed while it does: nothing is lost, and no meeting is turned round."""

import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator

import pytest

from app.core.runtime import Runtime
from app.core.settings import Settings
from app.events import service
from tests.support.people import Person
from tests.support.waiting import eventually
from tests.support.webhook_receiver import Received, Receiver, Reply, webhook_receiver
from tests.webhooks.conftest import subscribe

pytestmark = pytest.mark.slow

# As the jobs process does, but who takes over after a kill need not wait for long.
SENDING = """
import sys, threading
from pathlib import Path
from app import create_app
from app.core.settings import load_settings
from app.events import lease
from app.webhooks import feeding, sending
lease.LEASE_S = 1.0
told = {"storage_dir": Path(sys.argv[1]), "database_url": sys.argv[2]}
runtime = create_app(load_settings(None, webhook_http=True, webhook_networks=("127.0.0.0/8",), **told)).runtime
threading.Thread(target=feeding.run, args=(runtime, threading.Event()), daemon=True).start()
sending.run(runtime, threading.Event())
"""


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"webhook_http": True, "webhook_networks": ("127.0.0.0/8",), "wakeups": "udp"})


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook_receiver() as made:
        yield made


def test_a_kill_in_the_middle_of_sending_loses_nothing_and_turns_nothing_round(
    anna: Person, receiver: Receiver, runtime: Runtime
) -> None:
    subscribe(anna, receiver)
    meetings = [anna.create_meeting()["id"] for _ in range(4)]
    for meeting_id in meetings * 5:
        with runtime.writing() as work:
            service.record(work, "meeting.ended", {"reason": "empty"}, meeting_id=meeting_id)
    running: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        where = [str(runtime.settings.storage_dir), runtime.settings.database_url]
        running.append(subprocess.Popen([sys.executable, "-c", SENDING, *where]))

    def kill_at_some(_: Received) -> Reply:
        if len(receiver.received) in (5, 12):
            running[-1].kill()  # before it learns that its event was taken
        return Reply()

    receiver.answer = kill_at_some
    try:
        for _ in range(2):
            start()
            running[-1].wait(60)
        start()
        eventually(lambda: len({one.headers["webhook-id"] for one in receiver.received}) == 24)
    finally:
        for process in running:
            process.kill()
            process.wait()
    seen: dict[str, list[int]] = defaultdict(list)
    for event in receiver.events():
        seen[event["meeting_id"]].append(event["seq"])
    for seqs in seen.values():
        assert list(dict.fromkeys(seqs)) == list(range(1, 7)), "each for the first time in its order"
    assert len(receiver.received) <= 24 + 2 * 4, "what was under way comes again, and nothing else"
