"""What meetings do by the clock."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from app.core import errors
from app.core.runtime import Runtime
from app.meetings import series, service
from app.meetings.models import Meeting, MeetingSeries

EXTEND, EXTEND_EVERY_S = "meetings.extend_series", 600.0
WATCH_TIME, WATCH_TIME_EVERY_S = "meetings.watch_time", 10.0
_AT_A_TIME = 200
_SLACK = timedelta(hours=12)  # so that a series is touched twice a day at most


def extend_series(runtime: Runtime, _payload: dict[str, Any]) -> None:
    """Make the occurrences that have come within SERIES_HORIZON_DAYS. Each series is a transaction of its own."""
    last = ""
    while True:
        with runtime.reading() as work:
            horizon = work.now() + timedelta(days=work.settings.series_horizon_days)
            due = select(MeetingSeries.id).where(
                MeetingSeries.is_complete.is_(False),
                MeetingSeries.made_until < horizon - _SLACK,
                MeetingSeries.id > last,
            )
            ids = work.scalars(due.order_by(MeetingSeries.id).limit(_AT_A_TIME)).all()
        for series_id in ids:
            with runtime.writing() as work:
                one = work.get(MeetingSeries, series_id, with_for_update={"key_share": True})
                if one is not None and not one.is_complete:
                    series.extend(work, one)
        if len(ids) < _AT_A_TIME:
            return
        last = ids[-1]


def watch_time(runtime: Runtime, _payload: dict[str, Any]) -> None:
    """End live meetings whose time is up, and say so ENDING_TOLD_MIN before."""
    with runtime.reading() as work:
        now = work.now()
        soon = now + timedelta(minutes=work.settings.ending_told_min)
        live = (Meeting.state == "live", Meeting.ends_by <= soon)
        due = (Meeting.ends_by <= now) | Meeting.ending_told_at.is_(None)
        meeting_ids = work.scalars(select(Meeting.id).where(*live, due)).all()
    for meeting_id in meeting_ids:
        with runtime.writing() as work, suppress(errors.NotFound):
            meeting = service.hold(work, meeting_id)
            if meeting.state != "live" or meeting.ends_by is None or meeting.ends_by > soon:
                continue  # ended, or given more time, in the meantime
            if meeting.ends_by <= now:
                service.end(work, meeting, "time_up")
            elif meeting.ending_told_at is None:
                meeting.ending_told_at = now
                service.tell_people(work, meeting, "meeting.ending")


def end_empty(runtime: Runtime, _payload: dict[str, Any]) -> None:
    """End live meetings that nobody has been in for EMPTY_END_MIN."""
    with runtime.reading() as work:
        before = work.now() - timedelta(minutes=work.settings.empty_end_min)
        empty = work.scalars(select(Meeting.id).where(Meeting.state == "live", Meeting.empty_since <= before)).all()
    for meeting_id in empty:
        with runtime.writing() as work:
            try:
                meeting = service.hold(work, meeting_id)
            except errors.NotFound:
                continue
            if meeting.state == "live" and meeting.empty_since and meeting.empty_since <= before:
                service.end(work, meeting, "empty")


def remind(runtime: Runtime, _payload: dict[str, Any]) -> None:
    """Announce meetings that start within REMINDER_MIN, once each."""
    if not runtime.settings.reminder_min:
        return
    with runtime.reading() as work:
        now = work.now()
        soon = now + timedelta(minutes=work.settings.reminder_min)
        coming = (
            Meeting.state == "scheduled",
            Meeting.starts_at > now,
            Meeting.starts_at <= soon,
            Meeting.reminded_at.is_(None),
        )
        meeting_ids = work.scalars(select(Meeting.id).where(*coming)).all()
    for meeting_id in meeting_ids:
        with runtime.writing() as work:
            meeting = work.scalar(select(Meeting).where(Meeting.id == meeting_id, *coming).with_for_update())
            if meeting is not None:  # else it was moved in the meantime
                meeting.reminded_at = now
                service.tell_people(work, meeting, "meeting.reminder")
