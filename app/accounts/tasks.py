"""What accounts do in the background; the names stand here and in `links`."""

from typing import Any

import structlog

from app.accounts import links, service, sessions
from app.accounts.mail.base import Mailer, MailRefused
from app.accounts.models import User
from app.accounts.oidc import service as oidc
from app.core.runtime import Runtime

SWEEP = "accounts.sweep"
SWEEP_EVERY_S = 3600.0

log = structlog.get_logger()


def send_verification(runtime: Runtime, payload: dict[str, Any]) -> None:
    """Mail a link that verifies the address of `user_id`."""
    with runtime.writing() as work:
        mail = links.draft(work, work.get(User, payload["user_id"]), "verify")
    _send(runtime, mail)


def send_reset(runtime: Runtime, payload: dict[str, Any]) -> None:
    """Mail a link that sets a password to `email`, if it has an account."""
    with runtime.writing() as work:
        mail = links.draft(work, service.find_by_email(work, payload["email"]), "reset")
    _send(runtime, mail)


def sweep(runtime: Runtime, _payload: dict[str, Any]) -> None:
    """End sessions that have expired; forget links and sign-ins with providers that have, and guests long gone."""
    ended = sessions.EXPIRED_AT_A_TIME
    while ended == sessions.EXPIRED_AT_A_TIME:
        with runtime.writing() as work:
            ended = sessions.end_expired(work)
    with runtime.writing() as work:
        links.purge(work)
        oidc.purge(work)
    erased = service.GUESTS_AT_A_TIME
    while erased == service.GUESTS_AT_A_TIME:
        with runtime.writing() as work:
            erased = service.erase_gone_guests(work)


def _send(runtime: Runtime, mail: links.Draft | None) -> None:
    """A refusal is final; whatever else goes wrong is for the jobs to try again, with a fresh link."""
    if mail is None:
        return
    mailer: Mailer = runtime.drivers[Mailer]
    try:
        mailer.send(mail.to, mail.subject, mail.text)
    except MailRefused as refusal:
        log.warning("mail was refused", subject=mail.subject, reason=str(refusal))
        return
    with runtime.writing() as work:
        links.note_sent(work, mail.token_id)
