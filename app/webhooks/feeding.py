"""From the log to deliveries: one for each webhook that is to hear of an event, in the order of the log.

One jobs process does it at a time (`events/lease.py`). Deliveries and the cursor are committed together, so that each
is made once, whatever is killed. Where nobody has a webhook, the log is left alone.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Sequence

import structlog
from sqlalchemy import func, insert, select

from app.core.ids import new_id
from app.core.runtime import Runtime, Work
from app.core.wakeups.base import SAFETY_NET_S
from app.events import log as event_log
from app.events.lease import CursorLease
from app.events.models import Event, EventCursor
from app.events.service import TOPIC as NEW_EVENTS
from app.meetings.models import MeetingPerson
from app.webhooks.hearing import heard_by, is_host
from app.webhooks.models import Webhook, WebhookDelivery
from app.webhooks.service import TOPIC

CURSOR = "webhooks"
BATCH = 200
FORGOTTEN = 500  # positions that a process may look at again after a crash: those of which no webhook was to hear

log = structlog.get_logger()


class Feeder:
    """One of a process; it belongs to one thread."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._lease = CursorLease(runtime, CURSOR)
        self._reached = 0  # in the log; the cursor may be a little behind

    def run(self, stopping: threading.Event) -> None:
        """Feed until `stopping` is set."""
        while not stopping.is_set():
            ticket = self._runtime.wakeups.ticket(NEW_EVENTS)
            more = False
            try:
                more = self.feed()
            except Exception:  # the database is away
                log.exception("webhooks could not be told of events")
                stopping.wait(SAFETY_NET_S)
            if not more and not self._runtime.wakeups.closed:
                self._runtime.wakeups.wait(NEW_EVENTS, ticket, SAFETY_NET_S)
        self._lease.release()

    def feed(self) -> bool:
        """Make deliveries of what is new, one batch; whether there may be more."""
        with self._runtime.reading() as work:
            oldest = work.scalar(select(func.min(Webhook.id)))
        if oldest is None:
            return False
        event_log.settle(self._runtime)
        if not self._lease.hold():
            self._reached = 0
            return False
        with self._runtime.reading() as work:
            cursor = work.scalar(select(EventCursor.position).where(EventCursor.name == CURSOR)) or 0
            self._reached = max(self._reached, cursor)
            newest = event_log.head(work)  # first: what becomes visible after it is read next time
            if self._reached > newest:  # the database was emptied
                self._reached = cursor
            # Ids are made of the time: what is older than every webhook is passed over.
            events = event_log.read(work, self._reached, BATCH, Event.position <= newest, Event.id > oldest)
            made = _deliveries(work, events)
        reached = int(events[-1].position or 0) if len(events) == BATCH else newest
        if made or reached - cursor >= FORGOTTEN:
            self._store(made, reached)
        self._reached = reached
        return len(events) == BATCH

    def _store(self, made: Sequence[dict[str, object]], reached: int) -> None:
        with self._runtime.writing() as work:
            if not self._lease.advance(work, reached):
                self._lease.lose()
                raise LeaseLost("Another process makes deliveries now.")
            if made:
                work.execute(insert(WebhookDelivery), list(made))
                work.wake([TOPIC])


class LeaseLost(Exception):
    """What was to be stored is not."""


def _deliveries(work: Work, events: Sequence[Event]) -> list[dict[str, object]]:
    """Rows of `webhook_deliveries`, in the order of `events`."""
    webhooks = _webhooks_about(work, events)
    if not webhooks:
        return []
    ids = [event.id for event in events]
    heard = {
        user_id: set(work.scalars(select(Event.id).where(Event.id.in_(ids), heard_by(user_id)))) for user_id in webhooks
    }
    now = work.now()
    return [
        {
            "id": new_id(),
            "webhook_id": webhook.id,
            "kind": "event",
            "event_id": event.id,
            "name": event.name,
            "meeting_id": event.meeting_id,
            "lane": event.meeting_id or event.id,
            "position": event.position,
            "state": "waiting",
            "due_at": now,
            "tries": 0,
            "attempts": [],
            "created_at": now,
        }
        for event in events
        for user_id, theirs in webhooks.items()
        if event.id in heard[user_id]
        for webhook in theirs
        if webhook.id < event.id and (webhook.names is None or event.name in webhook.names)
    ]


def _webhooks_about(work: Work, events: Sequence[Event]) -> dict[str, list[Webhook]]:
    """By owner, of those whom any of these events may concern."""
    meetings = {event.meeting_id for event in events if event.meeting_id is not None}
    hosts = select(MeetingPerson.user_id).where(MeetingPerson.meeting_id.in_(meetings), is_host())
    people = {event.user_id for event in events if event.user_id is not None} | set(work.scalars(hosts))
    found: dict[str, list[Webhook]] = defaultdict(list)
    if people:
        for webhook in work.scalars(select(Webhook).where(Webhook.user_id.in_(people)).order_by(Webhook.id)):
            found[webhook.user_id].append(webhook)
    return found


def run(runtime: Runtime, stopping: threading.Event) -> None:
    """What a jobs process does beside its jobs."""
    Feeder(runtime).run(stopping)
