"""Polls of the log of events: parked without a thread, and asked of Flask again when something was committed.

Followers are few, and each sees something else: nothing is answered from memory. Who is woken again right after a look
waits a moment, so that a burst of events costs a follower few looks.
"""

import asyncio
import time
from collections.abc import Sequence
from contextvars import Context

from app.core.runtime import Runtime
from app.core.wakeups.base import SAFETY_NET_S, topic_of
from app.events.polling import SLOT, EventsPoll, Slot
from app.events.service import TOPIC
from app.inbox.parking import Parking
from app.serving.flask_calls import Answer, FlaskCalls, Receive, Scope, Send

EVENTS_PATH = "/api/v1/events"
LOOKS_APART_S = 0.05


class EventsPolls:
    """An ASGI application for `GET /events`."""

    def __init__(self, runtime: Runtime, flask: FlaskCalls) -> None:
        self._runtime = runtime
        self._flask = flask
        self._parking: Parking = runtime.drivers[Parking]
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: dict[str, set[asyncio.Event]] = {}  # by topic

    def end(self) -> None:
        self._runtime.wakeups.listen_no_more(self._hear)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._runtime.wakeups.listen(self._hear)
        hanging_up = asyncio.ensure_future(_hung_up(receive))
        answering = asyncio.ensure_future(self._answer(scope))
        try:
            await asyncio.wait({hanging_up, answering}, return_when=asyncio.FIRST_COMPLETED)
            if answering.done():
                await answering.result().send(send)
        finally:
            hanging_up.cancel()
            answering.cancel()

    async def _answer(self, scope: Scope) -> Answer:
        deadline: float | None = None
        parked: EventsPoll | None = None
        try:
            while True:
                looked_at, slot = time.monotonic(), Slot(deadline)
                answer = await self._flask.answer(scope, b"", {SLOT: slot})
                asked = slot.asked
                if asked is None or not slot.waits or self._runtime.wakeups.closed:
                    return answer
                if parked is None:
                    if not self._parking.claim(asked):
                        return answer
                    parked, deadline = asked, asked.deadline
                await self._woken(asked)
                await asyncio.sleep(min(asked.remaining_s, looked_at + LOOKS_APART_S - time.monotonic()))
        finally:
            if parked is not None:
                self._parking.release(parked)

    async def _woken(self, asked: EventsPoll) -> None:
        """Wait for a wake of its topic that came after its look, for its end, or for the safety net."""
        woken = asyncio.Event()
        self._waiting.setdefault(asked.topic, set()).add(woken)
        try:
            if not self._runtime.wakeups.woken_since(asked.topic, asked.ticket):
                await asyncio.wait_for(woken.wait(), min(asked.remaining_s, SAFETY_NET_S))
        except TimeoutError:
            pass
        finally:
            waiting = self._waiting[asked.topic]
            waiting.discard(woken)
            if not waiting:
                del self._waiting[asked.topic]

    def _hear(self, nudges: Sequence[str] | None) -> None:
        """From whatever thread."""
        topics = None if nudges is None else {topic_of(nudge) for nudge in nudges if nudge.startswith(TOPIC)}
        if self._loop is None or topics == set():
            return
        try:
            self._loop.call_soon_threadsafe(self._wake, topics, context=Context())
        except RuntimeError:
            return  # the loop has ended, and every poll with it

    def _wake(self, topics: set[str] | None) -> None:
        for topic in list(self._waiting) if topics is None else topics:
            for woken in self._waiting.get(topic, ()):
                woken.set()


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":  # a GET's body, if it has one, is passed over
        pass
