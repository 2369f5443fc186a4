from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, bindparam, func, select

from app.core import errors
from app.core.actor import Actor
from app.core.ids import new_id
from app.core.pagination import paginate
from app.core.runtime import Work
from app.inbox import service as inbox
from app.inbox.models import Inbox
from app.inbox.service import Message
from app.invitations.service import accept_pending
from app.meetings import service as meetings
from app.meetings.models import Meeting
from app.meetings.people import hosts_of
from app.participants import door, permissions, states
from app.participants.events import ParticipantJoined, ParticipantLeft, ParticipantReplaced
from app.participants.models import Participant
from app.participants.rtc import RtcConfiguration, withhold
from app.participants.schemas import ParticipantOut

_OUT = ParticipantOut()
_INBOXES_IN_THE_ROOM = select(Participant.inbox_id, Participant.user_id).where(
    Participant.meeting_id == bindparam("of_meeting"),
    Participant.kind != "sfu",
    Participant.state.in_(states.IN_THE_ROOM),
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


def join(
    work: Work,
    actor: Actor,
    meeting_id: str,
    *,
    device: str,
    display_name: str | None,
    replaces: str | None,
    force: bool,
) -> dict[str, Any]:
    """Enter a meeting with one device; says yes to a pending invitation on the way.

    A host's join makes the meeting live, and so does that of any member who need not be admitted if it has no start;
    others who come early wait, and so does a guest who is the first.
    :returns: the shape of `Joined`.
    :raises AlreadyJoined: this device is there (extra `participant_id`), and neither `replaces` nor `force` was given.
    :raises MeetingEnded: it is over, and only its hosts may open it again.
    :raises Banned: :raises MeetingCancelled: :raises MeetingFull: :raises MeetingLocked: :raises DeniedTooOften:
    """
    meeting = meetings.hold(work, meeting_id)
    accept_pending(work, meeting_id, actor.user_id)
    standing = meetings.standing_of(work, actor.user_id, meeting_id)
    if standing.relation == "banned":
        raise errors.Banned()
    if standing.relation is None:
        raise errors.NotFound()  # taken back while this waited
    if meeting.state == "cancelled":
        raise errors.MeetingCancelled()
    if meeting.state == "ended" and not standing.is_host:
        raise errors.MeetingEnded()
    if replaces is not None:
        participant = _take_place(work, actor, meeting, replaces, device)
    else:
        if not standing.is_host:
            door.check(work, meeting, actor.user_id)
        held = not standing.is_host and door.holds(work, meeting, actor.user_id)
        _clear_device(work, actor, meeting, device, force=force)
        at_once = meeting.state == "scheduled" and meeting.starts_at is None and not held
        if standing.is_host or (at_once and not actor.is_guest):
            meetings.start(work, meeting, actor.user_id)
        _check_room(work, meeting)
        participant = _enter(
            work,
            actor,
            meeting,
            device=device,
            name=display_name,
            state="joined" if meeting.state == "live" and not held else "waiting",
            standing=standing,
        )
    is_waiting = participant.state == "waiting"
    rtc = work.driver(RtcConfiguration).describe(work, meeting, participant.id)
    own_inbox = work.get_one(Inbox, participant.inbox_id, populate_existing=True)
    return {
        "participant": participant,
        "inbox": {
            "participant_id": participant.id,
            "head_seq": own_inbox.head_seq,
            "acked_seq": own_inbox.acked_seq,
        },
        "meeting": meetings.view(work, meeting, actor.user_id),
        "participants": [participant] if is_waiting else _there(work, meeting_id, with_waiting=standing.is_host),
        "rtc": withhold(rtc) if is_waiting else rtc,
        "waiting_for": door.waiting_for(work, meeting, participant.state),
    }


def _clear_device(work: Work, actor: Actor, meeting: Meeting, device: str, *, force: bool) -> None:
    there = work.scalars(
        select(Participant).where(
            Participant.meeting_id == meeting.id,
            Participant.user_id == actor.user_id,
            Participant.device == device,
            Participant.state.in_(states.THERE),
        )
    ).all()
    for participant in there:
        if not force:
            raise errors.AlreadyJoined(participant_id=participant.id)
        depart(work, participant, "replaced")


def _check_room(work: Work, meeting: Meeting) -> None:
    there = select(func.count()).where(
        Participant.meeting_id == meeting.id, Participant.kind == "user", Participant.state.in_(states.THERE)
    )
    most = min(meeting.max_participants or work.settings.participants_max, work.settings.participants_max)
    if (work.scalar(there) or 0) >= most:
        raise errors.MeetingFull(f"The meeting has room for {most} participants.")


def _enter(
    work: Work,
    actor: Actor,
    meeting: Meeting,
    *,
    device: str,
    name: str | None,
    state: str,
    standing: meetings.Standing,
) -> Participant:
    participant = _new_participant(
        work,
        meeting,
        kind="user",
        name=name or actor.display_name,
        state=state,
        user_id=actor.user_id,
        session_id=actor.session_id,
        device=device,
        is_owner=standing.relation == "owner",
        given_role=standing.role if standing.is_host else None,
        is_guest=actor.is_guest,
    )
    if participant.state == "joined":
        _announce_joined(work, participant)
    else:
        # The latest of each person only: who comes and goes at the door fills nobody's inbox.
        _tell_hosts(work, participant, "participant.waiting", subject=f"participant.waiting:{participant.user_id}")
    return participant


def add_sfu(work: Work, meeting: Meeting, name: str) -> Participant:
    """Let the media server be in the meeting, as a participant like others."""
    participant = _new_participant(work, meeting, kind="sfu", name=name, state="joined")
    _announce_joined(work, participant)
    return participant


def sfu_of(work: Work, meeting_id: str) -> Participant | None:
    return work.scalar(
        select(Participant).where(
            Participant.meeting_id == meeting_id,
            Participant.kind == "sfu",
            Participant.state.in_(states.IN_THE_ROOM),
        )
    )


def _new_participant(work: Work, meeting: Meeting, *, kind: str, name: str, state: str, **more: Any) -> Participant:
    participant = Participant(
        id=new_id(),
        meeting_id=meeting.id,
        kind=kind,
        display_name=name,
        state=state,
        epoch=1,
        joined_at=work.now(),
        admitted_at=work.now() if state == "joined" else None,
        muted=True,
        camera=False,
        screen=False,
        hand=False,
        **({"is_owner": False, "is_guest": False} | more),
    )
    own_inbox = inbox.open_inbox(
        work, "participant", participant.id, address=_recipient(participant), user_id=participant.user_id
    )
    participant.inbox_id = own_inbox.id
    work.add(participant)
    work.flush()
    return participant


def _take_place(work: Work, actor: Actor, meeting: Meeting, participant_id: str, device: str) -> Participant:
    """Another connection of the same device or another takes over: same id, same inbox, next epoch."""
    participant = work.get(Participant, participant_id)
    if participant is None or participant.meeting_id != meeting.id or participant.user_id != actor.user_id:
        raise errors.NotFound("You have no such participant in this meeting.")
    if participant.state not in states.THERE:
        raise errors.SenderLeft("That participant has left; join anew.", left_reason=participant.left_reason)
    participant.epoch += 1
    participant.session_id, participant.device = actor.session_id, device
    if participant.state == "reconnecting":
        participant.state = "joined"
    work.flush()
    own_inbox = work.get_one(Inbox, participant.inbox_id)
    inbox.drop_unacknowledged(work, own_inbox, "rtc.")
    inbox.take_over(work, own_inbox)
    if participant.state in states.IN_THE_ROOM:
        announce_updated(work, participant)
    work.emit(ParticipantReplaced(meeting.id, participant.id))
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
        _tell_hosts(work, participant, "participant.left", reason=reason)
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
    return _there(work, meeting_id, with_waiting=False)


def _there(work: Work, meeting_id: str, *, with_waiting: bool) -> Sequence[Participant]:
    in_states = states.THERE if with_waiting else states.IN_THE_ROOM
    there = select(Participant).where(Participant.meeting_id == meeting_id, Participant.state.in_(in_states))
    return work.scalars(there.order_by(Participant.id)).all()


def inboxes_in_the_room(work: Work, meeting_id: str) -> dict[str, str]:
    """Of the people in the room: whose inbox it is, by its id."""
    rows = work.connection().execute(_INBOXES_IN_THE_ROOM, {"of_meeting": meeting_id})
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


def tell_room(work: Work, meeting_id: str, message: Message, *, but: str | None = None) -> None:
    """Deliver to everybody in the room, except the participant `but`."""
    inbox_ids = work.scalars(
        select(Participant.inbox_id).where(
            Participant.meeting_id == meeting_id,
            Participant.kind == "user",
            Participant.state.in_(states.IN_THE_ROOM),
            Participant.id != (but or ""),
        )
    ).all()
    inbox.deliver(work, message, inbox_ids)


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
    tell_room(work, participant.meeting_id, message, but=None if to_themselves else participant.id)


def _tell_hosts(
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


def _announce_joined(work: Work, participant: Participant) -> None:
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
