"""What a mail about a meeting says, to people and to their calendar apps (iTIP, RFC 5546, in mails by RFC 6047).

A mail is written when it is sent, of what is stored then; what is no longer true is not sent. The organiser is the
meeting's owner with an address of their own, so an answer that a calendar app gives goes to them and not to Parley: the
text has the link by which Parley hears of it. Mails hold text that an owner chose, so there are none of owners whose
address is not verified.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from app.accounts.mail.base import CalendarPart
from app.accounts.models import User
from app.calendar import entries
from app.core.runtime import Work
from app.invitations import places
from app.invitations.models import Invitation
from app.meetings import shapes as meeting_shapes
from app.meetings.models import Meeting, MeetingSeries

ASKED = ("pending", "accepted", "proposed")


@dataclass(frozen=True)
class Draft:
    to: str
    subject: str
    text: str
    calendar: CalendarPart | None
    reply_to: str | None


def draft(work: Work, invitation_id: str, method: str, meeting_id: str | None = None) -> Draft | None:
    """None: there is nobody to send it to, or it is not true any more. `meeting_id`: about this occurrence alone."""
    invitation = work.get(Invitation, invitation_id)
    if invitation is None or not _is_true(work, invitation, method, meeting_id):
        return None
    meeting = (
        work.get(Meeting, meeting_id) if meeting_id else places.meetings_for(work, [invitation]).get(invitation_id)
    )
    owner = work.get(User, meeting.owner_id) if meeting is not None else None
    if meeting is None or owner is None or owner.email is None or not owner.email_verified or invitation.email is None:
        return None
    to_owner = method in ("REPLY", "COUNTER")
    subject, line = _WORDS[method if method != "REPLY" else f"REPLY {invitation.status}"]
    who = next((one.name or one.address for one in entries.people_of(work, [invitation])), invitation.email)
    names = {"owner": owner.display_name, "invitee": who, "title": meeting.title}
    series = work.get(MeetingSeries, meeting.series_id) if meeting.series_id and invitation.series_id else None
    lines = [line.format(**names), "", *_when(meeting, invitation, series if meeting_id is None else None, method)]
    if invitation.message and method == "REQUEST":
        lines += ["", invitation.message]
    lines += ["", f"{work.settings.address}/meetings/{meeting.id}", ""]
    return Draft(
        to=owner.email if to_owner else invitation.email,
        subject=" ".join(subject.format(**names).split()),
        text="\n".join(lines),
        calendar=_part(work, invitation, meeting, owner, method, whole=meeting_id is None),
        reply_to=invitation.email if to_owner else owner.email,
    )


_WORDS = {
    "REQUEST": ("Invitation: {title}", "{owner} invites you to “{title}”."),
    "CANCEL": ("Cancelled: {title}", "“{title}” does not take place, or not with you: {owner} has cancelled it."),
    "REPLY accepted": ("Accepted: {title}", "{invitee} comes to “{title}”."),
    "REPLY rejected": ("Declined: {title}", "{invitee} does not come to “{title}”."),
    "COUNTER": ("Another time: {title}", "{invitee} asks for another time for “{title}”."),
    "DECLINECOUNTER": ("The time stays: {title}", "{owner} keeps the time of “{title}”. Can you come then?"),
}


def _is_true(work: Work, invitation: Invitation, method: str, meeting_id: str | None) -> bool:
    if method == "CANCEL":
        if invitation.status == "revoked":
            return True
        meeting = work.get(Meeting, meeting_id or invitation.meeting_id or "")
        series = work.get(MeetingSeries, invitation.series_id) if invitation.series_id and meeting is None else None
        gone = meeting.state == "cancelled" if meeting is not None else series is not None and bool(series.cancelled_at)
        return gone and invitation.status in ASKED
    if method == "REPLY":
        return invitation.status in ("accepted", "rejected")
    if method == "COUNTER":
        return invitation.status == "proposed"
    return invitation.status in ASKED


def _when(meeting: Meeting, invitation: Invitation, series: MeetingSeries | None, method: str) -> list[str]:
    lines = []
    if method == "COUNTER" and invitation.proposed_starts_at is not None:
        proposed = invitation.proposed_duration_min or meeting.duration_min
        lines += [f"Proposed: {_moment(invitation.proposed_starts_at, proposed, meeting.time_zone)}"]
        lines += [f"Note: {invitation.note}"] if invitation.note else []
    if meeting.starts_at is not None:
        lines += [
            f"{'Planned' if lines else 'When'}: {_moment(meeting.starts_at, meeting.duration_min, meeting.time_zone)}"
        ]
    if series is not None and method != "CANCEL":
        lines += [f"Repeats: {series.rule}"]
    return lines


def _moment(at: datetime, duration_min: int | None, zone: str) -> str:
    start = at.astimezone(ZoneInfo(zone))
    end = f"–{start + timedelta(minutes=duration_min):%H:%M}" if duration_min else ""
    return f"{start:%A, %d %B %Y, %H:%M}{end} ({zone})"


def _part(
    work: Work, invitation: Invitation, meeting: Meeting, owner: User, method: str, *, whole: bool
) -> CalendarPart | None:
    """None: the meeting has no time, so there is nothing to put into a calendar."""
    from app.calendar import ics

    if meeting.starts_at is None:
        return None
    series = meeting_shapes.series_of(work, [meeting]).get(meeting.series_id)
    if whole and series is not None and invitation.series_id is not None:
        entry = entries.of_series(work, series, owner, meeting)
    else:
        entry = entries.of_meeting(work, meeting, owner, series)
    entry = replace(entry, attendees=entries.people_of(work, [invitation]))
    if method == "CANCEL":
        entry = replace(entry, status="CANCELLED")
    elif method == "COUNTER" and invitation.proposed_starts_at is not None:
        proposed = invitation.proposed_duration_min or entry.duration_min
        entry = replace(entry, starts_at=invitation.proposed_starts_at, duration_min=proposed, comment=invitation.note)
    return CalendarPart(method, ics.calendar([entry], method=method).decode())
