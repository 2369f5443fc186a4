"""Coming into a meeting with one device, or going on from another connection."""

from typing import Any

from sqlalchemy import func, select

from app.accounts import integrations as accounts_integrations
from app.core import errors
from app.core.actor import Actor
from app.core.runtime import Work
from app.inbox import service as inbox
from app.inbox.models import Inbox
from app.invitations.service import accept_pending
from app.meetings import service as meetings
from app.meetings import shapes as meeting_shapes
from app.meetings.models import Meeting, Standing
from app.participants import ai as ai_wishes
from app.participants import door, service, states
from app.participants.events import ParticipantReplaced
from app.participants.models import Participant
from app.participants.rtc import RtcConfiguration, withhold


def join(
    work: Work,
    actor: Actor,
    meeting_id: str,
    *,
    device: str,
    display_name: str | None,
    replaces: str | None,
    force: bool,
    ai: dict[str, bool] | None = None,
    integrations: dict[str, str | None] | None = None,
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
    if integrations:
        accounts_integrations.change(work, actor.user_id, integrations)
    wishes = _settle_wishes(work, actor, meeting_id, ai or {})
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
            wishes=wishes,
        )
    is_waiting = participant.state == "waiting"
    rtc = work.driver(RtcConfiguration).describe(work, meeting, participant.id)
    own_inbox = work.get_one(Inbox, participant.inbox_id, populate_existing=True)
    there = service.all_there(work, meeting_id, with_waiting=standing.is_host)
    return {
        "participant": participant,
        "inbox": {
            "participant_id": participant.id,
            "head_seq": own_inbox.head_seq,
            "acked_seq": own_inbox.acked_seq,
        },
        "meeting": meeting_shapes.view(work, meeting, actor.user_id),
        "participants": [participant] if is_waiting else there,
        "rtc": withhold(rtc) if is_waiting else rtc,
        "waiting_for": door.waiting_for(work, meeting, participant.state),
    }


def _settle_wishes(work: Work, actor: Actor, meeting_id: str, said: dict[str, bool]) -> dict[str, bool]:
    """What they want done with what they say, now and with their other devices, of which the room is told."""
    before = ai_wishes.wishes_of(work, actor.user_id, meeting_id)
    wishes = before | said
    if wishes != before:
        for stay in ai_wishes.change(work, actor.user_id, meeting_id, wishes):
            if stay.state in states.IN_THE_ROOM:
                service.announce_updated(work, stay)
    return wishes


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
        service.depart(work, participant, "replaced")


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
    standing: Standing,
    wishes: dict[str, bool],
) -> Participant:
    participant = service.new_participant(
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
        ai_transcribe=wishes["transcribe"],
        ai_analyse=wishes["analyse"],
    )
    if participant.state == "joined":
        service.announce_joined(work, participant)
    else:
        # The latest of each person only: who comes and goes at the door fills nobody's inbox.
        service.tell_hosts(
            work, participant, "participant.waiting", subject=f"participant.waiting:{participant.user_id}"
        )
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
        service.announce_updated(work, participant)
    work.emit(ParticipantReplaced(meeting.id, participant.id))
    return participant
