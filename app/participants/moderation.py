"""What hosts do with those who are there. Nobody can be unmuted by another, and the owner is nobody's to send away."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from app.core import errors
from app.core.actor import Actor
from app.core.runtime import Work
from app.inbox import service as inbox
from app.inbox.service import Message
from app.invitations.service import restore_relation
from app.meetings import people
from app.meetings import service as meetings
from app.meetings.models import MeetingPerson
from app.participants import lobby, service, states
from app.participants.models import Participant


def mute(work: Work, actor: Actor, participant: Participant) -> None:
    """Show somebody as muted and tell their device to be so. Repeating that changes nothing.

    The server does not carry the sound of a `p2p` meeting: a device that does not listen goes on being heard.

    :raises ParticipantStateConflict: they are not in the room.
    """
    _check_in_the_room(participant)
    _mute(work, actor, participant.meeting_id, [participant])


def mute_all(work: Work, actor: Actor, meeting_id: str) -> Sequence[Participant]:
    """Mute everybody but the hosts: one message for each who is there, however many are muted."""
    loud = [one for one in service.in_the_room(work, meeting_id) if one.kind == "user" and one.role == "participant"]
    _mute(work, actor, meeting_id, loud)
    return loud


def _mute(work: Work, actor: Actor, meeting_id: str, participants: Sequence[Participant]) -> None:
    muted = [one for one in participants if not one.muted]
    for one in muted:
        one.muted = True
    if muted:
        work.flush()
        told = {"participant_ids": [one.id for one in muted], "by": _by(actor)}
        service.tell_room(work, meeting_id, Message("participant.mute", told, meeting_id), media_worker_too=True)


def ask_to_unmute(work: Work, actor: Actor, participant: Participant) -> None:
    """Ask somebody to unmute themselves; of who is not muted nothing is asked.

    :raises ParticipantStateConflict: they are not in the room.
    """
    _check_in_the_room(participant)
    if participant.muted:
        asked = Message(
            "participant.ask_to_unmute", {"by": _by(actor)}, participant.meeting_id, subject="participant.ask_to_unmute"
        )
        inbox.deliver(work, asked, [participant.inbox_id])


def lower_hand(work: Work, participant: Participant) -> None:
    """Take down somebody's hand. Repeating that changes nothing.

    :raises ParticipantStateConflict: they are not in the room.
    """
    _check_in_the_room(participant)
    if participant.hand:
        participant.hand, participant.hand_raised_at = False, None
        work.flush()
        service.announce_updated(work, participant, to_themselves=True)


def remove(work: Work, actor: Actor, participant: Participant) -> None:
    """Take one device out of the meeting. Repeating that changes nothing.

    :raises Forbidden: it is the media server's, the owner's, or a co-host's and the actor is not the owner.
    """
    _check_rank(work, actor, participant)
    service.depart(work, participant, "removed")


def ban(work: Work, actor: Actor, participant: Participant) -> bool:
    """Take a person out with all of their devices, and let them see nothing of the meeting any more; of a series
    nothing that is live or to come.

    A guest would only need the code to come back as another one: so it is renewed.

    :returns: whether it was.
    :raises Forbidden: as with `remove`.
    """
    user_id = _check_rank(work, actor, participant)
    meeting = meetings.get(work, participant.meeting_id)
    people.ban(work, meeting, user_id)
    stays = select(Participant).where(Participant.user_id == user_id, Participant.state.in_(states.THERE))
    banned = select(MeetingPerson.meeting_id).where(
        MeetingPerson.user_id == user_id, MeetingPerson.relation == "banned"
    )
    for stay in work.scalars(stays.where(Participant.meeting_id.in_(banned)).order_by(Participant.id)).all():
        service.depart(work, stay, "banned")
    renewed = participant.is_guest and meeting.state != "cancelled"
    if renewed:
        meetings.renew_code(work, meeting)
    return renewed


def lift_ban(work: Work, meeting_id: str, user_id: str) -> None:
    """What their invitation makes them they are again.

    :raises NotFound: they are not banned.
    """
    for banned_from in people.lift_ban(work, meetings.get(work, meeting_id), user_id):
        restore_relation(work, banned_from, user_id)


def set_role(work: Work, participant: Participant, role: str) -> None:
    """Make the person behind a participant a co-host, or a participant again; it holds for all their stays to come.

    A co-host does not wait: who was waiting comes in.

    :raises Forbidden: it is the media server, or the owner. :raises NotFound: the meeting is none of theirs any more.
    """
    if participant.user_id is None or participant.is_owner:
        raise errors.Forbidden("Only people who are not the owner can be given a role.")
    meeting = meetings.get(work, participant.meeting_id)
    people.set_role(work, meeting, participant.user_id, role)
    given = participant.given_role = "co_host" if role == "co_host" else None
    for stay in _stays(work, meeting.id, participant.user_id):
        stay.given_role = given
        work.flush()
        if stay.state == "waiting" and given and meeting.state == "live":
            lobby.let_in(work, meeting.id, [stay])
        elif stay.state in states.IN_THE_ROOM:
            service.announce_updated(work, stay, to_themselves=True)
    lobby.tell_waiting(work, meeting.id)


def _check_rank(work: Work, actor: Actor, participant: Participant) -> str:
    """The person behind a participant whom the actor may send away."""
    if participant.user_id is None:
        raise errors.Forbidden("The media server can't be removed; end the meeting.")
    if participant.is_owner:
        raise errors.Forbidden("The owner can't be removed.")
    target = meetings.standing_of(work, participant.user_id, participant.meeting_id)
    if target.is_host and meetings.standing_of(work, actor.user_id, participant.meeting_id).relation != "owner":
        raise errors.Forbidden("Only the owner can remove a co-host.")
    return participant.user_id


def _check_in_the_room(participant: Participant) -> None:
    if participant.kind != "user" or participant.state not in states.IN_THE_ROOM:
        raise errors.ParticipantStateConflict("They are not in the room.", state=participant.state)


def _stays(work: Work, meeting_id: str, user_id: str) -> Sequence[Participant]:
    return work.scalars(
        select(Participant)
        .where(
            Participant.meeting_id == meeting_id,
            Participant.user_id == user_id,
            Participant.state.in_(states.THERE),
        )
        .order_by(Participant.id)
    ).all()


def _by(actor: Actor) -> dict[str, Any]:
    return {"user_id": actor.user_id, "display_name": actor.display_name}
