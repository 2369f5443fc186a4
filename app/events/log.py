"""The log of everything: committed events in one order, by position.

A position is given after the commit, to all events that are committed by then and have none, by one who holds the
log's row until that is committed too. So positions become visible in their order: who has read up to one finds
whatever commits late behind it, and skips nothing. Of a meeting the order is that of `seq`: its numbers are committed
in their order, as each writer of the meeting waits for the one before.

Whoever is about to read gives positions first, reader or relay: nothing depends on a process that only does that.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, update

from app.core.inserts import insert_unless_there
from app.core.runtime import Runtime, Work
from app.events.catalogue import NAMES_SEEN_BY
from app.events.models import Event, EventCursor
from app.meetings.service import visible_to

LOG = "log"
AT_ONCE = 500  # positions that are given in one transaction


def settle(runtime: Runtime) -> None:
    """Give positions to what is committed and has none."""
    while True:
        with runtime.reading() as work:
            if work.scalar(select(Event.id).where(Event.position.is_(None)).limit(1)) is None:
                return
        with runtime.writing() as work:
            _settle_some(work)


def head(work: Work) -> int:
    """The newest position."""
    return work.scalar(select(EventCursor.position).where(EventCursor.name == LOG)) or 0


def read(work: Work, after: int, limit: int, *conditions: ColumnElement[bool]) -> Sequence[Event]:
    """Events behind `after` in their order."""
    found = select(Event).where(Event.position > after, *conditions).order_by(Event.position).limit(limit)
    return work.scalars(found).all()


def seen_by(user_id: str) -> ColumnElement[bool]:
    """Which events a person may see: their own, and of each of their meetings what the catalogue lets them see."""
    of_meetings = [
        and_(Event.name.in_(names), Event.meeting_id.in_(visible_to(user_id, relation)))
        for relation, names in NAMES_SEEN_BY.items()
    ]
    return or_(Event.user_id == user_id, *of_meetings)


def _settle_some(work: Work) -> None:
    newest = _hold(work)
    # By meeting and number, so that whatever is cut off is of a meeting's end.
    rows = work.execute(
        select(Event.id, Event.meeting_id, Event.seq)
        .where(Event.position.is_(None))
        .order_by(Event.meeting_id, Event.seq)
        .limit(AT_ONCE)
    ).all()
    for position, event_id in enumerate(_in_order(rows), newest + 1):
        work.execute(
            update(Event)
            .where(Event.id == event_id)
            .values(position=position)
            .execution_options(synchronize_session=False)
        )
    work.execute(
        update(EventCursor)
        .where(EventCursor.name == LOG)
        .values(position=newest + len(rows))
        .execution_options(synchronize_session=False)
    )


def _hold(work: Work) -> int:
    """Lock the log's row; the newest position."""
    held = select(EventCursor.position).where(EventCursor.name == LOG).with_for_update()
    newest = work.scalar(held)
    if newest is None:
        insert_unless_there(work, EventCursor, name=LOG, position=0)
        newest = work.scalars(held).one()
    return newest


def _in_order(rows: Sequence[Any]) -> list[str]:
    """Ids of events as they happened: ids are made of the time. Within a meeting the numbers count; clocks differ."""
    of_meeting: dict[str | None, list[str]] = {}
    for row in sorted(rows, key=lambda row: (row.seq or 0, row.id)):
        of_meeting.setdefault(row.meeting_id, []).append(row.id)
    following = {meeting_id: iter(ids) for meeting_id, ids in of_meeting.items()}
    return [next(following[row.meeting_id]) for row in sorted(rows, key=lambda row: row.id)]
