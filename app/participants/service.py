from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, and_, bindparam, func, or_, select

from app.core import errors
from app.core.actor import Actor
from app.core.ids import new_id
from app.core.pagination import paginate
from app.core.prepared import Prepared
from app.core.runtime import Work
from app.inbox import service as inbox
from app.inbox.service import Message
from app.meetings import service as meetings
from app.meetings.models import Meeting
from app.meetings.people import hosts_of
from app.participants import door, permissions, states
from app.participants.events import ParticipantJoined, ParticipantLeft
from app.participants.models import Participant
from app.participants.schemas import ParticipantOut

_OUT = ParticipantOut()
IS_IN_THE_ROOM = and_(
    Participant.kind != "sfu", or_(*(Participant.state == state for state in sorted(states.IN_THE_ROOM)))
)
_INBOXES_IN_THE_ROOM = Prepared(
    select(Participant.inbox_id, Participant.user_id).where(
        Participant.meeting_id == bindparam("of_meeting"), IS_IN_THE_ROOM
    )
)


def get(work: Work, participant_id: str) -> Participant:
    participant = work.get(Participant, participant_id)
    if participant is None:
        raise errors.NotFound()
    return participant


def hold(work: Work, participant_id: str) -> Participant:
    """A participant as they are now, their meeting held (see `meetings.service.hold`)."""
    meetings.hold(work, get(work, participant_id).meeting_id)
    held = work.get(Participant, participant_id, populate_existing=True)
    if held is None:
        raise errors.NotFound()
    return held


def add_sfu(work: Work, meeting: Meeting, name: str, *, worker: tuple[str, str] | None = None) -> Participant:
    """Let the media server be in the meeting, as a participant like others. Its epoch is the meeting's
    `config_version`: what it says of an older one is void.

    :param worker: id and inbox of the media worker that plays it; None: the application itself does.
    """
    more = {} if worker is None else {"session_id": worker[0], "inbox_id": worker[1]}
    participant = new_participant(
        work, meeting, kind="sfu", name=name, state="joined", epoch=meeting.config_version, **more
    )
    announce_joined(work, participant)
    return participant


def sfu_of(work: Work, meeting_id: str) -> Participant | None:
    return work.scalar(
        select(Participant).where(
            Participant.meeting_id == meeting_id,
            Participant.kind == "sfu",
            Participant.state.in_(states.IN_THE_ROOM),
        )
    )


def new_participant(work: Work, meeting: Meeting, *, kind: str, name: str, state: str, **more: Any) -> Participant:
    participant = Participant(
        id=new_id(),
        meeting_id=meeting.id,
        kind=kind,
        display_name=name,
        state=state,
        joined_at=work.now(),
        admitted_at=work.now() if state == "joined" else None,
        muted=True,
        camera=False,
        screen=False,
        hand=False,
        **({"epoch": 1, "is_owner": False, "is_guest": False, "ai_transcribe": True, "ai_analyse": True} | more),
    )
    if "inbox_id" not in more:
        own_inbox = inbox.open_inbox(
            work, "participant", participant.id, address=_recipient(participant), user_id=participant.user_id
        )
        participant.inbox_id = own_inbox.id
    work.add(participant)
    work.flush()
    return participant


def leave(work: Work, participant: Participant) -> None:
    """Go. Repeating that changes nothing."""
    depart(work, participant, "left")


def empty_the_room(work: Work, meeting_id: str) -> None:
    """Everybody's stay ends with the meeting; that it ended is all that they are told."""
    query = select(Participant).where(Participant.meeting_id == meeting_id, Participant.state.in_(states.THERE))
    there = work.scalars(query).all()
    for participant in there:
        _end_stay(work, participant, "meeting_ended")
    work.flush()  # one statement for all of them; and so for their inboxes, in sorted order
    with work.no_autoflush:
        for participant in there:
            inbox.close_inbox(work, "participant", participant.id, "meeting_ended")
    work.flush()
    for participant in there:
        work.emit(ParticipantLeft(meeting_id, participant.id, "meeting_ended"))


def send_out(work: Work, whose: Any, reason: str) -> None:
    """End the stays that `whose` selects; the others are told of each, those who go of none of the rest."""
    there = work.scalars(
        select(Participant).where(whose, Participant.state.in_(states.THERE)).order_by(Participant.id)
    ).all()
    were_in_the_room = {participant for participant in there if participant.state in states.IN_THE_ROOM}
    for participant in there:
        _end_stay(work, participant, reason)
    work.flush()
    for participant in there:
        inbox.close_inbox(work, "participant", participant.id, reason)
    for participant in there:
        if participant in were_in_the_room:
            _tell_room(work, participant, "participant.left", reason=reason)
    for participant in there:
        was_in_the_room = participant in were_in_the_room
        work.emit(ParticipantLeft(participant.meeting_id, participant.id, reason, was_in_the_room))
    for meeting_id in {participant.meeting_id for participant in were_in_the_room}:
        if not people_in_the_room(work, meeting_id):
            meetings.note_presence(work, meeting_id, empty=True)


def _end_stay(work: Work, participant: Participant, reason: str) -> None:
    participant.state = "left"
    participant.left_at = work.now()
    participant.left_reason = reason


def depart(work: Work, participant: Participant, reason: str) -> None:
    """End a stay: its inbox closes, the others are told; of one who was waiting, the hosts. What has ended stays so."""
    if participant.state == "left":
        return
    was_in_the_room = participant.state in states.IN_THE_ROOM
    _end_stay(work, participant, reason)
    work.flush()
    inbox.close_inbox(work, "participant", participant.id, reason)
    if was_in_the_room:
        _tell_room(work, participant, "participant.left", reason=reason)
    else:
        tell_hosts(work, participant, "participant.left", reason=reason)
    work.emit(ParticipantLeft(participant.meeting_id, participant.id, reason, was_in_the_room))
    if participant.kind == "user" and not people_in_the_room(work, participant.meeting_id):
        meetings.note_presence(work, participant.meeting_id, empty=True)


def change_own_state(work: Work, actor: Actor, participant: Participant, **changes: Any) -> None:
    """Mute, camera, screen, hand, name: the others are told of the latest state only.

    :raises SenderLeft: the stay has ended. :raises NotPermitted: only hosts may share a screen here.
    """
    if participant.state not in states.THERE:
        raise errors.SenderLeft(left_reason=participant.left_reason)
    if changes.get("screen"):
        permissions.require(work, actor, participant.meeting_id, "share_screen")
    changed = {name: value for name, value in changes.items() if getattr(participant, name) != value}
    for name, value in changed.items():
        setattr(participant, name, value)
    if "hand" in changed:
        participant.hand_raised_at = work.now() if participant.hand else None
    if changed:
        work.flush()
        if participant.state in states.IN_THE_ROOM:
            announce_updated(work, participant)


def in_the_room(work: Work, meeting_id: str) -> Sequence[Participant]:
    """All who are joined or reconnecting, the media server too, in the order in which they came."""
    return all_there(work, meeting_id, with_waiting=False)


def all_there(work: Work, meeting_id: str, *, with_waiting: bool) -> Sequence[Participant]:
    in_states = states.THERE if with_waiting else states.IN_THE_ROOM
    there = select(Participant).where(Participant.meeting_id == meeting_id, Participant.state.in_(in_states))
    return work.scalars(there.order_by(Participant.id)).all()


def inboxes_in_the_room(work: Work, meeting_id: str) -> dict[str, str]:
    """Of the people in the room: whose inbox it is, by its id."""
    rows = work.run(_INBOXES_IN_THE_ROOM, {"of_meeting": meeting_id})
    return {row.inbox_id: row.user_id for row in rows}


def is_in_the_room(work: Work, user_id: str, meeting_id: str) -> bool:
    """Whether a person is there with any device: let in, and neither waiting nor gone."""
    theirs = select(Participant.id).where(
        Participant.meeting_id == meeting_id,
        Participant.user_id == user_id,
        Participant.state.in_(states.IN_THE_ROOM),
    )
    return work.scalar(theirs.limit(1)) is not None


def user_ids_in_the_room(work: Work, meeting_id: str) -> Sequence[str]:
    """Of those who have an account."""
    there = select(Participant.user_id).where(
        Participant.meeting_id == meeting_id,
        Participant.is_guest.is_(False),
        Participant.state.in_(states.IN_THE_ROOM),
        Participant.user_id.is_not(None),
    )
    return [user_id for user_id in work.scalars(there) if user_id is not None]


def people_in_the_room(work: Work, meeting_id: str) -> int:
    there = select(func.count()).where(
        Participant.meeting_id == meeting_id,
        Participant.kind == "user",
        Participant.state.in_(states.IN_THE_ROOM),
    )
    return work.scalar(there) or 0


def read(work: Work, actor: Actor, participant_id: str) -> Participant:
    """:raises NotFound: there is none, or it is none of the actor's business."""
    participant = get(work, participant_id)
    seen = _seen_by(work, actor, participant.meeting_id).where(Participant.id == participant_id)
    if work.scalar(seen.with_only_columns(Participant.id)) is None:
        raise errors.NotFound()
    return participant


def _seen_by(work: Work, actor: Actor, meeting_id: str) -> Select[Participant]:
    """Hosts see everybody, others whoever was let in, and who waits to be let in sees only themselves."""
    query = select(Participant).where(Participant.meeting_id == meeting_id)
    if meetings.standing_of(work, actor.user_id, meeting_id).is_host:
        return query
    own = Participant.user_id == actor.user_id
    if door.only_waits(work, actor.user_id, meeting_id):
        return query.where(own)
    return query.where(own | Participant.admitted_at.is_not(None))


def list_of_meeting(
    work: Work, actor: Actor, meeting_id: str, *, state: str | None, limit: int, cursor: str | None
) -> dict[str, Any]:
    query = _seen_by(work, actor, meeting_id)
    if actor.is_guest:  # who was there before is the business of those who belong to it
        query = query.where(Participant.state.in_(states.THERE))
        if not is_in_the_room(work, actor.user_id, meeting_id):
            query = query.where(Participant.user_id == actor.user_id)
    if state is not None:
        query = query.where(Participant.state == state)
    return paginate(work, query, (Participant.id,), limit=limit, cursor=cursor)


def facts(participant: Participant) -> dict[str, Any]:
    """A participant as it stands in events."""
    dumped: dict[str, Any] = _OUT.dump(participant)
    return dumped


def address_of(participant: Any) -> dict[str, Any]:
    """A participant, or a row with the same columns, as the `from` of a message."""
    return {**_recipient(participant), "epoch": participant.epoch}


def _recipient(participant: Any) -> dict[str, Any]:
    return {
        "participant_id": participant.id,
        "user_id": participant.user_id,
        "display_name": participant.display_name,
        "kind": participant.kind,
    }


def tell_room(
    work: Work, meeting_id: str, message: Message, *, but: str | None = None, media_worker_too: bool = False
) -> None:
    """Deliver to everybody in the room, except the participant `but`.

    :param media_worker_too: it is of concern to whoever forwards their media.
    """
    there = select(Participant.inbox_id).where(
        Participant.meeting_id == meeting_id,
        Participant.state.in_(states.IN_THE_ROOM),
        Participant.id != (but or ""),
    )
    whom = Participant.session_id.is_not(None) if media_worker_too else Participant.kind == "user"
    inbox.deliver(work, message, work.scalars(there.where(whom)).all())


def media_workers_of(work: Work, meeting_id: str) -> Sequence[str]:
    """The inbox of the media worker that the meeting is placed on, if there is one."""
    return work.scalars(
        select(Participant.inbox_id).where(
            Participant.meeting_id == meeting_id,
            Participant.kind == "sfu",
            Participant.session_id.is_not(None),
            Participant.state.in_(states.IN_THE_ROOM),
        )
    ).all()


def _tell_room(
    work: Work,
    participant: Participant,
    event_type: str,
    *,
    subject: str | None = None,
    to_themselves: bool = False,
    **more: Any,
) -> None:
    message = _about(participant, event_type, subject, more)
    tell_room(
        work, participant.meeting_id, message, but=None if to_themselves else participant.id, media_worker_too=True
    )


def tell_hosts(
    work: Work, participant: Participant, event_type: str, *, subject: str | None = None, **more: Any
) -> None:
    """Of who is at the door only they learn, wherever they are."""
    theirs = inbox.open_inboxes_of(work, hosts_of(work, participant.meeting_id))
    inbox.deliver(work, _about(participant, event_type, subject, more), theirs)


def _about(participant: Participant, event_type: str, subject: str | None, more: dict[str, Any]) -> Message:
    return Message(
        event_type,
        {"participant": facts(participant), **more},
        meeting_id=participant.meeting_id,
        sender=address_of(participant),
        subject=subject,
    )


def announce_updated(work: Work, participant: Participant, *, to_themselves: bool = False) -> None:
    """:param to_themselves: it was not they who changed it."""
    subject = f"participant.updated:{participant.id}"
    _tell_room(work, participant, "participant.updated", subject=subject, to_themselves=to_themselves)


def announce_joined(work: Work, participant: Participant) -> None:
    _tell_room(work, participant, "participant.joined")
    note_joined(work, participant)


def note_joined(work: Work, participant: Participant) -> None:
    if participant.kind == "user":
        meetings.note_presence(work, participant.meeting_id, empty=False)
    work.emit(ParticipantJoined(participant.meeting_id, participant.id))


def note_returned(work: Work, participant_id: str) -> None:
    """A poll came after a silence: who was counted as reconnecting is back."""
    participant = work.get(Participant, participant_id)
    if participant is None or participant.state != "reconnecting":
        return
    participant = hold(work, participant_id)
    if participant.state == "reconnecting":
        participant.state = "joined"
        work.flush()
        announce_updated(work, participant)


def note_lost(work: Work, participant: Participant) -> None:
    """No poll for PRESENCE_RECONNECTING_S."""
    if participant.state == "joined":
        participant.state = "reconnecting"
        work.flush()
        announce_updated(work, participant)
