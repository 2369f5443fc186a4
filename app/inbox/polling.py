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
from typing import Any, Protocol, TypeVar

from sqlalchemy import or_, select, update

from app.core import errors
from app.core.ids import new_id
from app.core.runtime import Runtime
from app.core.wakeups.base import SAFETY_NET_S
from app.inbox import service
from app.inbox.events import OwnerReturned
from app.inbox.models import Inbox
from app.inbox.parking import OpenPoll, Parking, Poll
from app.inbox.service import in_batches

TOKEN_MARGIN_S = 1.0  # a poll ends this long before its token, so that its last look is still allowed
CROWDED_POLL_MS = 1000  # pause that is asked of a client whose poll found no parking place
UNREAD: dict[str, Any] = {}  # the reply to a client that has hung up


class Watching(Protocol):
    """Whoever knows where an inbox stood: its newest message, and its newest poll."""

    @property
    def inbox_id(self) -> str: ...

    @property
    def head_seq(self) -> int: ...

    @property
    def poll_id(self) -> str: ...


AnyWatching = TypeVar("AnyWatching", bound=Watching)


class _HungUp(Exception):
    pass


def poll(runtime: Runtime, asked: Poll, hung_up: Callable[[], bool]) -> dict[str, Any]:
    """Answer with messages, at once or as soon as there are any (shape: `InboxReply`).

    :raises TooManyPolls: this user has as many open as they may.
    :raises CursorAhead: `after` or `ack` is past the newest message.
    :raises InboxClosed: the inbox is closed and was delivered wholly.
    """
    opened = open_poll(runtime, asked, hung_up, new_id())
    if opened is None:
        return UNREAD
    reply, done = look(runtime, opened)
    if done:
        return reply
    parking: Parking = runtime.drivers[Parking]
    if not parking.claim(opened, blocking=True):
        return {**reply, "next_poll_ms": CROWDED_POLL_MS}
    try:
        while not done:
            if hung_up():
                return reply  # nobody reads this; the owner was last seen when the poll began or at the last beat
            runtime.wakeups.wait(opened.topic, opened.ticket, min(opened.remaining_s, SAFETY_NET_S))
            parking.beat_if_due(runtime)
            reply, done = look(runtime, opened)
    finally:
        parking.release(opened)
    finish(runtime, opened)
    return reply


@dataclass(slots=True)
class Slot:
    """What a server that parks polls puts into the request's environment under `SLOT`, and finds changed afterwards.

    `hung_up`: whether the client is known to be gone; asked from whatever thread. `poll_id`: made when the request
    came. `deadline`: of a poll that was parked already, by time.monotonic().
    `opened`: the poll, once it has begun. `waits`: the answer is void; keep the poll, and ask again in a new slot with
    the same id once `opened.topic` was woken after `opened.ticket`, or `opened.remaining_s` is 0. `goes_on`: the inbox
    is open and this poll its newest. The server finds it a place in `Parking`, and notes when its owner was last seen.
    """

    hung_up: Callable[[], bool]
    poll_id: str
    deadline: float | None = None
    opened: OpenPoll | None = None
    waits: bool = False
    goes_on: bool = False


SLOT = "parley.poll_slot"


def poll_in_slot(runtime: Runtime, asked: Poll, slot: Slot) -> dict[str, Any]:
    """One look of a poll that its server parks; never blocks."""
    opened = slot.opened = open_poll(runtime, asked, slot.hung_up, slot.poll_id, slot.deadline)
    if opened is None:
        return UNREAD
    reply, done = look(runtime, opened)
    slot.waits = not done
    slot.goes_on = not (reply["superseded"] or reply["ended"])
    return reply


def open_poll(
    runtime: Runtime, asked: Poll, hung_up: Callable[[], bool], poll_id: str, deadline: float | None = None
) -> OpenPoll | None:
    """Acknowledge, take the inbox over from an older poll, note that its owner is there.

    :param poll_id: a UUIDv7, made when the request came: which of two polls is newer, their ids say.
    :param deadline: the poll was parked before, until then; it goes on, and is told of an inbox that has closed.
    :returns: None, and nothing is changed, where the client has hung up meanwhile. Requests are not begun in the order
        in which they were sent: a poll that was given up would end the one that came in its place.
    :raises TooManyPolls: :raises CursorAhead: :raises InboxClosed:
    """
    parking: Parking = runtime.drivers[Parking]
    goes_on = deadline is not None
    if asked.wait_s > 0 and not goes_on and not parking.has_room_for(asked.user_id, asked.inbox_id):
        raise errors.TooManyPolls(f"You have {parking.most_per_user} polls open, as many as you may; end one of them.")
    if deadline is None:
        wait_s = asked.wait_s
        if asked.valid_until is not None:
            valid_s = (asked.valid_until - runtime.clock.now()).total_seconds() - TOKEN_MARGIN_S
            wait_s = min(wait_s, max(0.0, valid_s))
        deadline = time.monotonic() + wait_s
    try:
        after = _begin(runtime, asked, poll_id, hung_up, goes_on)
    except _HungUp:
        return None
    return OpenPoll(asked, poll_id, after, deadline)


def look(runtime: Runtime, opened: OpenPoll) -> tuple[dict[str, Any], bool]:
    """What there is now, and whether that ends the poll; else wait with its ticket."""
    opened.ticket = runtime.wakeups.ticket(opened.topic)
    reply = _read(runtime, opened)
    opened.head_seq, opened.acked_seq = reply["head_seq"], reply["acked_seq"]
    told = bool(reply["messages"] or reply["ended"] or reply["superseded"])
    return reply, told or opened.remaining_s <= 0 or runtime.wakeups.closed


def finish(runtime: Runtime, opened: OpenPoll) -> None:
    """Note when a poll that was parked ended: its owner was there until now."""
    with runtime.writing() as work:
        work.execute(
            update(Inbox)
            .where(Inbox.id == opened.inbox_id, Inbox.poll_id == opened.poll_id)
            .values(last_seen_at=work.now(), poll_id=None)
            .execution_options(synchronize_session=False)
        )


def find_missed(runtime: Runtime, watching: Iterable[AnyWatching]) -> list[AnyWatching]:
    """Those who don't know where their inbox stands."""
    by_inbox: dict[str, list[AnyWatching]] = {}
    for one in watching:
        by_inbox.setdefault(one.inbox_id, []).append(one)
    missed: list[AnyWatching] = []
    with runtime.reading() as work:
        for some in in_batches(sorted(by_inbox)):
            states = select(Inbox.id, Inbox.head_seq, Inbox.poll_id, Inbox.closed_at).where(Inbox.id.in_(some))
            for state in work.execute(states):
                missed += [
                    one
                    for one in by_inbox.pop(state.id)
                    if state.head_seq > one.head_seq or state.poll_id != one.poll_id or state.closed_at is not None
                ]
    return missed + [one for gone in by_inbox.values() for one in gone]


def _begin(runtime: Runtime, asked: Poll, poll_id: str, hung_up: Callable[[], bool], goes_on: bool) -> int:
    """The cursor to read from. Where a newer poll has the inbox it keeps it, and the look that follows finds that."""
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
        if inbox.closed_at is not None and after >= inbox.head_seq and not goes_on:
            raise errors.InboxClosed(reason=inbox.closed_reason)
        taken = work.execute(
            update(Inbox)
            .where(Inbox.id == inbox.id, or_(Inbox.poll_id.is_(None), Inbox.poll_id <= poll_id))
            .values(poll_id=poll_id, last_seen_at=now)
            .execution_options(synchronize_session=False)
        )
        if hung_up():  # asked while the inbox is locked: a poll that was sent later comes later, or has come already
            raise _HungUp
        if taken.rowcount and inbox.poll_id not in (None, poll_id):  # type: ignore[attr-defined]
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
            messages = service.read(work, opened.inbox_id, opened.after, opened.asked.limit)
    # Each statement sees what is committed when it begins: messages may have come since the first.
    head_seq = max([state.head_seq, *(message["seq"] for message in messages[-1:])])
    last = len(messages) < opened.asked.limit or messages[-1]["seq"] >= head_seq
    ended = state.closed_at is not None and last and not superseded
    return {
        "messages": messages,
        "head_seq": head_seq,
        "acked_seq": state.acked_seq,
        "next_poll_ms": 0,
        "superseded": superseded,
        "ended": {"reason": state.closed_reason} if ended else None,
    }
