from sqlalchemy import select, update

from app.accounts import service as accounts
from app.accounts import sessions
from app.accounts.events import SessionEnded, UserErased
from app.core.runtime import Work
from app.inbox.events import OwnerReturned
from app.invitations.events import InvitationChanged
from app.invitations.models import Invitation
from app.meetings.events import MeetingCancelled, MeetingEnded, MeetingStarted, MeetingUpdated
from app.participants import guests, lobby, service, states
from app.participants.events import ParticipantJoined, ParticipantLeft
from app.participants.models import Participant
from app.participants.tasks import ERASE_ALONE


def admit_waiting(work: Work, event: MeetingStarted | MeetingUpdated) -> None:
    lobby.admit_unheld(work, event.meeting_id)


def tell_waiting(work: Work, event: ParticipantJoined | ParticipantLeft) -> None:
    """Whether there is a host inside who could admit them."""
    is_over = isinstance(event, ParticipantLeft) and event.reason == "meeting_ended"
    if not is_over and service.get(work, event.participant_id).role != "participant":
        lobby.tell_waiting(work, event.meeting_id)


def empty_the_room(work: Work, event: MeetingEnded | MeetingCancelled) -> None:
    service.empty_the_room(work, event.meeting_id)


def introduce(work: Work, event: ParticipantJoined) -> None:
    """Who was in one room has met, and finds the other again when inviting."""
    newcomer = service.get(work, event.participant_id)
    if newcomer.user_id is not None and not newcomer.is_guest:
        accounts.introduce(work, newcomer.user_id, service.user_ids_in_the_room(work, event.meeting_id))


REMOVED = ("removed", "banned")  # reasons for which a guest needs the code again


def end_guests_sessions(work: Work, event: MeetingCancelled) -> None:
    guests.end_sessions(work, event.meeting_id, "meeting_cancelled")


def end_session_of_removed_guest(work: Work, event: ParticipantLeft) -> None:
    if event.reason in REMOVED:
        participant = service.get(work, event.participant_id)
        if participant.is_guest and participant.user_id is not None:
            sessions.end_all(work, participant.user_id, "removed")


def forget_name(work: Work, event: UserErased) -> None:
    """Those who were there with them keep that somebody was, not who."""
    theirs = update(Participant).where(Participant.user_id == event.user_id)
    work.execute(theirs.values(display_name=accounts.NAME_OF_ERASED, device=None))


def erase_alone(work: Work, event: UserErased) -> None:
    """In the background: there may be many."""
    work.enqueue(ERASE_ALONE, {"user_id": event.user_id})


def note_returned(work: Work, event: OwnerReturned) -> None:
    if event.kind == "participant":
        service.note_returned(work, event.owner_id)


def leave_with_session(work: Work, event: SessionEnded) -> None:
    """A session that ends takes its devices out of their meetings."""
    _end_stays(work, Participant.session_id == event.session_id, "session_ended")


def leave_with_invitation(work: Work, event: InvitationChanged) -> None:
    """Who is no longer invited, or says no after all, is no longer there."""
    if event.status in ("revoked", "rejected"):
        invitee_id = work.get_one(Invitation, event.invitation_id).invitee_id
        if invitee_id is not None:
            _end_stays(
                work,
                (Participant.user_id == invitee_id) & (Participant.meeting_id == event.meeting_id),
                "removed" if event.status == "revoked" else "left",
            )


def _end_stays(work: Work, whose: object, reason: str) -> None:
    stays = select(Participant.id).where(whose, Participant.state.in_(states.THERE))  # type: ignore[arg-type]
    for participant_id in work.scalars(stays.order_by(Participant.meeting_id, Participant.id)).all():
        service.depart(work, service.hold(work, participant_id), reason)
