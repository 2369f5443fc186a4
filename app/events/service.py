"""Recording events. Whoever publishes them reads the table: an event that is committed is never lost."""

from datetime import timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, delete, select, update

from app.core.ids import new_id
from app.core.inserts import insert_unless_there
from app.core.runtime import Runtime, Work
from app.events.models import Event, EventHead


def record(work: Work, name: str, meeting_id: str | None, payload: dict[str, Any]) -> Event:
    """Keep an event in this transaction, under the next number of its meeting (None: of no meeting).

    The meeting's other writers wait for this transaction from here on, so record late in it. `payload` goes
    to clients and to webhooks: nothing secret in it.
    """
    event = Event(
        id=new_id(),
        meeting_id=meeting_id,
        seq=None if meeting_id is None else _next_seq(work, meeting_id),
        name=name,
        payload=payload,
        created_at=work.now(),
    )
    work.add(event)
    work.flush()
    return event


def purge(runtime: Runtime, _payload: dict[str, object]) -> None:
    """Forget events that are older than they are kept. Heads stay: a meeting's numbers only grow."""
    with runtime.writing() as work:
        oldest = work.now() - timedelta(days=work.settings.events_keep_days)
        work.execute(delete(Event).where(Event.created_at < oldest).execution_options(synchronize_session=False))


def _next_seq(work: Work, meeting_id: str) -> int:
    if not _bump(work, meeting_id):
        insert_unless_there(work, EventHead, meeting_id=meeting_id, seq=0)
        _bump(work, meeting_id)
    return work.scalars(select(EventHead.seq).where(EventHead.meeting_id == meeting_id)).one()


def _bump(work: Work, meeting_id: str) -> bool:
    changed = work.execute(
        update(EventHead)
        .where(EventHead.meeting_id == meeting_id)
        .values(seq=EventHead.seq + 1)
        .execution_options(synchronize_session=False)
    )
    return cast("CursorResult[Any]", changed).rowcount > 0
