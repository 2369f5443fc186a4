"""Meetings as entries of calendars, for one reader.

A series that a reader belongs to as a whole is one entry with its rule, and one for each occurrence that differs from
it; what was cancelled, or is not theirs, is left out of the rule (EXDATE). An occurrence of a series that they do not
belong to stands alone. All share the series' UID (RFC 5545 §3.8.4.4).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import parseaddr
from typing import TYPE_CHECKING

from sqlalchemy import select

from app.accounts.models import User
from app.core.runtime import Work
from app.invitations.models import Invitation
from app.invitations.service import counts_for
from app.meetings import series as series_service
from app.meetings import service as meetings
from app.meetings import shapes as meeting_shapes
from app.meetings.models import Meeting, MeetingPerson, MeetingSeries
from app.meetings.recurrence import to_utc

if TYPE_CHECKING:  # it brings icalendar, which most processes start without
    from app.calendar.ics import Entry, Person

PARTSTATS = {
    "pending": "NEEDS-ACTION",
    "proposed": "TENTATIVE",
    "accepted": "ACCEPTED",
    "rejected": "DECLINED",
    "revoked": "DECLINED",
}
_IN_TEMPLATE = ("title", "description", "duration_min")


@dataclass(frozen=True)
class Reader:
    """`sees_addresses`: of the others, and all that they answered."""

    user_id: str
    sees_addresses: bool


def of_meetings(work: Work, found: Sequence[Meeting], reader: Reader) -> "list[Entry]":
    """Entries of meetings that the reader may see, all of which have a start."""
    all_series = meeting_shapes.series_of(work, found)
    whole = _whole_series_of(work, list(all_series.values()), reader.user_id)
    users = _users(work, {one.owner_id for one in found} | {reader.user_id})
    relations = _relations(work, found, reader.user_id)
    entries = []
    for series in whole:
        rows = [one for one in found if one.series_id == series.id]
        entries += _of_series(work, series, rows, users, reader)
    ids = {series.id for series in whole}
    for meeting in found:
        if meeting.series_id not in ids or meeting.original_start is None:
            entry = of_meeting(work, meeting, users[meeting.owner_id], all_series.get(meeting.series_id))
            relation = relations.get(meeting.id)
            people = _people(work, meeting, reader, users[reader.user_id], relation)
            entries.append(_for_reader(entry, people, relation))
    return entries


def of_meeting(work: Work, meeting: Meeting, owner: User, series: MeetingSeries | None) -> "Entry":
    """One meeting, or occurrence, without attendees."""
    from app.calendar.ics import Entry

    is_occurrence = series is not None and meeting.original_start is not None
    return Entry(
        uid=series.id if series is not None and is_occurrence else meeting.id,
        sequence=meeting.version + (series.version if series is not None else 0),
        created_at=meeting.created_at,
        updated_at=meeting.updated_at,
        starts_at=meeting.starts_at or meeting.created_at,
        duration_min=meeting.duration_min,
        time_zone=meeting.time_zone,
        title=meeting.title,
        description=meeting.description,
        url=meeting_shapes.join_url(work, meeting, series),
        status="CANCELLED" if meeting.state == "cancelled" else "CONFIRMED",
        organiser=organiser(work, owner),
        recurrence_id=meeting.original_start if is_occurrence else None,
    )


def of_series(work: Work, series: MeetingSeries, owner: User, anchor: Meeting) -> "Entry":
    """A series with its rule and what is left out of it, without attendees. `anchor`: where its link leads."""
    from app.calendar.ics import Entry, last_year_of

    rule, wall_start, zone = series_service.rule_of(series)
    cancelled = select(Meeting.original_start).where(
        Meeting.series_id == series.id, Meeting.state == "cancelled", Meeting.original_start.is_not(None)
    )
    gone = {moment for moment in work.scalars(cancelled) if moment is not None}
    gone |= {datetime.fromisoformat(moment) for moment in series.erased_starts}
    start = to_utc(wall_start, zone)
    return Entry(
        uid=series.id,
        sequence=series.version,
        created_at=series.created_at,
        updated_at=series.updated_at,
        starts_at=start,
        duration_min=series.template.get("duration_min"),
        time_zone=zone,
        title=series.template["title"],
        description=series.template.get("description", ""),
        url=meeting_shapes.join_url(work, anchor, series),
        status="CANCELLED" if series.cancelled_at else "CONFIRMED",
        organiser=organiser(work, owner),
        rule=series.rule,
        wall_start=wall_start,
        left_out=sorted(gone) if series.cancelled_at is None else (),
        zones_until=last_year_of(rule.until, start, work.now()),
    )


def organiser(work: Work, owner: User) -> "Person":
    """Who can't be shown with an address of their own, has the server's."""
    from app.calendar.ics import Person

    own = owner.email if owner.email_verified else None
    return Person(own or parseaddr(work.settings.mail_from)[1], owner.display_name)


def differs(row: Meeting, series: MeetingSeries) -> bool:
    """Whether an occurrence is otherwise than its series says."""
    if row.starts_at != row.original_start or row.time_zone != series.time_zone:
        return True
    defaults = {"description": ""}
    return any(getattr(row, name) != series.template.get(name, defaults.get(name)) for name in _IN_TEMPLATE)


def _of_series(
    work: Work, series: MeetingSeries, rows: list[Meeting], users: dict[str, User], reader: Reader
) -> "list[Entry]":
    owner = users[series.owner_id]
    anchor = meetings.current_of(work, [series.id]).get(series.id) or rows[0]
    master = of_series(work, series, owner, anchor)
    relations = _relations(work, rows, reader.user_id)
    own = {row.original_start for row in rows}
    others = select(Meeting.original_start).where(
        Meeting.series_id == series.id,
        Meeting.sort_at >= min(row.sort_at for row in rows),
        Meeting.sort_at <= max(row.sort_at for row in rows),
    )
    not_theirs = {moment for moment in work.scalars(others) if moment is not None} - own
    master = replace(master, left_out=sorted({*master.left_out, *not_theirs}))
    usual = _usual(relations.values())
    answered = {row.id for row in rows if relations.get(row.id) != usual}
    if reader.sees_addresses:
        own_ones = select(Invitation.meeting_id).where(Invitation.meeting_id.in_([row.id for row in rows]))
        answered |= {meeting_id for meeting_id in work.scalars(own_ones) if meeting_id is not None}
    user = users[reader.user_id]
    entries = [_for_reader(master, _people(work, rows[0], reader, user, usual, of_series=True), usual)]
    for row in rows:
        is_other = differs(row, series) or row.id in answered
        if is_other and row.state != "cancelled" and row.original_start is not None:
            relation = relations.get(row.id)
            people = _people(work, row, reader, user, relation)
            entries.append(_for_reader(of_meeting(work, row, owner, series), people, relation))
    return entries


def _usual(relations: Iterable[str]) -> str | None:
    told = list(relations)
    return max(set(told), key=lambda one: (told.count(one), one)) if told else None


def _for_reader(entry: "Entry", people: "list[Person]", relation: str | None) -> "Entry":
    """As it stands in the calendar of somebody with this relation: tentative until they have said yes."""
    is_open = entry.status == "CONFIRMED" and relation == "invited"
    return replace(entry, attendees=people, status="TENTATIVE" if is_open else entry.status)


def _people(
    work: Work, meeting: Meeting, reader: Reader, user: User, relation: str | None, *, of_series: bool = False
) -> "list[Person]":
    """Who is asked; of a reader who must not see the others, they alone."""
    from app.calendar.ics import Person

    if reader.sees_addresses:
        counts = Invitation.series_id == meeting.series_id if of_series else counts_for(meeting)
        asked = select(Invitation).where(counts, Invitation.status != "revoked").order_by(Invitation.id)
        return people_of(work, work.scalars(asked).all())
    if relation == "owner":
        return []
    answer = "ACCEPTED" if relation == "accepted" else "NEEDS-ACTION"
    return [Person(user.email or f"urn:uuid:{user.id}", user.display_name, answer)]


def people_of(work: Work, asked: Sequence[Invitation]) -> "list[Person]":
    """Who is asked, with what they answered."""
    from app.calendar.ics import Person

    users = _users(work, {one.invitee_id for one in asked if one.invitee_id is not None})
    people = []
    for one in asked:
        user = users.get(one.invitee_id or "")
        address = one.email or (f"urn:uuid:{user.id}" if user else None)
        if address is not None:
            people.append(Person(address, user.display_name if user else None, PARTSTATS[one.status]))
    return people


def _whole_series_of(work: Work, found: list[MeetingSeries], user_id: str) -> list[MeetingSeries]:
    """Those that a person owns, or is asked to as a whole."""
    asked = select(Invitation.series_id).where(
        Invitation.series_id.in_([one.id for one in found]),
        Invitation.invitee_id == user_id,
        Invitation.status.in_(("pending", "proposed", "accepted")),
    )
    ids = set(work.scalars(asked)) if found else set()
    return [one for one in found if one.owner_id == user_id or one.id in ids]


def _users(work: Work, ids: set[str]) -> dict[str, User]:
    return {user.id: user for user in work.scalars(select(User).where(User.id.in_(ids)))} if ids else {}


def _relations(work: Work, found: Sequence[Meeting], user_id: str) -> dict[str, str]:
    ids = [one.id for one in found]
    own = select(MeetingPerson.meeting_id, MeetingPerson.relation)
    own = own.where(MeetingPerson.user_id == user_id, MeetingPerson.meeting_id.in_(ids))
    return {row.meeting_id: row.relation for row in work.execute(own)}
