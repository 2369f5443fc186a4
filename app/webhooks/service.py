"""A person's webhooks, and the log of what was sent to them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import delete, func, select, update

from app.accounts.models import User
from app.core import errors
from app.core.actor import Actor
from app.core.ids import new_id
from app.core.pagination import paginate
from app.core.runtime import Runtime, Work
from app.core.sealing import Sealer
from app.webhooks import signing
from app.webhooks.addresses import UrlRefused, check_url
from app.webhooks.models import Webhook, WebhookDelivery

TOPIC = "webhooks"  # woken when there is something to send
TEST = "webhook.test"  # name of what is sent to try one
PREVIOUS_VALID = timedelta(days=1)  # for so long the secret before signs too


def create(work: Work, actor: Actor, *, url: str, description: str, names: Sequence[str] | None) -> dict[str, Any]:
    """Shape: `NewWebhook`. :raises TooManyWebhooks: :raises ValidationFailed: it can't lead there."""
    _check(work, url)
    work.get_one(User, actor.user_id, with_for_update=True)  # of two at once the second counts the first
    there = work.scalar(select(func.count()).where(Webhook.user_id == actor.user_id)) or 0
    most = work.settings.webhooks_max
    if there >= most:
        raise errors.TooManyWebhooks(f"You have {there} webhooks, and may have {most}.")
    secret, webhook_id = signing.new_secret(), new_id()
    webhook = Webhook(
        id=webhook_id,
        user_id=actor.user_id,
        url=url,
        description=description,
        names=_sorted(names),
        sealed_secret=work.driver(Sealer).seal(purpose(webhook_id), secret),
        created_at=work.now(),
    )
    work.add(webhook)
    work.flush()
    return {**show(work, webhook), "secret": secret}


def page(work: Work, actor: Actor, *, limit: int, cursor: str | None) -> dict[str, Any]:
    """The newest first."""
    mine = select(Webhook).where(Webhook.user_id == actor.user_id)
    found = paginate(work, mine, (Webhook.id,), limit=limit, cursor=cursor, descending=True)
    found["items"] = [show(work, webhook) for webhook in found["items"]]
    return found


def get(work: Work, webhook_id: str) -> Webhook:
    """:raises NotFound:"""
    webhook = work.get(Webhook, webhook_id)
    if webhook is None:
        raise errors.NotFound()
    return webhook


def show(work: Work, webhook: Webhook) -> dict[str, Any]:
    """Shape: `WebhookOut`."""
    waiting = select(func.count()).where(WebhookDelivery.state == "waiting", WebhookDelivery.webhook_id == webhook.id)
    is_rotating = webhook.previous_until is not None and webhook.previous_until > work.now()
    return {
        "id": webhook.id,
        "url": webhook.url,
        "description": webhook.description,
        "names": webhook.names,
        "state": "active" if webhook.paused_at is None else "paused",
        "paused_at": webhook.paused_at,
        "paused_reason": webhook.paused_reason,
        "failing_since": webhook.failing_since,
        "last_delivered_at": webhook.last_delivered_at,
        "waiting": work.scalar(waiting) or 0,
        "previous_secret_until": webhook.previous_until if is_rotating else None,
        "created_at": webhook.created_at,
    }


def change(work: Work, webhook: Webhook, **fields: Any) -> dict[str, Any]:
    """Of events that happen from now on; what waits already goes to the new address.

    :raises ValidationFailed: it can't lead there.
    """
    if "url" in fields:
        _check(work, fields["url"])
        webhook.url, webhook.held_until = fields["url"], None
    if "names" in fields:
        webhook.names = _sorted(fields["names"])
    webhook.description = fields.get("description", webhook.description)
    work.flush()
    return show(work, webhook)


def remove(work: Work, webhook_ids: Sequence[str]) -> None:
    """With all that was kept of them."""
    work.execute(delete(WebhookDelivery).where(WebhookDelivery.webhook_id.in_(webhook_ids)))
    work.execute(delete(Webhook).where(Webhook.id.in_(webhook_ids)))


def rotate(work: Work, webhook: Webhook) -> dict[str, Any]:
    """A new secret; the one before signs too, for a day. One that was before that signs no more."""
    secret = signing.new_secret()
    webhook.sealed_previous, webhook.previous_until = webhook.sealed_secret, work.now() + PREVIOUS_VALID
    webhook.sealed_secret = work.driver(Sealer).seal(purpose(webhook.id), secret)
    work.flush()
    return {**show(work, webhook), "secret": secret}


def keys_of(work: Work, webhook: Webhook) -> list[str]:
    """The secrets that sign now, the newest first. :raises Unsealable:"""
    sealer = work.driver(Sealer)
    sealed = [webhook.sealed_secret]
    if webhook.sealed_previous and webhook.previous_until and webhook.previous_until > work.now():
        sealed.append(webhook.sealed_previous)
    return [sealer.unseal(purpose(webhook.id), one) for one in sealed]


def resume(work: Work, webhook: Webhook) -> dict[str, Any]:
    """Send again, beginning with what was kept. One that is not paused is tried at once."""
    webhook.paused_at = webhook.paused_reason = webhook.failing_since = webhook.held_until = None
    webhook.failures = 0
    work.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.state == "waiting", WebhookDelivery.webhook_id == webhook.id)
        .values(due_at=work.now(), tries=0, first_tried_at=None)
        .execution_options(synchronize_session=False)
    )
    work.flush()
    work.wake([TOPIC])
    return show(work, webhook)


# Deliveries


def deliveries(work: Work, webhook: Webhook, *, state: str | None, limit: int, cursor: str | None) -> dict[str, Any]:
    """The newest first."""
    query = select(WebhookDelivery).where(WebhookDelivery.webhook_id == webhook.id)
    if state is not None:
        query = query.where(WebhookDelivery.state == state)
    return paginate(work, query, (WebhookDelivery.id,), limit=limit, cursor=cursor, descending=True, show=show_delivery)


def get_delivery(work: Work, webhook: Webhook, delivery_id: str) -> WebhookDelivery:
    """:raises NotFound:"""
    delivery = work.get(WebhookDelivery, delivery_id)
    if delivery is None or delivery.webhook_id != webhook.id:
        raise errors.NotFound()
    return delivery


def show_delivery(delivery: WebhookDelivery) -> dict[str, Any]:
    """Shape: `DeliveryOut`."""
    return {
        **{name: getattr(delivery, name) for name in ("id", "webhook_id", "kind", "event_id", "name", "meeting_id")},
        **{name: getattr(delivery, name) for name in ("state", "attempts", "created_at", "finished_at")},
        "next_attempt_at": delivery.due_at if delivery.state == "waiting" else None,
    }


def test(work: Work, webhook: Webhook) -> dict[str, Any]:
    """Have something sent that is no event: once, and also while it is paused."""
    return _add(work, webhook, "test", event_id=new_id(), name=TEST, meeting_id=None)


def replay(work: Work, webhook: Webhook, delivery_id: str) -> dict[str, Any]:
    """Have an event sent once more, under its id. One that still waits is sent at once instead, in its turn.

    :raises NotFound: :raises WebhookPaused:
    """
    earlier = get_delivery(work, webhook, delivery_id)
    if webhook.paused_at is not None and earlier.name != TEST:
        raise errors.WebhookPaused()
    if earlier.state == "waiting":
        earlier.due_at, webhook.held_until = work.now(), None
        work.flush()
        work.wake([TOPIC])
        return show_delivery(earlier)
    kind = "test" if earlier.name == TEST else "replay"
    return _add(work, webhook, kind, event_id=earlier.event_id, name=earlier.name, meeting_id=earlier.meeting_id)


def _add(
    work: Work, webhook: Webhook, kind: str, *, event_id: str, name: str, meeting_id: str | None
) -> dict[str, Any]:
    delivery_id = new_id()
    delivery = WebhookDelivery(
        id=delivery_id,
        webhook_id=webhook.id,
        kind=kind,
        event_id=event_id,
        name=name,
        meeting_id=meeting_id,
        lane=delivery_id,
        position=0,
        state="waiting",
        due_at=work.now(),
        attempts=[],
        created_at=work.now(),
    )
    work.add(delivery)
    work.flush()
    work.wake([TOPIC])
    return show_delivery(delivery)


class Backlog(NamedTuple):
    """How many deliveries to webhooks that are not paused are still to be made, and since when the first of them waits;
    how many webhooks are paused."""

    waiting: int
    since: datetime | None
    paused: int


def backlog(work: Work) -> Backlog | None:
    """None: nobody has a webhook."""
    of_webhooks = select(func.count(), func.count(Webhook.paused_at)).select_from(Webhook)
    there, paused = work.execute(of_webhooks).one()
    if not there:
        return None
    active = select(Webhook.id).where(Webhook.paused_at.is_(None))
    waits = (WebhookDelivery.state == "waiting", WebhookDelivery.webhook_id.in_(active))
    waiting, since = work.execute(select(func.count(), func.min(WebhookDelivery.created_at)).where(*waits)).one()
    return Backlog(waiting, since, paused)


def purge(runtime: Runtime, _payload: dict[str, object]) -> None:
    """Forget deliveries that are older than they are kept, those too that still wait."""
    with runtime.writing() as work:
        oldest = work.now() - timedelta(days=work.settings.webhook_log_days)
        old = delete(WebhookDelivery).where(WebhookDelivery.created_at < oldest)
        work.execute(old.execution_options(synchronize_session=False))


def _check(work: Work, url: str) -> None:
    try:
        check_url(work.settings, url)
    except UrlRefused as refused:
        message = {"location": "body", "field": "url", "message": str(refused)}
        raise errors.ValidationFailed(errors=[message]) from None


def _sorted(names: Sequence[str] | None) -> list[str] | None:
    return None if names is None else sorted(set(names))


def purpose(webhook_id: str) -> str:
    """What its secrets are sealed for."""
    return f"webhook {webhook_id}"
