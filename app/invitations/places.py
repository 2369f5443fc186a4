"""What an invitation is to: one meeting, or a series and so every occurrence of it.

Who is asked to a series has one invitation, and one answer for all. Where the answer for one occurrence differs, that
occurrence has an invitation of its own, whose `parent_id` is the series': see `for_occurrence`. What people are to each
occurrence (`meeting_people`) is kept in step with the one that counts there.
"""

from collections.abc import Iterable

from sqlalchemy import select

from app.core import errors
from app.core.ids import new_id
from app.core.runtime import Work
from app.invitations.models import Invitation
from app.meetings import series as series_service
from app.meetings import service as meetings
from app.meetings.models import Meeting

RELATION = {"pending": "invited", "proposed": "invited", "accepted": "accepted"}


def hold(work: Work, invitation: Invitation) -> None:
    """Lock what it is to: the meeting, or the series and its occurrences that are live or to come."""
    if invitation.series_id is not None:
        series_service.hold(work, invitation.series_id)
        series_service.hold_open(work, invitation.series_id)
    elif invitation.meeting_id is not None:
        meetings.hold(work, invitation.meeting_id)


def meetings_for(work: Work, invitations: Iterable[Invitation]) -> dict[str, Meeting]:
    """The meeting that stands for each invitation, by the invitation's id; of a series the next occurrence."""
    asked = list(invitations)
    ids = {one.meeting_id for one in asked if one.meeting_id is not None}
    by_id = {one.id: one for one in work.scalars(select(Meeting).where(Meeting.id.in_(ids)))} if ids else {}
    of_series = meetings.current_of(work, {one.series_id for one in asked if one.series_id is not None})
    found = {}
    for one in asked:
        meeting = by_id.get(one.meeting_id or "") or of_series.get(one.series_id or "")
        if meeting is not None:
            found[one.id] = meeting
    return found


def meeting_for(work: Work, invitation: Invitation) -> Meeting:
    """:raises NotFound: a series has no occurrence left."""
    found = meetings_for(work, [invitation]).get(invitation.id)
    if found is None:
        raise errors.NotFound()
    return found


def for_occurrence(work: Work, invitation: Invitation, meeting_id: str, *, afresh: bool = False) -> Invitation:
    """The invitation that counts for one occurrence: made now, with the series' answer, if it has none of its own.

    `afresh`: made without an answer, so that any may be given: who comes to all may still not come to this one.
    :raises NotFound: the meeting is no occurrence of the invitation's series.
    """
    if invitation.meeting_id == meeting_id:
        return invitation
    meeting = work.get(Meeting, meeting_id)
    if meeting is None or invitation.series_id is None or meeting.series_id != invitation.series_id:
        raise errors.NotFound("The invitation is to no such meeting.")
    own = select(Invitation).where(Invitation.parent_id == invitation.id, Invitation.meeting_id == meeting_id)
    there = work.scalar(own)
    if there is not None:
        return there
    copied = ("inviter_id", "invitee_id", "email", "status", "message", "created_at", "responded_at")
    made = Invitation(id=new_id(), meeting_id=meeting_id, parent_id=invitation.id, note="")
    for name in copied:
        setattr(made, name, getattr(invitation, name))
    if afresh and made.status in ("accepted", "rejected"):
        made.status = "pending"
    work.add(made)
    work.flush()
    return made


def drop_own_answers(work: Work, invitation: Invitation) -> None:
    """Occurrences that are live or to come follow their series again."""
    own = select(Invitation).join(Meeting, Meeting.id == Invitation.meeting_id)
    for one in work.scalars(own.where(Invitation.parent_id == invitation.id, Meeting.state.in_(("scheduled", "live")))):
        work.delete(one)
    work.flush()


def admit(work: Work, invitation: Invitation) -> None:
    """Keep what the person is to the meeting in step with the invitation, which is the truth of it.

    Of a series only what is live or to come: who is asked today was not there before, and who was there still was.
    """
    if invitation.invitee_id is None:
        return
    relation = RELATION.get(invitation.status)
    if invitation.meeting_id is not None:
        meetings.set_relation(work, invitation.meeting_id, invitation.invitee_id, relation)
        return
    answered = select(Invitation.meeting_id).where(Invitation.parent_id == invitation.id)
    open_ones = select(Meeting).where(
        Meeting.series_id == invitation.series_id,
        Meeting.state.in_(("scheduled", "live")),
        Meeting.id.not_in(answered),
    )
    meetings.set_relation_to_all(work, work.scalars(open_ones).all(), [(invitation.invitee_id, relation)])


def meetings_concerned(work: Work, invitation: Invitation) -> list[str]:
    """Of which meetings the others learn that it changed: of a series those that are live, or else the next one."""
    if invitation.meeting_id is not None:
        return [invitation.meeting_id]
    live = select(Meeting.id).where(Meeting.series_id == invitation.series_id, Meeting.state == "live")
    found = list(work.scalars(live.order_by(Meeting.id)))
    return found or [one.id for one in meetings_for(work, [invitation]).values()]
