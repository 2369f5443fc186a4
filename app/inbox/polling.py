"""One poll of an inbox, blocking its thread while it is parked.

The order that makes it safe: take a ticket of the topic, read the database, and only then wait with that ticket. A
poll holds no database connection while it waits. It ends when there is a message, when its time is up, when a newer
poll of the same inbox takes over, when the inbox closes, when its client hangs up, or at shutdown.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from app.core import errors
from app.core.ids import new_id
from app.core.runtime import Runtime
from app.core.wakeups.base import SAFETY_NET_S
from app.inbox import service
from app.inbox.events import OwnerReturned
from app.inbox.models import Inbox
from app.inbox.parking import Parking

CROWDED_POLL_MS = 1000  # pause that is asked of a client whose poll found no parking place


@dataclass(frozen=True)
class Poll:
    """What a client asks for. `after` None: behind what is acknowledged."""

    inbox_id: str
    after: int | None
    ack: int | None
    limit: int
    wait_s: float
    valid_until: datetime | None  # the token's expiry: no poll outlives it
    hung_up: Callable[[], bool]


def poll(runtime: Runtime, asked: Poll) -> dict[str, Any]:
    """Answer with messages, at once or as soon as there are any (shape: `InboxReply`).

    :raises CursorAhead: `after` or `ack` is past the newest message.
    :raises InboxClosed: the inbox is closed and was delivered wholly.
    """
    poll_id = new_id()
    wait_s = asked.wait_s
    if asked.valid_until is not None:
        wait_s = min(wait_s, max(0.0, (asked.valid_until - runtime.clock.now()).total_seconds()))
    after = _begin(runtime, asked, poll_id)
    parking: Parking = runtime.drivers[Parking]
    deadline = time.monotonic() + wait_s
    reply = _look(runtime, asked, poll_id, after)
    if reply["messages"] or reply["ended"] or wait_s <= 0:
        return reply
    with parking.place(poll_id, asked.inbox_id) as granted:
        if not granted:
            return {**reply, "next_poll_ms": CROWDED_POLL_MS}
        while True:
            ticket = runtime.wakeups.ticket(service.topic(asked.inbox_id))
            reply = _look(runtime, asked, poll_id, after)
            remaining_s = deadline - time.monotonic()
            if reply["messages"] or reply["ended"] or reply["superseded"]:
                break
            if remaining_s <= 0 or runtime.wakeups.closed:
                break
            if asked.hung_up():
                return reply  # nobody reads this; the owner was last seen when the poll began or at the last beat
            runtime.wakeups.wait(service.topic(asked.inbox_id), ticket, min(remaining_s, SAFETY_NET_S))
            parking.beat_if_due(runtime)
    _end(runtime, asked.inbox_id, poll_id)
    return reply


def _begin(runtime: Runtime, asked: Poll, poll_id: str) -> int:
    """Acknowledge, take the inbox over from an older poll, note that its owner is there; the cursor to read from."""
    with runtime.writing() as work:
        inbox = work.get(Inbox, asked.inbox_id)
        if inbox is None:
            raise errors.NotFound("You have no such inbox.")
        if asked.ack is not None:
            service.acknowledge(work, inbox, asked.ack)
        after = inbox.acked_seq if asked.after is None else asked.after
        if after > inbox.head_seq:
            raise errors.CursorAhead(head_seq=inbox.head_seq)
        if inbox.closed_at is not None and after >= inbox.head_seq:
            raise errors.InboxClosed(reason=inbox.closed_reason)
        now = work.now()
        silence_s = (now - inbox.last_seen_at).total_seconds()
        had_poll = inbox.poll_id is not None
        inbox.poll_id, inbox.last_seen_at = poll_id, now
        if silence_s >= work.settings.presence_reconnecting_s:
            work.emit(OwnerReturned(inbox.kind, inbox.owner_id))
        if had_poll:
            work.after_commit(lambda: runtime.wakeups.wake([service.topic(asked.inbox_id)]))
        return after


def _look(runtime: Runtime, asked: Poll, poll_id: str, after: int) -> dict[str, Any]:
    with runtime.reading() as work:
        state = work.execute(
            select(Inbox.head_seq, Inbox.acked_seq, Inbox.poll_id, Inbox.closed_at, Inbox.closed_reason).where(
                Inbox.id == asked.inbox_id
            )
        ).one_or_none()
        if state is None:
            raise errors.InboxClosed(reason="purged")
        superseded = state.poll_id != poll_id
        messages: list[dict[str, Any]] = []
        if state.head_seq > after and not superseded:
            messages = service.read(work, asked.inbox_id, after, asked.limit)
    last = len(messages) < asked.limit or messages[-1]["seq"] >= state.head_seq
    ended = state.closed_at is not None and last and not superseded
    return {
        "messages": messages,
        "head_seq": state.head_seq,
        "acked_seq": state.acked_seq,
        "next_poll_ms": 0,
        "superseded": superseded,
        "ended": {"reason": state.closed_reason} if ended else None,
    }


def _end(runtime: Runtime, inbox_id: str, poll_id: str) -> None:
    with runtime.writing() as work:
        work.execute(
            update(Inbox)
            .where(Inbox.id == inbox_id, Inbox.poll_id == poll_id)
            .values(last_seen_at=work.now(), poll_id=None)
            .execution_options(synchronize_session=False)
        )
