from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, or_, select

from app.accounts.service import find_by_email, get_user, names_of
from app.core import errors
from app.core.actor import Actor
from app.core.ids import new_id
from app.core.pagination import paginate
from app.core.runtime import Work
from app.inbox.service import Message, deliver_to_person
from app.invitations import states
from app.invitations.events import InvitationChanged
from app.invitations.models import Invitation
from app.invitations.schemas import InvitationOut
from app.meetings import service as meetings
from app.meetings.models import Meeting

_ANSWERABLE_MEETING = ("scheduled", "live", "ended")


def get(work: Work, invitation_id: str) -> Invitation:
    invitation = work.get(Invitation, invitation_id)
    if invitation is None:
        raise errors.NotFound()
    return invitation


def hold(work: Work, invitation_id: str) -> Invitation:
    """An invitation as it is now, its meeting held (see `meetings.service.hold`)."""
    meetings.hold(work, get(work, invitation_id).meeting_id)
    held = work.get(Invitation, invitation_id, populate_existing=True)
    if held is None:
        raise errors.NotFound()
    return held


def invite(
    work: Work, actor: Actor, meeting: Meeting, invitees: list[dict[str, str]], message: str
) -> list[dict[str, Any]]:
    """Ask people to a meeting, all or none. Who was asked already keeps the invitation as it is.

    :raises MeetingStateConflict: the meeting is over. :raises TooManyInvitations: INVITATIONS_MAX.
    """
    if meeting.state in ("ended", "cancelled"):
        raise errors.MeetingStateConflict(f"The meeting is {meeting.state}.", state=meeting.state)
    asked = [_ask(work, actor, meeting, invitee, message, index) for index, invitee in enumerate(invitees)]
    _not_too_many(work, meeting)
    unique = list({invitation.id: invitation for invitation in asked}.values())
    return views(work, unique)


def _not_too_many(work: Work, meeting: Meeting) -> None:
    count = work.scalar(select(func.count()).where(Invitation.meeting_id == meeting.id)) or 0
    if count > work.settings.invitations_max:
        raise errors.TooManyInvitations(f"A meeting has {work.settings.invitations_max} invitations at most.")


def _ask(work: Work, actor: Actor, meeting: Meeting, invitee: dict[str, str], message: str, index: int) -> Invitation:
    email, invitee_id = _who(work, invitee, index)
    # By address too: an unverified one leads to no account yet, and would make them their own guest in the end.
    if invitee_id == meeting.owner_id or (email and email == get_user(work, meeting.owner_id).email):
        wrong = {
            "location": "body",
            "field": f"invitees.{index}",
            "message": "The owner needs no invitation.",
        }
        raise errors.ValidationFailed(errors=[wrong])
    there = _asked_before(work, meeting.id, email, invitee_id)
    if there is not None:
        if there.invitee_id is None and invitee_id is not None:
            _attach(work, there, invitee_id)
        if there.status == "revoked":
            there.message = message
            _ask_again(work, there)
        return there
    invitation = Invitation(
        id=new_id(),
        meeting_id=meeting.id,
        inviter_id=actor.user_id,
        invitee_id=invitee_id,
        email=email,
        status="pending",
        message=message,
        created_at=work.now(),
    )
    work.add(invitation)
    work.flush()
    _admit(work, invitation)
    _tell_invitee(work, invitation, "invitation.received")
    work.emit(InvitationChanged(invitation.id, meeting.id, "pending"))
    return invitation


def _asked_before(work: Work, meeting_id: str, email: str | None, invitee_id: str | None) -> Invitation | None:
    """An account's own invitation comes before one that waits for its address to be verified."""
    whose = [Invitation.email == email] if email else []
    whose += [Invitation.invitee_id == invitee_id] if invitee_id else []
    found = select(Invitation).where(Invitation.meeting_id == meeting_id, or_(*whose))
    return work.scalar(found.order_by(Invitation.invitee_id.is_(None)).limit(1))


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
    """Joining a meeting says yes to its invitation."""
    waiting = select(Invitation).where(
        Invitation.meeting_id == meeting_id,
        Invitation.invitee_id == user_id,
        Invitation.status.in_(("pending", "proposed")),
    )
    for invitation in work.scalars(waiting).all():
        accept(work, invitation)


def admit_by_code(work: Work, meeting: Meeting, user_id: str) -> None:
    """Somebody has come by the meeting's code, as themselves: as if they had been invited and had said yes. So the host
    finds them among the invitations, and can take theirs back.

    :raises CodeUnknown: theirs was taken back; what the host has said of this person counts more than the code.
    :raises TooManyInvitations:
    """
    invitation = _asked_before(work, meeting.id, None, user_id)
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
    elif invitation.status == "rejected":
        _become(work, invitation, "pending")
    accept(work, invitation)


def reject(work: Work, invitation: Invitation) -> None:
    """Say no. Repeating that changes nothing; after a yes it is a contradiction."""
    if invitation.status == "rejected":
        return
    _become(work, invitation, "rejected")
    _answered(work, invitation)


def propose(work: Work, invitation: Invitation, **proposal: Any) -> None:
    """Ask for another time; the latest proposal counts.

    :raises MeetingStateConflict: the meeting is not to come any more.
    """
    meeting = meetings.get(work, invitation.meeting_id)
    if meeting.state != "scheduled":
        raise errors.MeetingStateConflict(f"The meeting is {meeting.state}.", state=meeting.state)
    _become(work, invitation, "proposed")
    invitation.proposed_starts_at = proposal["starts_at"]
    invitation.proposed_duration_min = proposal["duration_min"]
    invitation.note = proposal["note"]
    _answered(work, invitation)


def accept_proposal(work: Work, actor: Actor, invitation: Invitation) -> None:
    """Move the meeting to the proposed time: its proposer thereby comes, who said yes to the old one is asked again."""
    change = {"starts_at": _proposed(invitation)}
    if invitation.proposed_duration_min is not None:
        change["duration_min"] = invitation.proposed_duration_min
    meeting = meetings.get(work, invitation.meeting_id)
    meetings.update(work, actor, meeting, **change)  # asks everybody again who had accepted
    _become(work, invitation, "accepted")
    _forget_proposal(invitation)
    work.flush()
    _admit(work, invitation)
    _tell_invitee(work, invitation, "invitation.updated")
    work.emit(InvitationChanged(invitation.id, meeting.id, "accepted"))


def ask_again_after_move(work: Work, meeting_id: str) -> None:
    """A yes was to the old time: everybody who gave it is asked for the new one."""
    accepted = select(Invitation).where(Invitation.meeting_id == meeting_id, Invitation.status == "accepted")
    for invitation in work.scalars(accepted).all():
        _ask_again(work, invitation)


def decline_proposal(work: Work, invitation: Invitation) -> None:
    """Keep the meeting's time: the invitee is asked for it again.

    :raises MeetingStateConflict: the meeting is over.
    """
    _proposed(invitation)
    _meeting_still_to_ask_for(work, invitation)
    _ask_again(work, invitation)


def resend(work: Work, invitation: Invitation) -> None:
    """Ask again. An invitation that waits for an answer stays as it is and is announced once more.

    :raises MeetingStateConflict: the meeting is over.
    """
    _meeting_still_to_ask_for(work, invitation)
    if invitation.status == "accepted":
        raise errors.InvitationStateConflict("They have accepted already.", status_now=invitation.status)
    if invitation.status in ("pending", "proposed"):
        _tell_invitee(work, invitation, "invitation.received")
    else:
        _ask_again(work, invitation)


def revoke(work: Work, invitation: Invitation) -> None:
    """Take the invitation back; its person no longer belongs to the meeting."""
    if invitation.status == "revoked":
        return
    _become(work, invitation, "revoked")
    _forget_proposal(invitation)
    work.flush()
    _admit(work, invitation)
    _tell_invitee(work, invitation, "invitation.revoked")
    work.emit(InvitationChanged(invitation.id, invitation.meeting_id, "revoked"))


def list_of_meeting(
    work: Work, meeting_id: str, *, status: str | None, limit: int, cursor: str | None
) -> dict[str, Any]:
    query = select(Invitation).where(Invitation.meeting_id == meeting_id)
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
    page["items"] = views(work, page["items"])
    return page


def view(work: Work, invitation: Invitation) -> dict[str, Any]:
    return views(work, [invitation])[0]


def views(work: Work, invitations: Sequence[Invitation]) -> list[dict[str, Any]]:
    """Invitations as `InvitationOut` takes them."""
    found = work.scalars(select(Meeting).where(Meeting.id.in_({i.meeting_id for i in invitations}))).all()
    by_id = {meeting.id: meeting for meeting in found}
    ids = {meeting.owner_id for meeting in found}
    ids |= {person for i in invitations for person in (i.inviter_id, i.invitee_id) if person is not None}
    names = names_of(work, ids)
    return [_view(invitation, by_id[invitation.meeting_id], names) for invitation in invitations]


def _view(invitation: Invitation, meeting: Meeting, names: dict[str, str]) -> dict[str, Any]:
    proposal = None
    if invitation.status == "proposed":
        proposal = {
            "starts_at": invitation.proposed_starts_at,
            "duration_min": invitation.proposed_duration_min,
            "note": invitation.note,
        }
    return {
        "id": invitation.id,
        "status": invitation.status,
        "message": invitation.message,
        "meeting": {
            "id": meeting.id,
            "title": meeting.title,
            "state": meeting.state,
            "starts_at": meeting.starts_at,
            "duration_min": meeting.duration_min,
            "time_zone": meeting.time_zone,
            "owner": {"user_id": meeting.owner_id, "display_name": names[meeting.owner_id]},
        },
        "inviter": {"user_id": invitation.inviter_id, "display_name": names[invitation.inviter_id]},
        "invitee": {
            "user_id": invitation.invitee_id,
            "email": invitation.email,
            "display_name": names[invitation.invitee_id] if invitation.invitee_id else None,
        },
        "proposal": proposal,
        "created_at": invitation.created_at,
        "responded_at": invitation.responded_at,
    }


def attach(work: Work, user_id: str, email: str) -> None:
    """An address was verified: invitations to it now belong to the account."""
    waiting = select(Invitation.id).where(Invitation.email == email, Invitation.invitee_id.is_(None))
    for invitation_id in work.scalars(waiting.order_by(Invitation.meeting_id)).all():
        invitation = hold(work, invitation_id)
        if _asked_before(work, invitation.meeting_id, None, user_id) is None:
            _attach(work, invitation, user_id)
        else:  # they were asked by account too, and one invitation is enough
            work.delete(invitation)
            work.flush()


def restore_relation(work: Work, meeting_id: str, user_id: str) -> None:
    """Somebody is not banned any more: their invitation says again what they are to the meeting."""
    theirs = select(Invitation).where(Invitation.meeting_id == meeting_id, Invitation.invitee_id == user_id)
    for invitation in work.scalars(theirs).all():
        _admit(work, invitation)


def forget(work: Work, user_id: str) -> None:
    """An account was erased: nobody is asked any more, and no address of theirs stays."""
    own = select(Invitation.id).where(Invitation.invitee_id == user_id).order_by(Invitation.meeting_id)
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
        _admit(work, invitation)
        _tell_invitee(work, invitation, "invitation.received")


_RELATION = {"pending": "invited", "proposed": "invited", "accepted": "accepted"}


def _admit(work: Work, invitation: Invitation) -> None:
    """Keep what the person is to the meeting in step with the invitation, which is the truth of it."""
    if invitation.invitee_id is not None:
        meetings.set_relation(work, invitation.meeting_id, invitation.invitee_id, _RELATION.get(invitation.status))


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
    _admit(work, invitation)
    _tell(work, invitation.inviter_id, invitation, "invitation.updated")
    work.emit(InvitationChanged(invitation.id, invitation.meeting_id, invitation.status))


def _ask_again(work: Work, invitation: Invitation) -> None:
    _become(work, invitation, "pending")
    invitation.responded_at = None
    _forget_proposal(invitation)
    work.flush()
    _admit(work, invitation)
    _tell_invitee(work, invitation, "invitation.received")
    work.emit(InvitationChanged(invitation.id, invitation.meeting_id, "pending"))


def _forget_proposal(invitation: Invitation) -> None:
    invitation.proposed_starts_at = invitation.proposed_duration_min = None
    invitation.note = ""


def _proposed(invitation: Invitation) -> Any:
    if invitation.status != "proposed" or invitation.proposed_starts_at is None:
        raise errors.InvitationStateConflict("There is no proposal to answer.", status_now=invitation.status)
    return invitation.proposed_starts_at


def _meeting_still_answerable(work: Work, invitation: Invitation) -> None:
    meeting = meetings.get(work, invitation.meeting_id)
    if meeting.state not in _ANSWERABLE_MEETING:
        raise errors.MeetingCancelled()


def _meeting_still_to_ask_for(work: Work, invitation: Invitation) -> None:
    meeting = meetings.get(work, invitation.meeting_id)
    if meeting.state in ("ended", "cancelled"):
        raise errors.MeetingStateConflict(f"The meeting is {meeting.state}.", state=meeting.state)


def _tell_invitee(work: Work, invitation: Invitation, event_type: str) -> None:
    if invitation.invitee_id is not None:
        _tell(work, invitation.invitee_id, invitation, event_type)


def _tell(work: Work, user_id: str, invitation: Invitation, event_type: str) -> None:
    payload = {"invitation": InvitationOut().dump(view(work, invitation))}
    deliver_to_person(work, user_id, Message(event_type, payload, meeting_id=invitation.meeting_id))
