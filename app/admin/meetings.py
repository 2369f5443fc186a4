"""Meetings as admins see them: whose they are, where they stand, and what carries them. Not what is said in them, who
may come, or how one comes in.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select

from app.accounts.service import names_of
from app.core.pagination import paginate
from app.core.runtime import Work
from app.meetings import service
from app.meetings.models import Meeting
from app.participants.models import Participant
from app.participants.states import IN_THE_ROOM

_SHOWN = (
    *("id", "title", "state", "media_mode", "effective_media_mode", "e2ee", "series_id"),
    *("starts_at", "started_at", "ended_at", "created_at"),
)


def page(
    work: Work, *, q: str | None, state: str | None, owner_id: str | None, limit: int, cursor: str | None
) -> dict[str, Any]:
    """The newest first."""
    query = select(Meeting)
    if q is not None:
        query = query.where(Meeting.title.icontains(q, autoescape=True))
    if state is not None:
        query = query.where(Meeting.state == state)
    if owner_id is not None:
        query = query.where(Meeting.owner_id == owner_id)
    found = paginate(work, query, (Meeting.id,), limit=limit, cursor=cursor, descending=True)
    found["items"] = _views(work, found["items"])
    return found


def show(work: Work, meeting_id: str) -> dict[str, Any]:
    """:raises NotFound:"""
    return _views(work, [service.get(work, meeting_id)])[0]


def end(work: Work, meeting_id: str) -> dict[str, Any]:
    """End it for everybody. Repeating that changes nothing. :raises NotFound: :raises MeetingStateConflict:"""
    service.end(work, service.hold(work, meeting_id))
    work.flush()
    return show(work, meeting_id)


def _views(work: Work, meetings: Sequence[Meeting]) -> list[dict[str, Any]]:
    names = names_of(work, {meeting.owner_id for meeting in meetings})
    people, workers = _there(work, meetings)
    return [
        {name: getattr(meeting, name) for name in _SHOWN}
        | {
            "owner": {"user_id": meeting.owner_id, "display_name": names[meeting.owner_id]},
            "people": people.get(meeting.id, 0),
            "worker_id": workers.get(meeting.id),
        }
        for meeting in meetings
    ]


def _there(work: Work, meetings: Sequence[Meeting]) -> tuple[dict[str, int], dict[str, str]]:
    """How many people are in each, and on which media worker it is placed."""
    live = [meeting.id for meeting in meetings if meeting.state == "live"]
    there = Participant.meeting_id.in_(live), Participant.state.in_(IN_THE_ROOM)
    counted = select(Participant.meeting_id, func.count()).where(*there, Participant.kind == "user")
    placed = select(Participant.meeting_id, Participant.session_id).where(*there, Participant.kind == "sfu")
    people = {row[0]: row[1] for row in work.execute(counted.group_by(Participant.meeting_id))}
    workers = {row[0]: row[1] for row in work.execute(placed) if row[1] is not None}
    return people, workers
