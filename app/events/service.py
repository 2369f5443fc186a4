"""The outbox: what happened is kept in the transaction in which it happened, and numbered within its meeting."""

from datetime import timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, delete, select, update

from app.core.ids import new_id
from app.core.inserts import insert_unless_there
from app.core.runtime import Runtime, Work
from app.events.catalogue import KINDS
from app.events.models import Event, EventCursor, EventHead

TOPIC = "events"


def record(
    work: Work, name: str, payload: dict[str, Any], *, meeting_id: str | None = None, user_id: str | None = None
) -> None:
    """Keep an event in this transaction, under the next number of its meeting (None: of no meeting).

    The meeting's other writers wait for this transaction from here on, so record late in it. `user_id`: a person who
    may see it, whatever they are to the meeting. :raises ValueError: the payload is not what the catalogue says.
    """
    kind = KINDS[name]
    if payload.keys() != kind.fields.keys():
        raise ValueError(f"{name} has the fields {sorted(kind.fields)}, not {sorted(payload)}")
    event = Event(
        id=new_id(),
        meeting_id=meeting_id,
        user_id=user_id,
        seq=None if meeting_id is None else _next_seq(work, meeting_id),
        name=name,
        version=kind.version,
        payload=payload,
        created_at=work.now(),
    )
    work.add(event)
    work.flush()
    work.wake([TOPIC] if meeting_id is None else [TOPIC, topic_of(meeting_id)])


def topic_of(meeting_id: str | None) -> str:
    """What is woken by a new event: of one meeting, or of all."""
    return TOPIC if meeting_id is None else f"{TOPIC}:{meeting_id}"


def purge(runtime: Runtime, _payload: dict[str, object]) -> None:
    """Forget events that are older than they are kept, but none that a broker still has to get. Heads stay: a meeting's
    numbers only grow.
    """
    with runtime.writing() as work:
        oldest = work.now() - timedelta(days=work.settings.events_keep_days)
        old = delete(Event).where(Event.created_at < oldest)
        if work.settings.events_broker_url is not None:
            sent = select(EventCursor.position).where(EventCursor.name == "publisher").scalar_subquery()
            old = old.where(Event.position <= sent)
        work.execute(old.execution_options(synchronize_session=False))


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
