"""The polls that are parked in this process: how many there may be, and one beat for all of them.

A parked poll is a heartbeat of its inbox's owner. `last_seen_at` is written for all parked inboxes in one statement
every `beat_every_s`; whichever poll looks up first when it is due does it for the others.
"""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol

from sqlalchemy import select, update

from app.core.retries import retried
from app.core.runtime import Runtime
from app.inbox.models import Inbox
from app.inbox.service import in_batches, topic


@dataclass(frozen=True, slots=True)
class Poll:
    """What a client asks for. `after` None: behind what is acknowledged."""

    user_id: str
    session_id: str
    inbox_id: str
    after: int | None
    ack: int | None
    limit: int
    wait_s: float
    valid_until: datetime | None  # the token's expiry: no poll outlives it


@dataclass(slots=True)
class OpenPoll:
    """A poll that was begun. `ticket` and what follows it are of the last look: one waits for what comes after."""

    asked: Poll
    poll_id: str
    after: int
    deadline: float  # by time.monotonic()
    ticket: int = 0
    head_seq: int = 0
    acked_seq: int = 0

    @property
    def inbox_id(self) -> str:
        return self.asked.inbox_id

    @property
    def user_id(self) -> str:
        return self.asked.user_id

    @property
    def topic(self) -> str:
        return topic(self.asked.inbox_id)

    @property
    def remaining_s(self) -> float:
        return max(0.0, self.deadline - time.monotonic())


class Parked(Protocol):
    """A poll that is parked: by whom, and for what; None: not of an inbox, but of the log of events."""

    @property
    def user_id(self) -> str: ...

    @property
    def inbox_id(self) -> str | None: ...


class Parking:
    def __init__(self, most: int, most_blocking: int, most_per_user: int, beat_every_s: float) -> None:
        self.most = most
        self.most_blocking = most_blocking  # that hold a thread each
        self.most_per_user = most_per_user
        self.beat_every_s = beat_every_s
        self._lock = threading.Lock()
        self._parked: dict[int, Parked] = {}  # by the poll's identity
        self._inboxes: dict[str, list[str | None]] = {}  # of each user's parked polls
        self._last_beat = time.monotonic()

    def has_room(self) -> bool:
        """Whether a poll that holds no thread finds a place."""
        return len(self._parked) < self.most

    def has_room_for(self, user_id: str, inbox_id: str | None) -> bool:
        """Whether this user may have one more poll, or one in the place of an older one of the same inbox."""
        theirs = self._inboxes.get(user_id, ())
        return len(theirs) < self.most_per_user or (inbox_id is not None and inbox_id in theirs)

    def claim(self, poll: Parked, *, blocking: bool = False) -> bool:
        """Take a place for a poll; False when all are taken, and then the poll must not wait."""
        with self._lock:
            granted = len(self._parked) < (self.most_blocking if blocking else self.most)
            if granted:
                self._parked[id(poll)] = poll
                self._inboxes.setdefault(poll.user_id, []).append(poll.inbox_id)
            return granted

    def release(self, poll: Parked) -> None:
        """Give a place back. Repeating that changes nothing."""
        with self._lock:
            if self._parked.pop(id(poll), None) is None:
                return
            theirs = self._inboxes[poll.user_id]
            theirs.remove(poll.inbox_id)
            if not theirs:
                del self._inboxes[poll.user_id]

    @property
    def parked(self) -> list[Parked]:
        """The polls that are parked now."""
        with self._lock:
            return list(self._parked.values())

    def beat_if_due(self, runtime: Runtime) -> None:
        with self._lock:
            if time.monotonic() - self._last_beat < self.beat_every_s:
                return
            self._last_beat = time.monotonic()
            inbox_ids = sorted({poll.inbox_id for poll in self._parked.values() if poll.inbox_id is not None})
        beat(runtime, inbox_ids)

    def close(self) -> None:
        """Nothing is held: the polls themselves end with their wake-ups."""


def beat(runtime: Runtime, inbox_ids: Sequence[str]) -> None:
    """Note that the owners of these inboxes (by id, sorted) are there."""
    for some in in_batches(inbox_ids):
        retried(partial(_beat, runtime, some))


def _beat(runtime: Runtime, inbox_ids: Sequence[str]) -> None:
    with runtime.writing() as work:
        behind = (Inbox.id.in_(inbox_ids), Inbox.last_seen_at < work.now())
        # An update locks rows in whatever order it finds them; who delivers locks them sorted.
        work.execute(select(Inbox.id).where(*behind).order_by(Inbox.id).with_for_update(key_share=True))
        work.execute(
            update(Inbox).where(*behind).values(last_seen_at=work.now()).execution_options(synchronize_session=False)
        )
