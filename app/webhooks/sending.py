"""Deliveries are sent: the first that waits of each lane, once it is due; the next of the lane when it is there.

A lane is what has an order: the events of one meeting, on their way to one webhook. Several lanes are worked off side
by side, of one webhook a quarter of what is done at once, so that one that is slow leaves room for the others. What
happened to a delivery is in its row before the next of its lane is begun; so whatever is killed, the same delivery is
begun again, under the same id.

One jobs process does it at a time (`events/lease.py`). Who lost the lease sends nothing more.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import structlog
from sqlalchemy import ColumnElement, and_, exists, or_, select, union
from sqlalchemy.orm import aliased

from app.accounts.models import User
from app.core.retries import retried
from app.core.runtime import Runtime, Work
from app.core.sealing import Unsealable
from app.core.wakeups.base import SAFETY_NET_S
from app.events.lease import CursorLease
from app.events.models import Event
from app.events.schemas import EventOut
from app.webhooks import outcomes, signing
from app.webhooks.hearing import heard_by
from app.webhooks.models import Webhook, WebhookDelivery
from app.webhooks.posting import Answer, Poster
from app.webhooks.service import TEST, TOPIC, keys_of

CURSOR = "webhook_sender"
LANES_AT_ONCE = 500  # that are looked at
IN_A_ROW = 20  # deliveries of a lane; then others have their turn

log = structlog.get_logger()
_out = EventOut()


class Lane(NamedTuple):
    webhook_id: str
    key: str


class Letter(NamedTuple):
    """A delivery, ready to be sent; without `keys` it can't be."""

    delivery_id: str
    url: str
    message_id: str
    body: bytes
    keys: Sequence[str]


class Sender:
    """One of a process; `send_due` belongs to one thread."""

    def __init__(self, runtime: Runtime, jitter: Callable[[], float] = random.random) -> None:
        settings = runtime.settings
        self._runtime = runtime
        self._jitter = jitter
        self._lease = CursorLease(runtime, CURSOR)
        self._at_once = settings.webhook_senders
        self._of_one = max(1, settings.webhook_senders // 4)
        self._threads = ThreadPoolExecutor(self._at_once, thread_name_prefix="webhooks")
        self._poster = Poster(
            allowed=settings.webhook_networks,
            time_s=settings.webhook_time_s,
            answer_bytes=settings.webhook_answer_bytes,
            at_once=self._at_once,
        )
        self._lock = threading.Lock()
        self._under_way: set[Lane] = set()
        self._crowded = False  # something is due that found no thread
        self._idle = threading.Condition(self._lock)

    def run(self, stopping: threading.Event) -> None:
        """Send until `stopping` is set."""
        while not stopping.is_set():
            ticket = self._runtime.wakeups.ticket(TOPIC)
            try:
                self.send_due()
            except Exception:  # the database is away
                log.exception("webhooks could not be sent")
                stopping.wait(SAFETY_NET_S)
            if not self._runtime.wakeups.closed:
                self._runtime.wakeups.wait(TOPIC, ticket, SAFETY_NET_S)
        self.close()

    def close(self) -> None:
        """Begin nothing more. What is under way has the time of one delivery; if it is cut off, it is sent again."""
        self._lease.release()
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._poster.close()

    def send_due(self) -> bool:
        """Begin what is due, as far as there are threads for it; whether anything was begun."""
        with self._runtime.reading() as work:
            lanes = _due(work)
        if not (lanes or self._under_way) or not self._lease.hold():
            return False
        with self._lock:
            self._crowded = began = False
            of_webhook = Counter(lane.webhook_id for lane in self._under_way)
            for lane in lanes:
                if lane in self._under_way:
                    continue
                if len(self._under_way) >= self._at_once or of_webhook[lane.webhook_id] >= self._of_one:
                    self._crowded = True
                    continue
                of_webhook[lane.webhook_id] += 1
                self._under_way.add(lane)
                self._threads.submit(self._work_off, lane)
                began = True
        return began

    def settle(self) -> None:
        """Wait until nothing is under way."""
        with self._idle:
            self._idle.wait_for(lambda: not self._under_way)

    def _work_off(self, lane: Lane) -> None:
        more = False
        try:
            for _ in range(IN_A_ROW):
                more = self._lease.is_good and self._send_next(lane)
                if not more:
                    break
        except Exception:
            log.exception("a webhook could not be sent", webhook_id=lane.webhook_id)
        finally:
            with self._lock:
                self._under_way.discard(lane)
                look_again = more or self._crowded
                self._idle.notify_all()
            if look_again:
                self._runtime.wakeups.wake([TOPIC])

    def _send_next(self, lane: Lane) -> bool:
        """Send the first delivery of a lane, if it is due; whether the next one may follow at once."""
        with self._runtime.reading() as work:
            found = _first(work, lane)
            letter = self._letter(work, *found) if found is not None else None
        if found is None:
            return False
        if letter is None:
            retried(lambda: outcomes.withhold(self._runtime, found[0].id))
            return True
        answer = self._post(letter)
        return retried(lambda: outcomes.note(self._runtime, letter.delivery_id, answer, self._jitter()))

    def _letter(self, work: Work, delivery: WebhookDelivery, webhook: Webhook) -> Letter | None:
        """None: its webhook may not hear of it any more."""
        if delivery.name == TEST:
            told = test_event(delivery)
        else:
            visible = select(Event).where(Event.id == delivery.event_id, heard_by(webhook.user_id))
            event = work.scalars(visible).one_or_none()
            if event is None:
                return None
            told = _out.dump(event)
        keys: Sequence[str] = ()
        try:
            keys = keys_of(work, webhook)
        except Unsealable:
            log.error("a webhook's secret can't be read: DATA_SECRET is another one", webhook_id=webhook.id)
        body = json.dumps(told, separators=(",", ":")).encode()
        return Letter(delivery.id, webhook.url, delivery.event_id, body, keys)

    def _post(self, letter: Letter) -> Answer:
        if not letter.keys:
            return Answer(None, "Its secret can't be read any more: rotate it.", 0, "", None)
        # By the machine's clock, whatever that of a test says: who verifies holds it against theirs.
        signed = signing.headers(letter.message_id, int(time.time()), letter.body, letter.keys)
        return self._poster.post(letter.url, signed, letter.body)


def test_event(delivery: WebhookDelivery) -> dict[str, object]:
    """What is sent to try a webhook: as an event, but in no log."""
    happened = _out.fields["occurred_at"]._serialize(delivery.created_at, "created_at", delivery)
    return {
        "id": delivery.event_id,
        "position": None,
        "seq": None,
        "meeting_id": None,
        "name": TEST,
        "version": 1,
        "occurred_at": happened,
        "payload": {"webhook_id": delivery.webhook_id},
    }


def _due(work: Work) -> list[Lane]:
    """Lanes whose first delivery is to be sent now, the one due longest first. What is kept for webhooks that are
    paused or held is not looked at, however much that is.
    """
    earlier = aliased(WebhookDelivery)
    same_lane = earlier.webhook_id == WebhookDelivery.webhook_id, earlier.lane == WebhookDelivery.lane
    is_first = ~exists().where(earlier.state == "waiting", *same_lane, earlier.position < WebhookDelivery.position)
    at_work = select(Webhook.id).where(_is_at_work(work), _has_owner())
    found = select(
        WebhookDelivery.webhook_id, WebhookDelivery.lane, WebhookDelivery.due_at, WebhookDelivery.position
    ).where(WebhookDelivery.state == "waiting", WebhookDelivery.due_at <= work.now())
    tests = found.join(Webhook, Webhook.id == WebhookDelivery.webhook_id).where(
        WebhookDelivery.kind == "test", _has_owner()
    )
    together = union(found.where(WebhookDelivery.webhook_id.in_(at_work), is_first), tests)
    rows = work.execute(together.order_by("due_at", "position").limit(LANES_AT_ONCE))
    return [Lane(row.webhook_id, row.lane) for row in rows]


def _first(work: Work, lane: Lane) -> tuple[WebhookDelivery, Webhook] | None:
    """The first that waits of a lane; None: there is none, or it is not due."""
    head = (
        select(WebhookDelivery.id)
        .where(
            WebhookDelivery.state == "waiting",
            WebhookDelivery.webhook_id == lane.webhook_id,
            WebhookDelivery.lane == lane.key,
        )
        .order_by(WebhookDelivery.position)
        .limit(1)
        .correlate(None)
        .scalar_subquery()
    )
    # One that tries a webhook is sent although it is paused, and held for nothing.
    may_be_sent = or_(_is_at_work(work), WebhookDelivery.kind == "test")
    found = (
        select(WebhookDelivery, Webhook)
        .join(Webhook, Webhook.id == WebhookDelivery.webhook_id)
        .where(WebhookDelivery.id == head, WebhookDelivery.due_at <= work.now(), may_be_sent, _has_owner())
    )
    row = work.execute(found).one_or_none()
    return None if row is None else (row[0], row[1])


def _is_at_work(work: Work) -> ColumnElement[bool]:
    """Of a webhook: neither paused nor held."""
    return and_(Webhook.paused_at.is_(None), or_(Webhook.held_until.is_(None), Webhook.held_until <= work.now()))


def _has_owner() -> ColumnElement[bool]:
    """Of a webhook: whose it is may sign in."""
    return exists().where(User.id == Webhook.user_id, User.disabled_at.is_(None))


def run(runtime: Runtime, stopping: threading.Event) -> None:
    """What a jobs process does beside its jobs."""
    Sender(runtime).run(stopping)
