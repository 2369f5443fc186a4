from typing import Any

from sqlalchemy import exists, func, or_, select, update
from sqlalchemy.orm import aliased

from app.accounts.service import find_by_email, get_user
from app.core import errors
from app.core.actor import Actor
from app.core.ids import new_id
from app.core.pagination import paginate
from app.core.runtime import Work
from app.inbox.service import Message, deliver_to_person
from app.invitations import places, shapes, states
from app.invitations.events import InvitationChanged, InvitationRepeated
from app.invitations.models import Invitation
from app.invitations.schemas import InvitationOut
from app.meetings import service as meetings
from app.meetings.models import Meeting

_SERIES_FIRST = (Invitation.series_id.is_(None), Invitation.series_id, Invitation.meeting_id)  # as locks are taken
_ANSWERABLE_MEETING = ("scheduled", "live", "ended")


def get(work: Work, invitation_id: str) -> Invitation:
    invitation = work.get(Invitation, invitation_id)
    if invitation is None:
        raise errors.NotFound()
    return invitation


def hold(work: Work, invitation_id: str, occurrence_id: str | None = None) -> Invitation:
    """An invitation as it is now, what it is to held (see `meetings.service.hold`).

    With `occurrence_id` the one that counts for that occurrence of the invitation's series.
    :raises NotFound: there is none, or no such occurrence.
    """
    places.hold(work, get(work, invitation_id))
    held = work.get(Invitation, invitation_id, populate_existing=True)
    if held is None:
        raise errors.NotFound()
    return held if occurrence_id is None else places.for_occurrence(work, held, occurrence_id, afresh=True)


def invite(
    work: Work, actor: Actor, meeting: Meeting, invitees: list[dict[str, str]], message: str, *, scope: str = "all"
) -> list[dict[str, Any]]:
    """Ask people to a meeting, all or none. Who was asked already keeps the invitation as it is.

    By an occurrence they are asked to `all` of its series, or to `this` one alone.

    :raises MeetingStateConflict: the meeting is over. :raises TooManyInvitations: INVITATIONS_MAX.
    """
    if meeting.state in ("ended", "cancelled"):
        raise errors.MeetingStateConflict(f"The meeting is {meeting.state}.", state=meeting.state)
    to_all = meeting.series_id is not None and scope == "all"
    asked = [_ask(work, actor, meeting, to_all, invitee, message, index) for index, invitee in enumerate(invitees)]
    _not_too_many(work, meeting)
    unique = list({invitation.id: invitation for invitation in asked}.values())
    return shapes.views(work, unique)


def _not_too_many(work: Work, meeting: Meeting) -> None:
    count = work.scalar(select(func.count()).where(_is_to(meeting))) or 0
    if count > work.settings.invitations_max:
        raise errors.TooManyInvitations(f"A meeting has {work.settings.invitations_max} invitations at most.")


def _is_to(meeting: Meeting) -> Any:
    """Invitations to a meeting and to the series that it belongs to."""
    own = Invitation.meeting_id == meeting.id
    return own if meeting.series_id is None else or_(own, Invitation.series_id == meeting.series_id)


def _ask(
    work: Work, actor: Actor, meeting: Meeting, to_all: bool, invitee: dict[str, str], message: str, index: int
) -> Invitation:
    email, invitee_id = _who(work, invitee, index)
    # By address too: an unverified one leads to no account yet, and would make them their own guest in the end.
    if invitee_id == meeting.owner_id or (email and email == get_user(work, meeting.owner_id).email):
        wrong = {
            "location": "body",
            "field": f"invitees.{index}",
            "message": "The owner needs no invitation.",
        }
        raise errors.ValidationFailed(errors=[wrong])
    place = Invitation.series_id == meeting.series_id if to_all else _is_to(meeting)
    there = _asked_before(work, place, email, invitee_id)
    if there is not None:
        if there.invitee_id is None and invitee_id is not None:
            _attach(work, there, invitee_id)
        if there.status == "revoked":
            there.message = message
            ask_again(work, there)
        return there
    invitation = Invitation(
        id=new_id(),
        meeting_id=None if to_all else meeting.id,
        series_id=meeting.series_id if to_all else None,
        inviter_id=actor.user_id,
        invitee_id=invitee_id,
        email=email,
        status="pending",
        message=message,
        created_at=work.now(),
    )
    work.add(invitation)
    work.flush()
    if to_all:
        _adopt(work, invitation)
    places.admit(work, invitation)
    _tell_invitee(work, invitation, "invitation.received")
    _emit_changed(work, invitation)
    return invitation


def _adopt(work: Work, invitation: Invitation) -> None:
    """What they were asked to alone before stays as they answered it."""
    of_series = select(Meeting.id).where(Meeting.series_id == invitation.series_id)
    whose = Invitation.email == invitation.email if invitation.email else Invitation.invitee_id == invitation.invitee_id
    work.execute(update(Invitation).where(Invitation.meeting_id.in_(of_series), whose).values(parent_id=invitation.id))


def _asked_before(work: Work, place: Any, email: str | None, invitee_id: str | None) -> Invitation | None:
    """An account's own invitation comes before one that waits for its address to be verified; and one to a meeting
    before one to its series.
    """
    whose = [Invitation.email == email] if email else []
    whose += [Invitation.invitee_id == invitee_id] if invitee_id else []
    found = select(Invitation).where(place, or_(*whose))
    return work.scalar(found.order_by(Invitation.invitee_id.is_(None), Invitation.meeting_id.is_(None)).limit(1))


def _who(work: Work, invitee: dict[str, str], index: int) -> tuple[str | None, str | None]:
    """Normalised address, where the inviter may know it, and account, where there is one."""
    if "email" in invitee:
        email = invitee["email"]
        found = find_by_email(work, email, verified_only=True)
        return email, found.id if found else None
    try:
        user = get_user(work, invitee["user_id"])
    except errors.NotFound:
        user = None
    if user is None:
        wrong = {"location": "body", "field": f"invitees.{index}.user_id", "message": "No such user."}
        raise errors.ValidationFailed(errors=[wrong])
    return user.email if user.email_verified else None, user.id


def accept(work: Work, invitation: Invitation) -> None:
    """Say yes. Repeating that changes nothing; after a no it is a contradiction."""
    if invitation.status == "accepted":
        return
    _meeting_still_answerable(work, invitation)
    _become(work, invitation, "accepted")
    _answered(work, invitation)


def accept_pending(work: Work, meeting_id: str, user_id: str) -> None:
    """Joining a meeting says yes to its invitation; of a series for this occurrence."""
    meeting = meetings.get(work, meeting_id)
    own = select(Invitation).where(_is_to(meeting), Invitation.invitee_id == user_id)
    invitation = work.scalar(own.order_by(Invitation.meeting_id.is_(None)).limit(1))
    if invitation is not None and invitation.status in ("pending", "proposed"):
        accept(work, places.for_occurrence(work, invitation, meeting_id))


def admit_by_code(work: Work, meeting: Meeting, user_id: str) -> None:
    """Somebody has come by the meeting's code, as themselves: as if they had been invited and had said yes. So the host
    finds them among the invitations, and can take theirs back.

    :raises CodeUnknown: theirs was taken back; what the host has said of this person counts more than the code.
    :raises TooManyInvitations:
    """
    invitation = _asked_before(work, _is_to(meeting), None, user_id)
    if invitation is None:
        user = get_user(work, user_id)
        invitation = Invitation(
            id=new_id(),
            meeting_id=meeting.id,
            inviter_id=meeting.owner_id,
            invitee_id=user_id,
            email=user.email if user.email_verified else None,
            status="pending",
            message="",
            created_at=work.now(),
        )
        work.add(invitation)
        work.flush()
        _not_too_many(work, meeting)
    elif invitation.status == "revoked":
        raise errors.CodeUnknown()
    else:
        invitation = places.for_occurrence(work, invitation, meeting.id)
        if invitation.status == "rejected":
            _become(work, invitation, "pending")
    accept(work, invitation)


def reject(work: Work, invitation: Invitation) -> None:
    """Say no. Repeating that changes nothing; after a yes it is a contradiction."""
    if invitation.status == "rejected":
        return
    _become(work, invitation, "rejected")
    _answered(work, invitation)


def propose(work: Work, invitation: Invitation, **proposal: Any) -> Invitation:
    """Ask for another time; the latest proposal counts. Of a series it is about one occurrence, the next where none is
    named.

    :returns: the invitation that has the proposal. :raises MeetingStateConflict: the meeting is not to come any more.
    """
    meeting = places.meeting_for(work, invitation)
    invitation = places.for_occurrence(work, invitation, meeting.id)
    if meeting.state != "scheduled":
        raise errors.MeetingStateConflict(f"The meeting is {meeting.state}.", state=meeting.state)
    _become(work, invitation, "proposed")
    invitation.proposed_starts_at = proposal["starts_at"]
    invitation.proposed_duration_min = proposal["duration_min"]
    invitation.note = proposal["note"]
    _answered(work, invitation)
    return invitation


def accept_proposal(work: Work, actor: Actor, invitation: Invitation) -> None:
    """Move the meeting to the proposed time: its proposer thereby comes, who said yes to the old one is asked again."""
    change = {"starts_at": _proposed(invitation)}
    if invitation.proposed_duration_min is not None:
        change["duration_min"] = invitation.proposed_duration_min
    meeting = places.meeting_for(work, invitation)
    meetings.update(work, actor, meeting, **change)  # asks everybody again who had accepted
    _become(work, invitation, "accepted")
    _forget_proposal(invitation)
    work.flush()
    places.admit(work, invitation)
    _tell_invitee(work, invitation, "invitation.updated")
    _emit_changed(work, invitation, "proposal")


def ask_again_after_move(work: Work, meeting_id: str) -> None:
    """A yes was to the old time: everybody who gave it is asked for the new one."""
    accepted = select(Invitation).where(counts_for(meetings.get(work, meeting_id)), Invitation.status == "accepted")
    for invitation in work.scalars(accepted).all():
        ask_again(work, places.for_occurrence(work, invitation, meeting_id), "moved")


def counts_for(meeting: Meeting) -> Any:
    """Invitations to a meeting, and those to its series of people who have none of their own to this occurrence."""
    answer = aliased(Invitation)
    own = exists().where(answer.parent_id == Invitation.id, answer.meeting_id == meeting.id)
    return _is_to(meeting) & ~own


def decline_proposal(work: Work, invitation: Invitation) -> None:
    """Keep the meeting's time: the invitee is asked for it again.

    :raises MeetingStateConflict: the meeting is over.
    """
    _proposed(invitation)
    _meeting_still_to_ask_for(work, invitation)
    ask_again(work, invitation, "declined")


def resend(work: Work, invitation: Invitation) -> None:
    """Ask again. An invitation that waits for an answer stays as it is and is announced once more.

    :raises MeetingStateConflict: the meeting is over.
    """
    _meeting_still_to_ask_for(work, invitation)
    if invitation.status == "accepted":
        raise errors.InvitationStateConflict("They have accepted already.", status_now=invitation.status)
    if invitation.status in ("pending", "proposed"):
        _tell_invitee(work, invitation, "invitation.received")
        work.emit(InvitationRepeated(invitation.id))
    else:
        ask_again(work, invitation)


def revoke(work: Work, invitation: Invitation) -> None:
    """Take the invitation back; its person no longer belongs to the meeting."""
    if invitation.status == "revoked":
        return
    _become(work, invitation, "revoked")
    _forget_proposal(invitation)
    work.flush()
    if invitation.series_id is not None:
        places.drop_own_answers(work, invitation)
    places.admit(work, invitation)
    _tell_invitee(work, invitation, "invitation.revoked")
    _emit_changed(work, invitation)


def list_of_meeting(
    work: Work, meeting_id: str, *, status: str | None, limit: int, cursor: str | None
) -> dict[str, Any]:
    query = select(Invitation).where(counts_for(meetings.get(work, meeting_id)))
    return _page(work, query, status=status, limit=limit, cursor=cursor)


def list_mine(
    work: Work, actor: Actor, *, box: str, status: str | None, limit: int, cursor: str | None
) -> dict[str, Any]:
    column = Invitation.invitee_id if box == "received" else Invitation.inviter_id
    query = select(Invitation).where(column == actor.user_id)
    if box == "received":
        query = query.where(Invitation.status != "revoked")  # what was taken back tells its person nothing any more
    return _page(work, query, status=status, limit=limit, cursor=cursor)


def _page(work: Work, query: Any, *, status: str | None, limit: int, cursor: str | None) -> dict[str, Any]:
    if status is not None:
        query = query.where(Invitation.status == status)
    page = paginate(work, query, (Invitation.id,), limit=limit, cursor=cursor, descending=True)
    page["items"] = shapes.views(work, page["items"])
    return page


def attach(work: Work, user_id: str, email: str) -> None:
    """An address was verified: invitations to it now belong to the account."""
    waiting = select(Invitation.id).where(Invitation.email == email, Invitation.invitee_id.is_(None))
    for invitation_id in work.scalars(waiting.order_by(*_SERIES_FIRST)).all():
        invitation = hold(work, invitation_id)
        place = Invitation.meeting_id == invitation.meeting_id
        if invitation.series_id is not None:
            place = Invitation.series_id == invitation.series_id
        if _asked_before(work, place, None, user_id) is None:
            _attach(work, invitation, user_id)
        else:  # they were asked by account too, and one invitation is enough
            work.delete(invitation)
            work.flush()


def restore_relation(work: Work, meeting_id: str, user_id: str) -> None:
    """Somebody is not banned any more: their invitation says again what they are to the meeting."""
    counts = counts_for(meetings.get(work, meeting_id))
    for invitation in work.scalars(select(Invitation).where(counts, Invitation.invitee_id == user_id)).all():
        meetings.set_relation(work, meeting_id, user_id, places.RELATION.get(invitation.status))


def forget(work: Work, user_id: str) -> None:
    """An account was erased: nobody is asked any more, and no address of theirs stays."""
    own = select(Invitation.id).where(Invitation.invitee_id == user_id).order_by(*_SERIES_FIRST)
    for invitation_id in work.scalars(own).all():
        invitation = hold(work, invitation_id)
        invitation.email = None
        if invitation.status in ("pending", "proposed"):
            revoke(work, invitation)
        work.flush()


def _attach(work: Work, invitation: Invitation, user_id: str) -> None:
    invitation.invitee_id = user_id
    work.flush()
    if invitation.status != "revoked":
        places.admit(work, invitation)
        _tell_invitee(work, invitation, "invitation.received")


def _become(work: Work, invitation: Invitation, status: str) -> None:
    if not states.may_become(invitation.status, status):
        raise errors.InvitationStateConflict(
            f"An invitation that is {invitation.status} can't become {status}.", status_now=invitation.status
        )
    invitation.status = status


def _answered(work: Work, invitation: Invitation) -> None:
    invitation.responded_at = work.now()
    if invitation.status != "proposed":
        _forget_proposal(invitation)
    work.flush()
    places.admit(work, invitation)
    _tell(work, invitation.inviter_id, invitation, "invitation.updated")
    _emit_changed(work, invitation)


def ask_again(work: Work, invitation: Invitation, why: str = "") -> None:
    """Whatever they said before, they are asked now. `why` as in `InvitationChanged`."""
    _become(work, invitation, "pending")
    invitation.responded_at = None
    _forget_proposal(invitation)
    work.flush()
    places.admit(work, invitation)
    _tell_invitee(work, invitation, "invitation.received")
    _emit_changed(work, invitation, why)


def _forget_proposal(invitation: Invitation) -> None:
    invitation.proposed_starts_at = invitation.proposed_duration_min = None
    invitation.note = ""


def _proposed(invitation: Invitation) -> Any:
    if invitation.status != "proposed" or invitation.proposed_starts_at is None:
        raise errors.InvitationStateConflict("There is no proposal to answer.", status_now=invitation.status)
    return invitation.proposed_starts_at


def _meeting_still_answerable(work: Work, invitation: Invitation) -> None:
    meeting = places.meeting_for(work, invitation)
    if meeting.state not in _ANSWERABLE_MEETING:
        raise errors.MeetingCancelled()


def _meeting_still_to_ask_for(work: Work, invitation: Invitation) -> None:
    meeting = places.meeting_for(work, invitation)
    if meeting.state in ("ended", "cancelled"):
        raise errors.MeetingStateConflict(f"The meeting is {meeting.state}.", state=meeting.state)


def _tell_invitee(work: Work, invitation: Invitation, event_type: str) -> None:
    if invitation.invitee_id is not None:
        _tell(work, invitation.invitee_id, invitation, event_type)


def _tell(work: Work, user_id: str, invitation: Invitation, event_type: str) -> None:
    shown = shapes.view(work, invitation)
    payload = {"invitation": InvitationOut().dump(shown)}
    deliver_to_person(work, user_id, Message(event_type, payload, meeting_id=shown["meeting"]["id"]))


def _emit_changed(work: Work, invitation: Invitation, why: str = "") -> None:
    for meeting_id in places.meetings_concerned(work, invitation):
        work.emit(InvitationChanged(invitation.id, meeting_id, invitation.status, why))
