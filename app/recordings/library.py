"""Finding recordings, and what they are called."""

import unicodedata
from typing import Any

from sqlalchemy import Select, select

from app.core.actor import Actor
from app.core.pagination import paginate
from app.core.runtime import Work
from app.meetings import service as meetings
from app.recordings.models import Recording
from app.recordings.shapes import view, views
from app.recordings.telling import tell

LONGEST_FOLDED = 600  # of 200 characters; casefold() makes three of some


def folded(text: str) -> str:
    """As titles are compared: databases differ in what they take for the same letter."""
    return unicodedata.normalize("NFC", text).casefold()[:LONGEST_FOLDED]


def rename(work: Work, recording: Recording, *, title: str) -> dict[str, Any]:
    """The last word counts: it has no version."""
    if recording.title != title:
        recording.title, recording.title_folded = title, folded(title)
        tell(work, recording)
    return view(work, recording)


def list_of_meeting(work: Work, meeting_id: str, *, limit: int, cursor: str | None) -> dict[str, Any]:
    return _page(work, select(Recording).where(Recording.meeting_id == meeting_id), limit, cursor)


def list_mine(
    work: Work,
    actor: Actor,
    *,
    q: str | None,
    state: str | None,
    meeting_id: str | None,
    limit: int,
    cursor: str | None,
) -> dict[str, Any]:
    """Of every meeting that the actor owns or was in, or said yes to."""
    visible = meetings.visible_to(actor.user_id, "owner", "accepted")
    query = select(Recording).where(Recording.meeting_id.in_(visible))
    if q is not None:
        query = query.where(Recording.title_folded.contains(folded(q), autoescape=True))
    if state is not None:
        query = query.where(Recording.state == state)
    if meeting_id is not None:
        query = query.where(Recording.meeting_id == meeting_id)
    return _page(work, query, limit, cursor)


def _page(work: Work, query: Select[Recording], limit: int, cursor: str | None) -> dict[str, Any]:
    page = paginate(work, query, (Recording.id,), limit=limit, cursor=cursor, descending=True)
    page["items"] = views(work, page["items"])
    return page
