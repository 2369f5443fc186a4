"""Mails about meetings, from the queue: what a dead mail server did not take is tried again."""

from typing import Any

import structlog
from sqlalchemy import select

from app.accounts.mail.base import Mailer, MailRefused
from app.calendar import mails
from app.core.runtime import Runtime
from app.invitations.models import Invitation
from app.invitations.service import counts_for
from app.meetings.models import Meeting, MeetingSeries

SEND = "calendar.send_mail"  # payload {"invitation_id", "method", "meeting_id"}; the last may be None
TELL = "calendar.tell_invited"  # payload {"meeting_id" or "series_id", "method"}

log = structlog.get_logger()


def send_mail(runtime: Runtime, payload: dict[str, Any]) -> None:
    """Send one mail about one invitation. A refusal is final."""
    with runtime.reading() as work:
        draft = mails.draft(work, payload["invitation_id"], payload["method"], payload["meeting_id"])
    if draft is None:
        return
    mailer: Mailer = runtime.drivers[Mailer]
    try:
        mailer.send(draft.to, draft.subject, draft.text, calendar=draft.calendar, reply_to=draft.reply_to)
    except MailRefused as refusal:
        log.warning("mail was refused", method=payload["method"], reason=str(refusal))


def tell_invited(runtime: Runtime, payload: dict[str, Any]) -> None:
    """A mail to everybody who is asked to a meeting, or to a series; one for each state that it was in."""
    meeting_id, series_id, method = payload.get("meeting_id"), payload.get("series_id"), payload["method"]
    with runtime.writing() as work:
        asked = select(Invitation).where(Invitation.status.in_(mails.ASKED), Invitation.email.is_not(None))
        about: Meeting | MeetingSeries | None
        if series_id is not None:
            about = work.get(MeetingSeries, series_id)
            asked = asked.where(Invitation.series_id == series_id)
        else:
            about = meeting = work.get(Meeting, meeting_id)
            if meeting is not None:
                asked = asked.where(counts_for(meeting))
        if about is None:
            return
        for invitation in work.scalars(asked.order_by(Invitation.id)).all():
            key = f"mail:{method}:{invitation.id}:{meeting_id or series_id}:{about.version}"
            sent = {"invitation_id": invitation.id, "method": method, "meeting_id": meeting_id}
            work.enqueue(SEND, sent, key=key)
