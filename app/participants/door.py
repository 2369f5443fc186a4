"""A meeting's door: who may come in at all, and who waits until a host admits them.

A host never waits. Others wait where the meeting's `lobby` is for them, unless they have been let in since it began:
who lost the connection for long need not ask again, who was removed must. A denial is no ban: who was denied may ask
again, LOBBY_DENIALS_MAX times in all.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select

from app.accounts.models import User
from app.core import errors
from app.core.runtime import Work
from app.meetings.models import Meeting
from app.participants import states
from app.participants.models import Participant

_SENT_OUT = ("removed", "banned", "denied")


def check(work: Work, meeting: Meeting, user_id: str) -> None:
    """Whether somebody who is no host may come to the door.

    :raises MeetingLocked: and no device of theirs is in the meeting. :raises DeniedTooOften:
    """
    if meeting.locked and not _there(work, meeting.id, user_id, *states.IN_THE_ROOM):
        raise errors.MeetingLocked()
    if meeting.lobby == "off":
        return
    denied = select(func.count()).where(
        *_of(meeting.id, user_id), Participant.left_reason == "denied", Participant.joined_at >= _began(meeting)
    )
    if (work.scalar(denied) or 0) >= work.settings.lobby_denials_max:
        raise errors.DeniedTooOften()


def holds(work: Work, meeting: Meeting, user_id: str) -> bool:
    """Whether somebody who is no host waits to be admitted."""
    if meeting.lobby == "off":
        return False
    if meeting.lobby == "guests" and work.get_one(User, user_id).role != "guest":
        return False
    # The newest stay that says something: who was let in and not sent out comes in again.
    newest = work.execute(
        select(Participant.admitted_at, Participant.left_reason)
        .where(
            *_of(meeting.id, user_id), or_(Participant.admitted_at.is_not(None), Participant.left_reason == "denied")
        )
        .order_by(Participant.id.desc())
        .limit(1)
    ).one_or_none()
    if newest is None or newest.admitted_at is None or newest.admitted_at < _began(meeting):
        return True
    return newest.left_reason in _SENT_OUT


def only_waits(work: Work, user_id: str, meeting_id: str) -> bool:
    """Whether somebody is at the door, and no device of theirs is in the room: who else is, they must not learn."""
    waits = _there(work, meeting_id, user_id, "waiting")
    return waits and not _there(work, meeting_id, user_id, *states.IN_THE_ROOM)


def waiting_for(work: Work, meeting: Meeting, state: str) -> str | None:
    """What lets a participant in: the meeting's `start`, a `host`'s coming, a host's `admission`; None: is in."""
    if state != "waiting":
        return None
    if meeting.state != "live":
        return "start"
    return "admission" if host_is_inside(work, meeting.id) else "host"


def host_is_inside(work: Work, meeting_id: str) -> bool:
    hosts = select(Participant.id).where(
        Participant.meeting_id == meeting_id,
        Participant.state.in_(states.IN_THE_ROOM),
        or_(Participant.is_owner, Participant.given_role == "co_host"),
    )
    return work.scalar(hosts.limit(1)) is not None


def _there(work: Work, meeting_id: str, user_id: str, *in_states: str) -> bool:
    there = select(Participant.id).where(*_of(meeting_id, user_id), Participant.state.in_(in_states))
    return work.scalar(there.limit(1)) is not None


def _of(meeting_id: str, user_id: str) -> tuple[Any, ...]:
    return Participant.meeting_id == meeting_id, Participant.user_id == user_id


def _began(meeting: Meeting) -> datetime:
    return meeting.started_at or meeting.created_at
