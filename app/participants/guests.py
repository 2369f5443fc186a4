"""Coming by a meeting's code: guests, who have no account, and users who were not invited.

A guest is a user of role `guest` with one session, and what they are to the meeting (`guest`) lives as long as that
session. It ends with the meeting, when a host closes guests out or removes them, by signing out, or by GUEST_SESSION_H
without a refresh. Whoever wants in again needs the code again.

What a code tells: one that lets nobody in is always `code_unknown`, whether it never existed, was renewed, or its host
lets no guests in. One that lets people in tells them how the meeting stands, ended and cancelled included.
"""

from collections.abc import Collection
from typing import Any

from app.accounts import service as accounts
from app.accounts import sessions
from app.accounts.models import User, UserSession
from app.core import errors
from app.core.actor import Actor
from app.core.runtime import Work
from app.invitations.service import admit_by_code
from app.meetings import service as meetings
from app.meetings.models import Meeting
from app.participants import service
from app.participants.models import Participant


def look_up(work: Work, actor: Actor | None, code: str) -> dict[str, Any]:
    """What whoever has the code may know before they come in.

    :raises CodeUnknown: it lets nobody in; or not them.
    """
    with work.runtime.reading() as before:
        meeting = _behind(before, actor, code)
        return {
            "title": meeting.title,
            "host": accounts.names_of(before, [meeting.owner_id])[meeting.owner_id],
            "state": meeting.state,
            "starts_at": meeting.starts_at,
            "duration_min": meeting.duration_min,
            "time_zone": meeting.time_zone,
        }


def admit(
    work: Work, actor: Actor | None, code: str, *, display_name: str | None, user_agent: str | None
) -> tuple[Meeting, tuple[User, UserSession] | None]:
    """Let somebody in by a code: without an account as a guest, with a session of their own; else as themselves, as if
    they had been invited and had accepted. Who belongs to the meeting already stays what they are.

    :raises CodeUnknown: :raises MeetingEnded: :raises MeetingCancelled: :raises TooManyInvitations: :raises Banned:
    """
    if actor is None and display_name is None:
        missing = {"location": "body", "field": "display_name", "message": "A guest needs a name."}
        raise errors.ValidationFailed(errors=[missing])
    with work.runtime.reading() as before:  # so that whoever tries codes takes no lock
        meeting_id = _behind(before, actor, code).id
    meetings.hold(work, meeting_id)
    meeting = _behind(work, actor, code)
    if actor is not None:
        relation = meetings.standing_of(work, actor.user_id, meeting.id).relation
        if relation == "banned":
            raise errors.Banned()
        if relation is not None:
            return meeting, None
    if meeting.state == "cancelled":
        raise errors.MeetingCancelled()
    if meeting.state == "ended":
        raise errors.MeetingEnded()
    if actor is not None:
        admit_by_code(work, meeting, actor.user_id)
        return meeting, None
    guest, session = accounts.add_guest(work, display_name=display_name or "", user_agent=user_agent)
    meetings.set_relation(work, meeting.id, guest.id, "guest")
    return meeting, (guest, session)


def _behind(work: Work, actor: Actor | None, code: str) -> Meeting:
    """The meeting that a code opens to `actor`; None: to a guest."""
    meeting = meetings.find_by_code(work, code)
    if meeting is None:
        raise errors.CodeUnknown()
    if actor is not None and meetings.belongs(work, actor.user_id, meeting.id):
        return meeting
    if not meeting.guests_allowed:
        raise errors.CodeUnknown()
    return meeting


def close_out(work: Work, meeting: Meeting) -> None:
    """No more guests, and those who are in go. Repeating that changes nothing.

    :raises MeetingStateConflict: it was cancelled.
    """
    meetings.close_to_guests(work, meeting)
    service.send_out(work, (Participant.meeting_id == meeting.id) & Participant.is_guest, "guests_closed")
    end_sessions(work, meeting.id, "guests_closed")


def end_sessions(work: Work, meeting_id: str, reason: str, *, but: Collection[str] = ()) -> None:
    """End the sessions of a meeting's guests; their stays have ended already.

    :param but: user ids of those who have something to finish.
    """
    over = [user_id for user_id in meetings.people_of(work, meeting_id, "guest") if user_id not in but]
    sessions.end_all_of(work, over, reason)
