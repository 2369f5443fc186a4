"""The relay: what is in the log goes to the publisher, in its order, and the cursor follows what is confirmed.

It runs in every jobs process, and works in the one that holds the lease of the cursor's row. A batch is sent in waves,
in each of which a meeting has one event at most: the next is sent when the one before is there. So the order of a
meeting holds even where the publisher takes some of a wave and refuses others.

What fails is sent again, under the same id, from the first that is not confirmed. So a consumer may see an event twice,
and never misses one.
"""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import structlog
from sqlalchemy import func, or_, select

from app.core.runtime import Runtime, Work
from app.core.wakeups.base import SAFETY_NET_S
from app.events import log as event_log
from app.events.lease import CursorLease
from app.events.models import Event, EventCursor
from app.events.publishers.base import EventPublisher, Outgoing, PublisherUnusable
from app.events.schemas import EventOut
from app.events.sealed_settings import Envelopes
from app.events.service import TOPIC

CURSOR = "publisher"
BATCH = 500
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0

log = structlog.get_logger()
_out = EventOut()


class Relay:
    """One of a process; `run` belongs to one thread."""

    def __init__(self, runtime: Runtime, jitter: Callable[[], float] = random.random) -> None:
        self._runtime = runtime
        self._publisher: EventPublisher = runtime.drivers[EventPublisher]
        self._envelopes: Envelopes = runtime.drivers[Envelopes]
        self._jitter = jitter
        self._lease = CursorLease(runtime, CURSOR)
        self._ahead: set[str] = set()  # ids of events behind the cursor that are confirmed already
        self._failures = 0

    def run(self, stopping: threading.Event) -> None:
        """Send until `stopping` is set."""
        if not self._publisher.sends:
            return
        while not stopping.is_set():
            ticket = self._runtime.wakeups.ticket(TOPIC)
            try:
                more = self.send_due()
            except Exception as error:
                stopping.wait(self._note_failure(error))
                continue
            self._note_success()
            if not more and not self._runtime.wakeups.closed:
                self._runtime.wakeups.wait(TOPIC, ticket, SAFETY_NET_S)
        self._publisher.rest()
        self._lease.release()

    def send_due(self) -> bool:
        """Send what is there, one batch; whether there may be more.

        :raises PublisherUnusable: or whatever the database raises; what was confirmed is noted.
        """
        event_log.settle(self._runtime)
        if not self._lease.hold():
            self._ahead.clear()
            self._publisher.rest()
            return False
        with self._runtime.reading() as work:
            cursor = position(work)
            events = event_log.read(work, cursor, BATCH)
            outgoing = [
                Letter(int(event.position or 0), event.meeting_id or event.id, self._letter(work, event))
                for event in events
                if event.id not in self._ahead
            ]
        if not events:
            self._publisher.keep()
            return False
        try:
            for wave in _waves(outgoing):
                self._send(wave)
        finally:
            self._advance(events)
        return len(events) == BATCH

    def _letter(self, work: Work, event: Event) -> Outgoing:
        told: dict[str, Any] = _out.dump(event)
        if event.name == "recording.completed":
            told["integrations"] = self._envelopes.of(work, event)
        return Outgoing(event.id, event.name, event.created_at, json.dumps(told, separators=(",", ":")).encode())

    def _send(self, wave: Sequence[Letter]) -> None:
        if not self._lease.is_good:
            raise PublisherUnusable("The lease ran out; another relay may be sending.")
        confirmed = self._publisher.publish([letter.outgoing for letter in wave])
        self._ahead |= confirmed
        if len(confirmed) < len(wave):
            raise PublisherUnusable(f"{len(wave) - len(confirmed)} of {len(wave)} events were not taken.")

    def _advance(self, events: Sequence[Event]) -> None:
        """Move the cursor to the last event before which all are confirmed."""
        reached = None
        for event in events:
            if event.id not in self._ahead:
                break
            reached = event.position
        if reached is None:
            return
        with self._runtime.writing() as work:
            moved = self._lease.advance(work, reached)
        if moved:
            self._ahead -= {event.id for event in events if (event.position or 0) <= reached}
        else:  # another relay has the lease, or the database was emptied
            self._lease.lose()

    # What goes wrong

    def _note_failure(self, error: Exception) -> float:
        """Say so once; the seconds to wait."""
        self._failures += 1
        if self._failures == 1:
            log.warning("events can't be published; they wait", error=str(error) or type(error).__name__)
        pause: float = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(self._failures - 1, 10))
        return pause * (0.5 + self._jitter() / 2)

    def _note_success(self) -> None:
        if self._failures:
            self._failures = 0
            log.info("events are published again")


class Letter(NamedTuple):
    """`key`: of events of one key the order holds."""

    position: int
    key: str
    outgoing: Outgoing


class Backlog(NamedTuple):
    """How many events the publisher still has to get, and since when the first of them waits."""

    waiting: int
    since: datetime | None


def position(work: Work) -> int:
    """Up to where the publisher has everything."""
    return work.scalar(select(EventCursor.position).where(EventCursor.name == CURSOR)) or 0


def backlog(work: Work) -> Backlog:
    behind = or_(Event.position > position(work), Event.position.is_(None))
    waiting, since = work.execute(select(func.count(), func.min(Event.created_at)).where(behind)).one()
    return Backlog(waiting, since)


def run(runtime: Runtime, stopping: threading.Event) -> None:
    """What a jobs process does beside its jobs."""
    Relay(runtime).run(stopping)


def _waves(letters: Sequence[Letter]) -> Iterator[list[Letter]]:
    """The first of each key, then the second of each, and so on."""
    seen: Counter[str] = Counter()
    waves: list[list[Letter]] = []
    for letter in letters:
        if seen[letter.key] == len(waves):
            waves.append([])
        waves[seen[letter.key]].append(letter)
        seen[letter.key] += 1
    yield from waves
