"""A poll of the log: a look, and while there is nothing, a wait for the next event that is committed.

As with inboxes a ticket is taken, the database read, and only then waited with that ticket; a poll holds no connection
while it waits. `poll` blocks its thread, under any WSGI server; a server that parks polls (`app/serving`) leaves a
`Slot` in the request's environment, and asks again when the slot's topic is woken.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.core import errors
from app.core.runtime import Runtime
from app.core.wakeups.base import SAFETY_NET_S
from app.events import log
from app.events.models import Event
from app.events.schemas import EventsReply
from app.events.service import topic_of
from app.inbox.parking import Parking
from app.inbox.polling import CROWDED_POLL_MS

SLOT = "parley.events_slot"


@dataclass(slots=True)
class EventsPoll:
    """What is asked for. `sees_all`: every event, as services and admins do. `deadline`: by time.monotonic()."""

    user_id: str
    sees_all: bool
    after: int
    limit: int
    meeting_id: str | None
    names: Sequence[str]
    deadline: float
    ticket: int = 0
    inbox_id: str | None = field(default=None, init=False)  # its owner's presence is not told by it

    @property
    def topic(self) -> str:
        return topic_of(self.meeting_id)

    @property
    def remaining_s(self) -> float:
        return max(0.0, self.deadline - time.monotonic())


@dataclass(slots=True)
class Slot:
    """What the server finds changed: `asked`, the poll; `waits`: the answer is void, ask again, in a new slot with the
    same `deadline`, once `asked.topic` was woken after `asked.ticket`, or the deadline has come.
    """

    deadline: float | None = None
    asked: EventsPoll | None = None
    waits: bool = False


def poll(runtime: Runtime, asked: EventsPoll, hung_up: Callable[[], bool]) -> dict[str, Any]:
    """Answer at once, or as soon as there is something (shape: `EventsReply`).

    :raises TooManyPolls: :raises CursorAhead:
    """
    check_room(runtime, asked)
    reply, done = look(runtime, asked)
    if done:
        return reply
    parking: Parking = runtime.drivers[Parking]
    if not parking.claim(asked, blocking=True):
        return {**reply, "next_poll_ms": CROWDED_POLL_MS}
    try:
        while not done and not hung_up():
            runtime.wakeups.wait(asked.topic, asked.ticket, min(asked.remaining_s, SAFETY_NET_S))
            parking.beat_if_due(runtime)
            reply, done = look(runtime, asked)
    finally:
        parking.release(asked)
    return reply


def poll_in_slot(runtime: Runtime, asked: EventsPoll, slot: Slot) -> dict[str, Any]:
    """One look of a poll that its server parks; never blocks."""
    if slot.deadline is None:
        check_room(runtime, asked)
    else:
        asked.deadline = slot.deadline
    slot.asked = asked
    reply, done = look(runtime, asked)
    parking: Parking = runtime.drivers[Parking]
    if not done and slot.deadline is None and not parking.has_room():
        return {**reply, "next_poll_ms": CROWDED_POLL_MS}
    slot.waits = not done
    return reply


def check_room(runtime: Runtime, asked: EventsPoll) -> None:
    """:raises TooManyPolls: this user has as many open as they may."""
    parking: Parking = runtime.drivers[Parking]
    if asked.remaining_s > 0 and not parking.has_room_for(asked.user_id, None):
        raise errors.TooManyPolls(f"You have {parking.most_per_user} polls open, as many as you may; end one of them.")


def look(runtime: Runtime, asked: EventsPoll) -> tuple[dict[str, Any], bool]:
    """What there is now, and whether that ends the poll; else wait with its ticket.

    :raises CursorAhead: `after` is past the newest position.
    """
    asked.ticket = runtime.wakeups.ticket(asked.topic)
    log.settle(runtime)
    conditions = [] if asked.sees_all else [log.seen_by(asked.user_id)]
    if asked.meeting_id is not None:
        conditions.append(Event.meeting_id == asked.meeting_id)
    if asked.names:
        conditions.append(Event.name.in_(asked.names))
    with runtime.reading() as work:
        newest = log.head(work)  # first: what becomes visible after it is read next time
        if asked.after > newest:
            raise errors.CursorAhead(head_seq=newest)
        found = log.read(work, asked.after, asked.limit, Event.position <= newest, *conditions)
    reached = int(found[-1].position or 0) if len(found) == asked.limit else newest
    reply: dict[str, Any] = EventsReply().dump({"events": found, "after": reached, "next_poll_ms": 0})
    if not found:
        asked.after = reached
    return reply, bool(found) or asked.remaining_s <= 0 or runtime.wakeups.closed
