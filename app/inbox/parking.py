"""The polls that are parked in this process: how many there may be, and one beat for all of them.

A parked poll is a heartbeat of its inbox's owner. `last_seen_at` is written for all parked inboxes in one statement
every `beat_every_s`; whichever poll looks up first when it is due does it for the others.
"""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from sqlalchemy import select, update

from app.core.retries import retried
from app.core.runtime import Runtime
from app.inbox.models import Inbox

INBOXES_A_QUERY = 500  # below every database's limit of parameters


def in_batches(inbox_ids: list[str]) -> Iterator[list[str]]:
    """As many at a time as one query may name. (itertools has `batched` from Python 3.12 on.)"""
    for start in range(0, len(inbox_ids), INBOXES_A_QUERY):
        yield inbox_ids[start : start + INBOXES_A_QUERY]


@dataclass(slots=True)
class OpenPoll:
    """A poll that was begun. `ticket` and `head_seq` are of the last look: with them one waits for what comes after."""

    poll_id: str
    inbox_id: str
    topic: str
    after: int
    limit: int
    deadline: float  # by time.monotonic()
    ticket: int = 0
    head_seq: int = 0

    @property
    def remaining_s(self) -> float:
        return max(0.0, self.deadline - time.monotonic())


class Parking:
    def __init__(self, most: int, most_blocking: int, beat_every_s: float) -> None:
        self.most = most
        self.most_blocking = most_blocking  # that hold a thread each
        self.beat_every_s = beat_every_s
        self._lock = threading.Lock()
        self._parked: dict[str, OpenPoll] = {}  # by poll id
        self._last_beat = time.monotonic()

    def claim(self, opened: OpenPoll, *, blocking: bool = False) -> bool:
        """Take a place for a poll; False when all are taken, and then the poll must not wait."""
        with self._lock:
            granted = len(self._parked) < (self.most_blocking if blocking else self.most)
            if granted:
                self._parked[opened.poll_id] = opened
            return granted

    def release(self, poll_id: str) -> None:
        """Give a place back. Repeating that changes nothing."""
        with self._lock:
            self._parked.pop(poll_id, None)

    @property
    def parked(self) -> list[OpenPoll]:
        """The polls that are parked now."""
        with self._lock:
            return list(self._parked.values())

    def beat_if_due(self, runtime: Runtime) -> None:
        with self._lock:
            if time.monotonic() - self._last_beat < self.beat_every_s:
                return
            self._last_beat = time.monotonic()
            inbox_ids = sorted({opened.inbox_id for opened in self._parked.values()})
        for some in in_batches(inbox_ids):
            retried(partial(_beat, runtime, some))

    def close(self) -> None:
        """Nothing is held: the polls themselves end with their wake-ups."""


def _beat(runtime: Runtime, inbox_ids: list[str]) -> None:
    with runtime.writing() as work:
        behind = (Inbox.id.in_(inbox_ids), Inbox.last_seen_at < work.now())
        # An update locks rows in whatever order it finds them; who delivers locks them sorted.
        work.execute(select(Inbox.id).where(*behind).order_by(Inbox.id).with_for_update(key_share=True))
        work.execute(
            update(Inbox).where(*behind).values(last_seen_at=work.now()).execution_options(synchronize_session=False)
        )
