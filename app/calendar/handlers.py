"""Mails for what happens to meetings and invitations, where SMTP is set. Inboxes are told by those features."""

from app.accounts.events import UserErased
from app.calendar import service, tasks
from app.core.runtime import Work
from app.invitations.events import InvitationChanged, InvitationRepeated
from app.meetings.events import MeetingCancelled, MeetingUpdated, SeriesCancelled, SeriesChanged

_METHODS = {"pending": "REQUEST", "revoked": "CANCEL", "accepted": "REPLY", "rejected": "REPLY", "proposed": "COUNTER"}
# A move is told to everybody who is asked; and an owner needs no mail of what they did themselves.
_OTHERWISE = {"moved": None, "declined": "DECLINECOUNTER", "proposal": None}


def mail_change(work: Work, event: InvitationChanged) -> None:
    method = _OTHERWISE[event.why] if event.why else _METHODS[event.status]
    if method is not None:
        _send(work, event.invitation_id, method)


def mail_again(work: Work, event: InvitationRepeated) -> None:
    _send(work, event.invitation_id, "REQUEST")


def mail_update(work: Work, event: MeetingUpdated) -> None:
    if event.in_calendar:
        _tell(work, "REQUEST", meeting_id=event.meeting_id)


def mail_cancellation(work: Work, event: MeetingCancelled) -> None:
    if not event.with_series:
        _tell(work, "CANCEL", meeting_id=event.meeting_id)


def mail_series_update(work: Work, event: SeriesChanged) -> None:
    if event.in_calendar:
        _tell(work, "REQUEST", series_id=event.series_id)


def mail_series_cancellation(work: Work, event: SeriesCancelled) -> None:
    _tell(work, "CANCEL", series_id=event.series_id)


def revoke_feed(work: Work, event: UserErased) -> None:
    service.revoke_feed(work, event.user_id)


def _send(work: Work, invitation_id: str, method: str) -> None:
    if work.settings.smtp_url is not None:
        work.enqueue(tasks.SEND, {"invitation_id": invitation_id, "method": method, "meeting_id": None})


def _tell(work: Work, method: str, **about: str) -> None:
    if work.settings.smtp_url is not None:
        work.enqueue(tasks.TELL, {"method": method, **about})
