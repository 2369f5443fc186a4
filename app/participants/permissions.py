"""What a meeting's owner lets everyone do in it, and what only its hosts."""

from typing import Any

from app.core import errors
from app.core.actor import Actor
from app.core.runtime import Work
from app.meetings import service as meetings
from app.participants import door


def may(work: Work, actor: Actor, meeting_id: str, what: str, *, meeting: Any = None) -> bool:
    """Whether somebody may do `what` now: share_screen, chat or record. Who waits to be admitted may do nothing.

    :param meeting: the meeting, or a row with its `permissions` and `lobby`, where that is known already.
    """
    if meeting is None:
        meeting = meetings.get(work, meeting_id)
    for_everyone = meetings.permissions_of(meeting)[what] == "everyone"
    if for_everyone and meeting.lobby == "off":
        return True
    if meetings.standing_of(work, actor.user_id, meeting_id).is_host:
        return True
    return for_everyone and not door.only_waits(work, actor.user_id, meeting_id)


def check_let_in(work: Work, actor: Actor, meeting_id: str) -> None:
    """:raises NotPermitted: they wait to be admitted; what is said inside is none of their business."""
    if meetings.get(work, meeting_id).lobby != "off" and door.only_waits(work, actor.user_id, meeting_id):
        raise errors.NotPermitted("You are waiting to be let in.", permission="chat")


def require(work: Work, actor: Actor, meeting_id: str, what: str, *, meeting: Any = None) -> None:
    """:raises NotPermitted: with `permission`, which says what is missing."""
    if not may(work, actor, meeting_id, what, meeting=meeting):
        raise errors.NotPermitted(permission=what)
