"""Meetings as they are shown: to a reader, with what they are to it and how one comes to it; and in events."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from app.accounts.service import names_of
from app.core.runtime import Work
from app.meetings.models import Meeting, MeetingPerson, MeetingSeries, Standing
from app.meetings.schemas import MeetingFacts
from app.meetings.unread import UnreadMessages

NO_WAY_IN = {"code": None, "join_url": None}  # for guests: see `_way_in`


@dataclass(frozen=True)
class MeetingView:
    """A meeting with what is derived for its reader; attributes of the row show through."""

    meeting: Meeting
    owner: dict[str, str]
    code: str | None  # of an occurrence: its series'
    recurrence: str | None
    join_url: str | None
    my_relation: str | None
    my_role: str | None
    unread_messages: int

    def __getattr__(self, name: str) -> Any:
        return getattr(self.meeting, name)


def view(work: Work, meeting: Meeting, user_id: str | None) -> MeetingView:
    return views(work, [meeting], user_id)[0]


def views(work: Work, meetings: Sequence[Meeting], user_id: str | None) -> list[MeetingView]:
    names = names_of(work, {meeting.owner_id for meeting in meetings})
    standings: dict[str, Standing] = {}
    unread: dict[str, int] = {}
    if user_id is not None and meetings:
        found = select(MeetingPerson.meeting_id, MeetingPerson.relation, MeetingPerson.role).where(
            MeetingPerson.user_id == user_id,
            MeetingPerson.meeting_id.in_([meeting.id for meeting in meetings]),
        )
        standings = {row.meeting_id: Standing(row.relation, row.role) for row in work.execute(found)}
        readable = [m for m in meetings if m.id in standings and standings[m.id].relation in ("owner", "accepted")]
        unread = work.driver(UnreadMessages).count(work, user_id, readable)
    series = series_of(work, meetings)
    return [
        MeetingView(
            meeting,
            {"user_id": meeting.owner_id, "display_name": names[meeting.owner_id]},
            *_way_in(work, meeting, series.get(meeting.series_id), standings.get(meeting.id)),
            *_told(standings.get(meeting.id)),
            unread.get(meeting.id, 0),
        )
        for meeting in meetings
    ]


def _way_in(
    work: Work, meeting: Meeting, series: MeetingSeries | None, standing: Standing | None
) -> tuple[str | None, str | None, str | None]:
    """Code, rule and join URL. A guest who is sent out shall not know a code that was renewed since they came."""
    code, rule = (series.code, series.rule) if series is not None else (meeting.code, None)
    if standing is not None and standing.relation == "guest":
        return None, rule, None
    return code, rule, join_url(work, meeting, series)


def _told(standing: Standing | None) -> tuple[str | None, str | None]:
    """`my_relation` and `my_role`."""
    if standing is None or standing.relation is None:
        return None, None
    role = "owner" if standing.relation == "owner" else "co_host" if standing.is_host else "participant"
    return standing.relation, role


def join_url(work: Work, meeting: Meeting, series: MeetingSeries | None) -> str:
    return f"{work.settings.address}/join/{meeting.code if series is None else series.code}"


def series_of(work: Work, meetings: Sequence[Meeting]) -> dict[str | None, MeetingSeries]:
    """The series that these are occurrences of, by id."""
    ids = {meeting.series_id for meeting in meetings if meeting.series_id is not None}
    if not ids:
        return {}
    return {one.id: one for one in work.scalars(select(MeetingSeries).where(MeetingSeries.id.in_(ids)))}


def facts(work: Work, meeting: Meeting) -> dict[str, Any]:
    """A meeting as it stands in events: the same for everybody."""
    work.flush()
    dumped: dict[str, Any] = MeetingFacts().dump(view(work, meeting, None))
    return dumped
