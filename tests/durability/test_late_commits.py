"""Many write into many inboxes, slowly and with news that come late or never, while their owners poll two processes."""

import random
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial

import pytest

from app import wiring
from app.core.retries import retried
from app.core.runtime import Runtime
from app.core.settings import load_settings
from app.inbox import service
from app.inbox.models import Inbox
from app.inbox.service import Message
from tests.durability.device import register
from tests.durability.network import Line, Network
from tests.durability.processes import Parley, SeveralApis
from tests.support.databases import DATABASES
from tests.support.races import at_once
from tests.support.waiting import eventually

READERS = 4
WRITERS = 5
TRANSACTIONS = 12  # of each writer
LOST = 0.15  # of all news
RECONNECTS = 0.2  # of all polls: the next one may meet the other process

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


class LateNews:
    """In the place of a runtime's wake-ups: what they are to tell is told later, in any order, or lost."""

    def __init__(self, runtime: Runtime, chance: random.Random) -> None:
        self._tell = runtime.wakeups.wake
        self._chance = chance
        self._waiting: list[list[str]] = []
        self._lock = threading.Lock()

    def wake(self, nudges: Iterable[str]) -> None:
        with self._lock:
            self._waiting.append(list(nudges))
            if self._chance.random() < 0.5:
                return
            self._chance.shuffle(self._waiting)
            told, self._waiting = self._waiting, []
        for some in told:
            if self._chance.random() >= LOST:
                self._tell(some)


class Reader:
    """Polls by its cursor and acknowledges with it, as docs/mobile.md says."""

    def __init__(self, network: Network, seed: int) -> None:
        self.seen: list[tuple[int, int]] = []  # writer and number of each message
        self.cursor = 0
        self._line: Line = network.line(seed)
        self._stopped = network.stopped
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        while not self._stopped.is_set():
            if self._line.chance.random() < RECONNECTS:
                self._line.reconnect()
            wait = self._line.chance.choice((0, 0.1, 2))
            status, reply = self._line.ask("GET", f"/rtc/inbox?after={self.cursor}&ack={self.cursor}&wait={wait}")
            for message in reply["messages"] if status == 200 else ():
                assert message["seq"] == self.cursor + 1, "skipped, doubled or out of order"
                self.cursor = message["seq"]
                self.seen.append((message["payload"]["writer"], message["payload"]["n"]))


@pytest.mark.parametrize("kind", DATABASES)
def test_readers_of_two_processes_skip_nothing_however_late_commits_and_news_are(
    parley: Callable[..., Parley], kind: str, record_property: Callable[[str, int], None]
) -> None:
    here = parley(kind)
    with SeveralApis(here):
        networks = [Network(here.port, register(here.port, f"anna{n}")) for n in range(READERS)]
        url = here.environment.get("DATABASE_URL", "")
        runtime = wiring.build(load_settings(storage_dir=here.storage, database_url=url, _env_file=None))
        runtime.wakeups.wake = LateNews(runtime, random.Random(kind)).wake  # type: ignore[method-assign]
        with runtime.reading() as work:
            inboxes = [inbox.id for inbox in work.query(Inbox).order_by(Inbox.created_at)]
        assert len(inboxes) == READERS
        readers = [Reader(network, seed) for seed, network in enumerate(networks)]
        at_once(*(partial(write, runtime, inboxes, n) for n in range(WRITERS)))
        with runtime.reading() as work:
            heads = [inbox.head_seq for inbox in work.query(Inbox).order_by(Inbox.created_at)]
        eventually(
            lambda: [reader.cursor for reader in readers] == heads or not all(r.thread.is_alive() for r in readers),
            "everybody to have read everything",
        )
        for network in networks:
            network.stopped.set()
        runtime.close()
    for reader in readers:
        for writer in range(WRITERS):  # each one's own order is kept
            numbers = [n for name, n in reader.seen if name == writer]
            assert numbers == sorted(set(numbers))
    assert [reader.cursor for reader in readers] == heads
    assert [network.refusals for network in networks] == [[]] * READERS
    record_property("figure: messages read at two processes while commits and news came late", sum(heads))


def write(runtime: Runtime, inboxes: list[str], writer: int) -> None:
    chance = random.Random(writer)
    for n in range(TRANSACTIONS):
        message = Message("test", {"writer": writer, "n": n})
        recipients = chance.sample(inboxes, chance.randint(1, len(inboxes)))
        retried(partial(deliver, runtime, message, recipients, chance.random() < 0.5, chance.uniform(0, 0.02)))


def deliver(runtime: Runtime, message: Message, recipients: list[str], one_by_one: bool, pause_s: float) -> None:
    with runtime.writing() as work:
        if one_by_one:
            service.hold(work, recipients)
            for recipient in recipients:
                service.deliver(work, message, [recipient])
        else:
            service.deliver(work, message, recipients)
        time.sleep(pause_s)  # with numbers taken, and not committed
