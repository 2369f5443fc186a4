"""A poll of an inbox: opened, looked at, parked while there is nothing, looked at again, finished.

The order that makes it safe: take a ticket of the topic, read the database, and only then wait with that ticket. A
poll holds no database connection while it waits. It ends when there is a message, when its time is up, when a newer
poll of the same inbox takes over, when the inbox closes, when its client hangs up, or at shutdown.

`poll` does all of it and blocks its thread meanwhile, under any WSGI server. A server that can hold many polls open
(`app/serving`) calls the parts, and waits between them in its own way.
"""

import time
from collections.abc import Callable, Iterable
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
from app.inbox.parking import OpenPoll, Parking, in_batches

TOKEN_MARGIN_S = 1.0  # a poll ends this long before its token, so that its last look is still allowed
CROWDED_POLL_MS = 1000  # pause that is asked of a client whose poll found no parking place
UNREAD: dict[str, Any] = {}  # the reply to a client that has hung up


class _HungUp(Exception):
    pass


@dataclass(frozen=True)
class Poll:
    """What a client asks for. `after` None: behind what is acknowledged."""

    inbox_id: str
    after: int | None
    ack: int | None
    limit: int
    wait_s: float
    valid_until: datetime | None  # the token's expiry: no poll outlives it


def poll(runtime: Runtime, asked: Poll, hung_up: Callable[[], bool]) -> dict[str, Any]:
    """Answer with messages, at once or as soon as there are any (shape: `InboxReply`).

    :raises CursorAhead: `after` or `ack` is past the newest message.
    :raises InboxClosed: the inbox is closed and was delivered wholly.
    """
    opened = open_poll(runtime, asked, hung_up)
    if opened is None:
        return UNREAD
    reply, done = look(runtime, opened)
    if done:
        return reply
    parking: Parking = runtime.drivers[Parking]
    if not parking.claim(opened, blocking=True):
        return crowded(reply)
    try:
        while not done:
            if hung_up():
                return reply  # nobody reads this; the owner was last seen when the poll began or at the last beat
            runtime.wakeups.wait(opened.topic, opened.ticket, min(opened.remaining_s, SAFETY_NET_S))
            parking.beat_if_due(runtime)
            reply, done = look(runtime, opened)
    finally:
        parking.release(opened.poll_id)
    finish(runtime, opened)
    return reply


@dataclass(slots=True)
class Slot:
    """What a server that parks polls puts into the request's environment under `SLOT`, and finds changed afterwards.

    `waits`: the answer is void; keep the poll, ask again with the same slot once `opened.topic` was woken after
    `opened.ticket` or `opened.remaining_s` is 0, and release `opened.poll_id` from `Parking` in the end.
    `hung_up`: whether the client is known to be gone; asked from whatever thread.
    """

    hung_up: Callable[[], bool]
    opened: OpenPoll | None = None
    waits: bool = False


SLOT = "parley.poll_slot"


def poll_in_slot(runtime: Runtime, asked: Poll, slot: Slot) -> dict[str, Any]:
    """One look of a poll that its server parks; never blocks."""
    slot.waits = False
    opened = slot.opened or open_poll(runtime, asked, slot.hung_up)
    if opened is None:
        return UNREAD
    reply, done = look(runtime, opened)
    if done:
        if slot.opened is not None:
            finish(runtime, opened)
        return reply
    if slot.opened is None:
        parking: Parking = runtime.drivers[Parking]
        if not parking.claim(opened):
            return crowded(reply)
        slot.opened = opened
    slot.waits = True
    return reply


def open_poll(runtime: Runtime, asked: Poll, hung_up: Callable[[], bool]) -> OpenPoll | None:
    """Acknowledge, take the inbox over from an older poll, note that its owner is there.

    :returns: None, and nothing is changed, where the client has hung up meanwhile. Requests are not begun in the order
        in which they were sent: a poll that was given up would end the one that came in its place.
    :raises CursorAhead: :raises InboxClosed:
    """
    poll_id = new_id()
    wait_s = asked.wait_s
    if asked.valid_until is not None:
        valid_s = (asked.valid_until - runtime.clock.now()).total_seconds() - TOKEN_MARGIN_S
        wait_s = min(wait_s, max(0.0, valid_s))
    try:
        after = _begin(runtime, asked, poll_id, hung_up)
    except _HungUp:
        return None
    return OpenPoll(
        poll_id, asked.inbox_id, service.topic(asked.inbox_id), after, asked.limit, time.monotonic() + wait_s
    )


def look(runtime: Runtime, opened: OpenPoll) -> tuple[dict[str, Any], bool]:
    """What there is now, and whether that ends the poll; else wait with its ticket."""
    opened.ticket = runtime.wakeups.ticket(opened.topic)
    reply = _read(runtime, opened)
    opened.head_seq = reply["head_seq"]
    told = bool(reply["messages"] or reply["ended"] or reply["superseded"])
    return reply, told or opened.remaining_s <= 0 or runtime.wakeups.closed


def crowded(reply: dict[str, Any]) -> dict[str, Any]:
    """The reply to a poll that could not be parked."""
    return {**reply, "next_poll_ms": CROWDED_POLL_MS}


def finish(runtime: Runtime, opened: OpenPoll) -> None:
    """Note when a poll that was parked ended: its owner was there until now."""
    with runtime.writing() as work:
        work.execute(
            update(Inbox)
            .where(Inbox.id == opened.inbox_id, Inbox.poll_id == opened.poll_id)
            .values(last_seen_at=work.now(), poll_id=None)
            .execution_options(synchronize_session=False)
        )


def find_missed(runtime: Runtime, polls: Iterable[OpenPoll]) -> list[OpenPoll]:
    """Those of the parked `polls` for which there is something new that no wake-up told of."""
    by_inbox: dict[str, list[OpenPoll]] = {}
    for opened in polls:
        by_inbox.setdefault(opened.inbox_id, []).append(opened)
    missed: list[OpenPoll] = []
    with runtime.reading() as work:
        for some in in_batches(sorted(by_inbox)):
            states = select(Inbox.id, Inbox.head_seq, Inbox.poll_id, Inbox.closed_at).where(Inbox.id.in_(some))
            for state in work.execute(states):
                missed += [
                    opened
                    for opened in by_inbox.pop(state.id)
                    if state.head_seq > opened.head_seq
                    or state.poll_id != opened.poll_id
                    or state.closed_at is not None
                ]
    return missed + [opened for gone in by_inbox.values() for opened in gone]


def _begin(runtime: Runtime, asked: Poll, poll_id: str, hung_up: Callable[[], bool]) -> int:
    """The cursor to read from."""
    with runtime.writing() as work:
        inbox = work.get(Inbox, asked.inbox_id)
        if inbox is None:
            raise errors.NotFound("You have no such inbox.")
        now = work.now()
        if (now - inbox.last_seen_at).total_seconds() >= work.settings.presence_reconnecting_s:
            work.emit(OwnerReturned(inbox.kind, inbox.owner_id))  # first: it locks the meeting, then inboxes
        if asked.ack is not None:
            service.acknowledge(work, inbox, asked.ack)
        after = inbox.acked_seq if asked.after is None else asked.after
        if after > inbox.head_seq:
            raise errors.CursorAhead(head_seq=inbox.head_seq)
        if inbox.closed_at is not None and after >= inbox.head_seq:
            raise errors.InboxClosed(reason=inbox.closed_reason)
        had_poll = inbox.poll_id is not None
        inbox.poll_id, inbox.last_seen_at = poll_id, now
        work.flush()
        if hung_up():  # asked while the inbox is locked: a poll that was sent later comes later, or has come already
            raise _HungUp
        if had_poll:
            work.wake([service.topic(asked.inbox_id)])
        return after


def _read(runtime: Runtime, opened: OpenPoll) -> dict[str, Any]:
    with runtime.reading() as work:
        state = work.execute(
            select(Inbox.head_seq, Inbox.acked_seq, Inbox.poll_id, Inbox.closed_at, Inbox.closed_reason).where(
                Inbox.id == opened.inbox_id
            )
        ).one_or_none()
        if state is None:
            raise errors.InboxClosed(reason="purged")
        superseded = state.poll_id != opened.poll_id
        messages: list[dict[str, Any]] = []
        if state.head_seq > opened.after and not superseded:
            messages = service.read(work, opened.inbox_id, opened.after, opened.limit)
    last = len(messages) < opened.limit or messages[-1]["seq"] >= state.head_seq
    ended = state.closed_at is not None and last and not superseded
    return {
        "messages": messages,
        "head_seq": state.head_seq,
        "acked_seq": state.acked_seq,
        "next_poll_ms": 0,
        "superseded": superseded,
        "ended": {"reason": state.closed_reason} if ended else None,
    }
