"""Of which events a webhook hears: those that its owner may read at `GET /events`, as a person and not as an admin; and
of them the owner's own, and those of meetings that the owner hosts.

It is asked twice: when a delivery is made, and again before each attempt. Who is not host any more, or whose meeting
was erased, hears nothing more of it, whatever was waiting.
"""

from sqlalchemy import ColumnElement, and_, or_, select

from app.events import log as event_log
from app.events.models import Event
from app.meetings.models import MeetingPerson


def heard_by(user_id: str) -> ColumnElement[bool]:
    hosted = select(MeetingPerson.meeting_id).where(MeetingPerson.user_id == user_id, is_host())
    return and_(event_log.seen_by(user_id), or_(Event.user_id == user_id, Event.meeting_id.in_(hosted)))


def is_host() -> ColumnElement[bool]:
    """Of a row of `meeting_people`: owner, or whom the owner has made a co-host."""
    co_host = and_(MeetingPerson.relation == "accepted", MeetingPerson.role == "co_host")
    return or_(MeetingPerson.relation == "owner", co_host)
