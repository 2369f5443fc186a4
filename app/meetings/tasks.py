"""What meetings do by the clock, beside `end_empty` and `remind` of `service`."""

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
