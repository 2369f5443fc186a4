"""What an answer means for a delivery and for its webhook.

2xx: it is there. 410: the webhook is paused at once. 429 and 503 with `Retry-After`: nothing is sent to the webhook
before then. All else, redirects too, is tried again by WEBHOOK_RETRY_S. A delivery that was tried all of these times is
given up where the webhook took others meanwhile: then it is this event that its receiver can't take, and the next of
its meeting follows. Where it took nothing, the webhook is paused, its owner is told, and what waits is kept.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from app.core.runtime import Runtime, Work
from app.webhooks import telling
from app.webhooks.models import Webhook, WebhookDelivery
from app.webhooks.posting import Answer

GONE = 410
BUSY = (429, 503)
JITTER = 0.1  # a pause is up to so much longer
LONGEST_HOLD = timedelta(days=1)  # whatever a Retry-After asks for
# A webhook that fails again and again is left alone for a while, whatever of it is due: 5, 10, 20 … s.
HOLD_AFTER = 5  # failures in a row
FIRST_HOLD_S, MOST_HOLD_S = 5, 300
NOTED_EVERY = timedelta(minutes=1)  # a webhook's row is not written for each delivery
MOST_ATTEMPTS_KEPT = 30


def note(runtime: Runtime, delivery_id: str, answer: Answer, jitter: float) -> bool:
    """Write down how an attempt ended; whether the next delivery of its lane may follow at once.

    :param jitter: from 0 to 1.
    """
    with runtime.writing() as work:
        delivery = work.get(WebhookDelivery, delivery_id, with_for_update=True)
        if delivery is None or delivery.state != "waiting":  # deleted, or its webhook was, meanwhile
            return False
        # Others of its lanes end at the same time, and failures in a row are counted in its row.
        webhook = work.get_one(Webhook, delivery.webhook_id, with_for_update=True)
        now = work.now()
        delivery.tries += 1
        delivery.first_tried_at = delivery.first_tried_at or now
        delivery.attempts = [*delivery.attempts, _attempt(answer, now)][-MOST_ATTEMPTS_KEPT:]
        if answer.status is not None and 200 <= answer.status < 300:
            _end(work, delivery, "delivered")
            if delivery.kind != "test":
                _note_taken(work, webhook)
        elif delivery.kind == "test":
            _end(work, delivery, "failed")
        else:
            _try_later(work, delivery, webhook, answer, jitter)
        outcome = "retried" if delivery.state == "waiting" else delivery.state
        goes_on = delivery.state != "waiting"
    runtime.figures.count("parley_webhook_attempts_total", outcome=outcome)
    runtime.figures.observe("parley_webhook_attempt_seconds", answer.duration_ms / 1000)
    return goes_on


def withhold(runtime: Runtime, delivery_id: str) -> None:
    """The webhook may not hear of it any more."""
    with runtime.writing() as work:
        delivery = work.get(WebhookDelivery, delivery_id, with_for_update=True)
        if delivery is not None and delivery.state == "waiting":
            _end(work, delivery, "withheld")
    runtime.figures.count("parley_webhook_attempts_total", outcome="withheld")


def _end(work: Work, delivery: WebhookDelivery, state: str) -> None:
    delivery.state, delivery.finished_at = state, work.now()


def _attempt(answer: Answer, at: datetime) -> dict[str, Any]:
    return {
        "at": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "status": answer.status,
        "duration_ms": answer.duration_ms,
        "error": answer.error,
        "answer": answer.text,
    }


def _note_taken(work: Work, webhook: Webhook) -> None:
    last = webhook.last_delivered_at
    if webhook.failures or last is None or work.now() - last >= NOTED_EVERY:
        webhook.failures, webhook.failing_since, webhook.held_until = 0, None, None
        webhook.last_delivered_at = work.now()


def _try_later(work: Work, delivery: WebhookDelivery, webhook: Webhook, answer: Answer, jitter: float) -> None:
    now, pauses = work.now(), work.settings.webhook_retry_s
    webhook.failures += 1
    webhook.failing_since = webhook.failing_since or now
    if answer.status == GONE:
        telling.pause(work, webhook, "gone")
        return
    if delivery.tries > len(pauses):
        if webhook.last_delivered_at is not None and webhook.last_delivered_at >= (delivery.first_tried_at or now):
            _end(work, delivery, "failed")
        elif webhook.paused_at is None:
            telling.pause(work, webhook, "failing")
        return
    pause = timedelta(seconds=int(pauses[delivery.tries - 1]) * (1 + JITTER * jitter))
    held = _held(webhook.failures)
    if answer.status in BUSY:
        held = max(held, _retry_after(answer, now))
        pause = max(pause, held)
    delivery.due_at = now + pause
    if held:
        webhook.held_until = max(webhook.held_until or now, now + held)


def _held(failures: int) -> timedelta:
    if failures < HOLD_AFTER:
        return timedelta()
    return timedelta(seconds=min(MOST_HOLD_S, FIRST_HOLD_S * 2 ** min(failures - HOLD_AFTER, 20)))


def _retry_after(answer: Answer, now: datetime) -> timedelta:
    """RFC 9110 §10.2.3: seconds, or a date."""
    told = (answer.retry_after or "").strip()
    if told.isascii() and told.isdecimal():
        wanted = timedelta(seconds=min(int(told[:12]), LONGEST_HOLD.total_seconds()))
    else:
        try:
            moment = parsedate_to_datetime(told)
        except (ValueError, OverflowError):  # the second of a zone or a year with too many digits
            return timedelta()
        wanted = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now
    return min(max(wanted, timedelta()), LONGEST_HOLD)
