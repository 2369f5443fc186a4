"""Files and feeds.

A feed's address is all that a calendar app has to show, so it is a secret: kept as a hash, shown once, renewed or taken
back by its person alone. Apps read it every few minutes for years: what has changed is found out from ids and versions,
and a calendar is written only if something has.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from app.accounts.models import User
from app.calendar import entries
from app.calendar.models import CalendarFeed
from app.core import errors
from app.core.actor import Actor
from app.core.runtime import Work
from app.meetings import service as meetings
from app.meetings.models import Meeting, MeetingPerson, MeetingSeries

FEED_PATH = "/api/v1/calendar/feed"
FEED_BACK = timedelta(days=30)
FEED_MOST = 1000  # meetings, from 30 days ago on: some half a megabyte


@dataclass(frozen=True)
class Feed:
    """A feed as it is now; `key` changes with what is in it."""

    key: str
    user: User
    meeting_ids: list[str]


def of_meeting(work: Work, actor: Actor, meeting: Meeting) -> bytes:
    """A meeting for one's calendar; of a series one belongs to, all of that.

    :raises MeetingWithoutTime: it can be joined at any time.
    """
    from app.calendar import ics

    if meeting.starts_at is None:
        raise errors.MeetingWithoutTime()
    found = [meeting]
    if meeting.series_id is not None and meeting.original_start is not None:
        mine = meetings.visible_to(actor.user_id)
        own = select(Meeting).where(Meeting.series_id == meeting.series_id, Meeting.id.in_(mine))
        found = list(work.scalars(own.order_by(Meeting.sort_at)))
    relation = meetings.standing_of(work, actor.user_id, meeting.id).relation
    reader = entries.Reader(actor.user_id, sees_addresses=relation in ("owner", "accepted"))
    made = entries.of_meetings(work, found, reader)
    wanted = {meeting.id, meeting.series_id}
    return ics.calendar([entry for entry in made if entry.uid in wanted])


def renew_feed(work: Work, actor: Actor) -> dict[str, Any]:
    """A new secret address; the old one, if there was one, does not work any more."""
    secret = secrets.token_urlsafe(32)
    feed = work.get(CalendarFeed, actor.user_id, with_for_update=True)
    if feed is None:
        feed = CalendarFeed(user_id=actor.user_id)
        work.add(feed)
    feed.secret_hash, feed.created_at = _hash(secret), work.now()
    work.flush()
    return {"url": f"{work.settings.address}{FEED_PATH}/{secret}.ics", "created_at": feed.created_at}


def feed_of(work: Work, actor: Actor) -> dict[str, Any]:
    """Whether there is one, and since when. Its address is not known any more."""
    feed = work.get(CalendarFeed, actor.user_id)
    return {"url": None, "created_at": feed.created_at if feed else None}


def revoke_feed(work: Work, user_id: str) -> None:
    """Let the address work no more. Repeating that changes nothing."""
    feed = work.get(CalendarFeed, user_id)
    if feed is not None:
        work.delete(feed)
        work.flush()


def read_feed(work: Work, secret: str) -> Feed:
    """:raises NotFound: nobody's address, or not any more."""
    whose = select(User).join(CalendarFeed, CalendarFeed.user_id == User.id)
    user = work.scalar(whose.where(CalendarFeed.secret_hash == _hash(secret), User.disabled_at.is_(None)))
    if user is None:
        raise errors.NotFound()
    mine = (
        select(MeetingPerson.meeting_id, MeetingPerson.relation, Meeting.version, Meeting.series_id)
        .join(Meeting, Meeting.id == MeetingPerson.meeting_id)
        .where(MeetingPerson.user_id == user.id, MeetingPerson.sort_at >= _midnight(work.now()) - FEED_BACK)
        .where(MeetingPerson.relation != "banned", Meeting.starts_at.is_not(None))
        .order_by(MeetingPerson.sort_at, MeetingPerson.meeting_id)
        .limit(FEED_MOST)
    )
    rows = work.execute(mine).all()
    ids = {row.series_id for row in rows if row.series_id is not None}
    versions = select(MeetingSeries.id, MeetingSeries.version).where(MeetingSeries.id.in_(ids))
    series = sorted(tuple(row) for row in work.execute(versions)) if ids else []
    state = repr((user.version, work.settings.address, [tuple(row) for row in rows], series))
    return Feed(hashlib.sha256(state.encode()).hexdigest()[:32], user, [row.meeting_id for row in rows])


def write_feed(work: Work, feed: Feed) -> bytes:
    from app.calendar import ics

    order = {meeting_id: place for place, meeting_id in enumerate(feed.meeting_ids)}
    found = list(work.scalars(select(Meeting).where(Meeting.id.in_(order))))
    found.sort(key=lambda meeting: order[meeting.id])
    reader = entries.Reader(feed.user.id, sees_addresses=False)
    return ics.calendar(entries.of_meetings(work, found, reader), name="Parley")


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
