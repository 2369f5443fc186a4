"""Letting in who waits: by a host's word, or because nothing holds them any more."""

from collections.abc import Sequence

from sqlalchemy import select

from app.core import errors
from app.core.runtime import Work
from app.inbox import service as inbox
from app.inbox.service import Message
from app.invitations.service import accept_pending
from app.meetings import service as meetings
from app.meetings.models import Meeting
from app.meetings.people import hosts_of
from app.participants import door, service, states
from app.participants.models import Participant


def admit(work: Work, participant: Participant) -> None:
    """Let in who waits. Repeating that changes nothing.

    :raises ParticipantStateConflict: they have gone. :raises MeetingStateConflict: the meeting has not begun.
    """
    if participant.state in states.IN_THE_ROOM:
        return
    if participant.state == "left":
        raise errors.ParticipantStateConflict("They do not wait any more.", state=participant.state)
    _let_in_by_host(work, meetings.get(work, participant.meeting_id), [participant])


def admit_all(work: Work, meeting: Meeting) -> Sequence[Participant]:
    """Let in everybody who waits.

    :raises MeetingStateConflict: the meeting has not begun.
    """
    waiting = _waiting(work, meeting.id)
    _let_in_by_host(work, meeting, waiting)
    return waiting


def deny(work: Work, participant: Participant) -> None:
    """Send somebody away who waits. Repeating that changes nothing.

    :raises ParticipantStateConflict: they do not wait.
    """
    if participant.state == "left" and participant.left_reason == "denied":
        return
    if participant.state != "waiting":
        raise errors.ParticipantStateConflict("They do not wait.", state=participant.state)
    service.depart(work, participant, "denied")


def admit_unheld(work: Work, meeting_id: str) -> None:
    """The meeting has begun, or its lobby was changed: who need not wait any more is in, the others are told why not.

    Who comes in together reads who else is there: nobody is told of each of the others, which would be as many messages
    as there are pairs. Of those who were asked again while they waited, coming in says yes once more.
    """
    meeting = meetings.get(work, meeting_id)
    if meeting.state != "live":
        return
    waiting = _waiting(work, meeting_id)
    let_in(work, meeting_id, [one for one in waiting if not (one.user_id and door.holds(work, meeting, one.user_id))])
    tell_waiting(work, meeting_id)


def let_in(work: Work, meeting_id: str, waiting: Sequence[Participant], *, tell_hosts: bool = False) -> None:
    """:param tell_hosts: wherever they are, since they may have been told that somebody waits."""
    if not waiting:
        return
    told = set(service.inboxes_in_the_room(work, meeting_id))
    if tell_hosts:
        told |= set(inbox.open_inboxes_of(work, hosts_of(work, meeting_id)))
    told |= set(service.media_workers_of(work, meeting_id))
    told -= {one.inbox_id for one in waiting}
    for one in waiting:
        if one.user_id is not None:
            accept_pending(work, meeting_id, one.user_id)
        # Whoever came later offers: to those in the room, they come now.
        one.state, one.joined_at, one.admitted_at = "joined", work.now(), work.now()
    work.flush()
    for one in waiting:
        own = Message("participant.updated", {"participant": service.facts(one)}, meeting_id, service.address_of(one))
        inbox.deliver(work, own, [one.inbox_id])
    for one in waiting:
        if told:
            came = {"participant": service.facts(one)}
            inbox.deliver(work, Message("participant.joined", came, meeting_id, service.address_of(one)), told)
        service.note_joined(work, one)


def tell_waiting(work: Work, meeting_id: str) -> None:
    """What those who wait are waiting for now; the latest only."""
    waiting = _waiting(work, meeting_id)
    if not waiting:
        return
    payload = {"waiting_for": door.waiting_for(work, meetings.get(work, meeting_id), "waiting")}
    message = Message("lobby.updated", payload, meeting_id, subject=f"lobby.updated:{meeting_id}")
    inbox.deliver(work, message, [one.inbox_id for one in waiting])


def _let_in_by_host(work: Work, meeting: Meeting, waiting: Sequence[Participant]) -> None:
    if meeting.state != "live":
        raise errors.MeetingStateConflict("Start the meeting first.", state=meeting.state)
    let_in(work, meeting.id, waiting, tell_hosts=True)


def _waiting(work: Work, meeting_id: str) -> Sequence[Participant]:
    query = select(Participant).where(Participant.meeting_id == meeting_id, Participant.state == "waiting")
    return work.scalars(query.order_by(Participant.id)).all()
