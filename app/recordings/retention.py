"""How long recordings are kept: as their meeting says, and never longer than RECORDING_KEEP_DAYS, where that is set.

The sweep deletes what is overdue, rows and objects. On S3 the store has a rule of its own beside it (`wiring.py`), for
what nobody knows of any more.
"""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select

from app.core.runtime import Work
from app.core.settings import Settings
from app.meetings.models import Meeting
from app.recordings.models import Recording

DELETED_AT_ONCE = 100
# Later than the sweep by so much: the store counts from when an object was written, and the jobs may be away a while.
STORE_MARGIN = timedelta(days=7)


def days_kept(settings: Settings, own: int | None) -> float | None:
    """`own`: what the meeting says. None: until somebody deletes it."""
    said = [days for days in (own, settings.recording_keep_days) if days]
    return min(said) if said else None


def kept_until(settings: Settings, recording: Recording, own: int | None) -> datetime | None:
    """When it will be deleted, once it has ended."""
    days = days_kept(settings, own)
    return recording.ended_at + timedelta(days=days) if recording.ended_at and days else None


def overdue(work: Work) -> list[str]:
    """Ids of some that are to be deleted now. Of one that is being composed the files may be wanted still."""
    own = work.scalars(select(Meeting.recordings_keep_days).where(Meeting.recordings_keep_days.is_not(None)).distinct())
    found = list[str]()
    for days in [None, *own]:
        kept = days_kept(work.settings, days)
        if kept and len(found) < DELETED_AT_ONCE:
            found += work.scalars(
                select(Recording.id)
                .join(Meeting, Meeting.id == Recording.meeting_id)
                .where(*_is_over(work, kept), Meeting.recordings_keep_days.is_not_distinct_from(days))
                .limit(DELETED_AT_ONCE - len(found))
            )
    return found


def _is_over(work: Work, days: float) -> tuple[ColumnElement[bool], ...]:
    ended = func.coalesce(Recording.ended_at, Recording.created_at, type_=Recording.created_at.type)
    return Recording.state.in_(("ready", "failed")), ended < work.now() - timedelta(days=days)
