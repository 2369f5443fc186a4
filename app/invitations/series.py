"""What becomes of invitations when a meeting begins to repeat, and when a series grows, splits or moves."""

from sqlalchemy import select, update

from app.core.ids import new_id
from app.core.runtime import Work
from app.invitations import places, service
from app.invitations.models import Invitation
from app.meetings import people as bans
from app.meetings import service as meetings
from app.meetings.models import Meeting

_COPIED = ("inviter_id", "invitee_id", "email", "status", "message", "note", "created_at", "responded_at")


def begin(work: Work, meeting_id: str, series_id: str) -> None:
    """Who was asked to the meeting is asked to all of its series, with the same answer."""
    own = update(Invitation).where(Invitation.meeting_id == meeting_id)
    work.execute(own.values(meeting_id=None, series_id=series_id))


def admit_to(work: Work, series_id: str, meeting_ids: list[str]) -> None:
    """New occurrences are theirs who were asked to the series."""
    found = work.execute(
        select(Invitation.invitee_id, Invitation.status).where(
            Invitation.series_id == series_id, Invitation.invitee_id.is_not(None)
        )
    )
    people = [(row.invitee_id, places.RELATION[row.status]) for row in found if row.status in places.RELATION]
    new = work.scalars(select(Meeting).where(Meeting.id.in_(meeting_ids))).all()
    bans.keep_bans(work, series_id, new)
    meetings.set_relation_to_all(work, new, people)


def split(work: Work, series_id: str, new_series_id: str) -> None:
    """Who was asked to the old series is asked to the new one, with the same answer."""
    moved = select(Meeting.id).where(Meeting.series_id == new_series_id)
    for old in _of(work, series_id):
        copy = Invitation(id=new_id(), series_id=new_series_id)
        for name in _COPIED:
            setattr(copy, name, getattr(old, name))
        if copy.status == "proposed":
            copy.status = "pending"
        work.add(copy)
        work.flush()
        answers = update(Invitation).where(Invitation.parent_id == old.id, Invitation.meeting_id.in_(moved))
        work.execute(answers.values(parent_id=copy.id))


def ask_again(work: Work, series_id: str) -> None:
    """A yes was to the old times: everybody who gave it is asked for the new ones, once for all of them."""
    for invitation in _of(work, series_id):
        places.drop_own_answers(work, invitation)
        if invitation.status == "accepted":
            service.ask_again(work, invitation, "moved")
        else:
            places.admit(work, invitation)
    alone = select(Invitation).join(Meeting, Meeting.id == Invitation.meeting_id)
    alone = alone.where(Meeting.series_id == series_id, Meeting.state == "scheduled", Invitation.status == "accepted")
    for invitation in work.scalars(alone).all():
        service.ask_again(work, invitation)


def _of(work: Work, series_id: str) -> list[Invitation]:
    return list(work.scalars(select(Invitation).where(Invitation.series_id == series_id).order_by(Invitation.id)))
