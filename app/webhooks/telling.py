"""Pausing a webhook, and telling its owner: in their inbox, and by mail where mails can be sent.

Neither names the webhook's address: what stands in it may be a key to the other side.
"""

from typing import Any

import structlog

from app.accounts.mail.base import Mailer, MailRefused
from app.accounts.models import User
from app.core.runtime import Runtime, Work
from app.inbox.service import Message, deliver_to_person
from app.webhooks.models import Webhook

MAIL = "webhooks.mail_paused"  # task; payload {"webhook_id"}

_WHY = {
    "gone": "The server that it leads to said that it wants no more events (410 Gone).",
    "failing": "The server that it leads to took none of the events sent to it for a day.",
}
_TEXT = """\
Your webhook{called} is paused.

{why}
Nothing is lost yet: what waits, and what happens from now on, is kept for
{days:g} days. See what was answered, and have everything sent once it works
again, at

{link}
"""

log = structlog.get_logger()


def pause(work: Work, webhook: Webhook, reason: str) -> None:
    """Send nothing more, and say so to the owner, once."""
    if webhook.paused_at is not None:
        return
    webhook.paused_at, webhook.paused_reason = work.now(), reason
    work.flush()
    payload = {"webhook_id": webhook.id, "description": webhook.description, "reason": reason}
    deliver_to_person(work, webhook.user_id, Message("webhook.paused", payload, subject=f"webhook:{webhook.id}"))
    if work.settings.smtp_url is not None:
        work.enqueue(MAIL, {"webhook_id": webhook.id})


def mail_paused(runtime: Runtime, payload: dict[str, Any]) -> None:
    """Mail it to the owner, if it is still so. A refusal is final."""
    with runtime.reading() as work:
        webhook = work.get(Webhook, payload["webhook_id"])
        owner = work.get(User, webhook.user_id) if webhook is not None else None
        if webhook is None or owner is None or webhook.paused_reason is None:
            return
        if owner.email is None or not owner.email_verified or owner.disabled_at is not None:
            return
        text = _TEXT.format(
            called=f" “{webhook.description}”" if webhook.description else "",
            why=_WHY[webhook.paused_reason],
            days=work.settings.webhook_log_days,
            link=f"{work.settings.address}/webhooks/{webhook.id}",
        )
        to = owner.email
    mailer: Mailer = runtime.drivers[Mailer]
    try:
        mailer.send(to, "Your webhook is paused", text)
    except MailRefused as refusal:
        log.warning("mail was refused", subject="webhook", reason=str(refusal))
