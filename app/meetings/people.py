"""Who hosts a meeting beside its owner, and who is banned from it. Both belong to the person, not to a stay."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from app.accounts.models import User
from app.core import errors
from app.core.pagination import paginate
from app.core.runtime import Work
from app.meetings.models import Meeting, MeetingPerson
from app.meetings.service import Standing


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


def ban(work: Work, meeting: Meeting, user_id: str) -> None:
    """Nothing of the meeting is theirs any more, whatever becomes of their invitation, until the ban is lifted."""
    person = _person(work, meeting, user_id)
    if person is None:
        work.add(
            MeetingPerson(
                meeting_id=meeting.id,
                user_id=user_id,
                relation="banned",
                state=meeting.state,
                sort_at=meeting.sort_at,
            )
        )
    else:
        person.relation, person.role = "banned", None
    work.flush()


def lift_ban(work: Work, meeting: Meeting, user_id: str) -> None:
    """:raises NotFound: they are not banned."""
    person = _person(work, meeting, user_id)
    if person is None or person.relation != "banned":
        raise errors.NotFound("They are not banned from this meeting.")
    work.delete(person)
    work.flush()


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
