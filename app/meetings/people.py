"""Who hosts a meeting beside its owner, and who is banned from it. Both belong to the person, not to a stay."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, update

from app.accounts.models import User
from app.core import errors
from app.core.pagination import paginate
from app.core.runtime import Work
from app.meetings import series, service
from app.meetings.models import Meeting, MeetingPerson, Standing


def hosts_of(work: Work, meeting_id: str) -> Sequence[str]:
    """User ids of owner and co-hosts."""
    everybody = select(MeetingPerson).where(MeetingPerson.meeting_id == meeting_id)
    hosting = everybody.where((MeetingPerson.relation == "owner") | (MeetingPerson.role == "co_host"))
    return [one.user_id for one in work.scalars(hosting) if Standing(one.relation, one.role).is_host]


def set_role(work: Work, meeting: Meeting, user_id: str, role: str) -> None:
    """Make somebody a co-host, or a participant again.

    :raises NotFound: the meeting is none of theirs (any more).
    """
    person = _person(work, meeting, user_id)
    if person is None or person.relation == "banned":
        raise errors.NotFound("They do not belong to this meeting.")
    person.role = "co_host" if role == "co_host" else None
    work.flush()


def hold_series(work: Work, meeting_id: str) -> None:
    """Hold a meeting, and what else of its series is live or to come, in the order of all who change a series."""
    meeting = service.get(work, meeting_id)
    if meeting.series_id is not None:
        series.hold(work, meeting.series_id)
        series.hold_open(work, meeting.series_id)
    service.hold(work, meeting_id)


def ban(work: Work, meeting: Meeting, user_id: str) -> None:
    """Nothing of the meeting is theirs any more, whatever becomes of their invitation, until the ban is lifted. Of a
    series they are banned from all that is live or to come."""
    banned = [meeting, *_open_ones(work, meeting)]
    service.set_relation_to_all(work, banned, [(user_id, "banned")])
    theirs = (MeetingPerson.user_id == user_id, MeetingPerson.meeting_id.in_([one.id for one in banned]))
    work.execute(update(MeetingPerson).where(*theirs).values(role=None))


def keep_bans(work: Work, series_id: str, meetings: Sequence[Meeting]) -> None:
    """Who was banned from an occurrence is banned from new ones."""
    everybody = select(MeetingPerson.user_id).join(Meeting, Meeting.id == MeetingPerson.meeting_id)
    banned = everybody.where(Meeting.series_id == series_id, MeetingPerson.relation == "banned").distinct()
    service.set_relation_to_all(work, meetings, [(user_id, "banned") for user_id in work.scalars(banned)])


def lift_ban(work: Work, meeting: Meeting, user_id: str) -> Sequence[str]:
    """:returns: the ids of the meetings that they were banned from: this one, and others of its series.
    :raises NotFound: they are not banned from this one.
    """
    person = _person(work, meeting, user_id)
    if person is None or person.relation != "banned":
        raise errors.NotFound("They are not banned from this meeting.")
    theirs = select(MeetingPerson).where(MeetingPerson.user_id == user_id, MeetingPerson.relation == "banned")
    of_series = select(Meeting.id).where(Meeting.series_id == meeting.series_id, Meeting.series_id.is_not(None))
    here = (MeetingPerson.meeting_id == meeting.id) | MeetingPerson.meeting_id.in_(of_series)
    bans = work.scalars(theirs.where(here)).all()
    for one in bans:
        work.delete(one)
    work.flush()
    return [one.meeting_id for one in bans]


def list_banned(work: Work, meeting_id: str, *, limit: int, cursor: str | None) -> dict[str, Any]:
    """A page of people in the shape of `PersonName`."""
    banned = select(MeetingPerson.user_id).where(
        MeetingPerson.meeting_id == meeting_id, MeetingPerson.relation == "banned"
    )
    page = paginate(work, select(User).where(User.id.in_(banned)), (User.id,), limit=limit, cursor=cursor)
    page["items"] = [{"user_id": user.id, "display_name": user.display_name} for user in page["items"]]
    return page


def _person(work: Work, meeting: Meeting, user_id: str) -> MeetingPerson | None:
    return work.get(MeetingPerson, (meeting.id, user_id), populate_existing=True)


def _open_ones(work: Work, meeting: Meeting) -> Sequence[Meeting]:
    """What else of its series is live or to come."""
    own = (Meeting.series_id == meeting.series_id, Meeting.series_id.is_not(None), Meeting.id != meeting.id)
    return work.scalars(select(Meeting).where(*own, Meeting.state.in_(("live", "scheduled")))).all()
