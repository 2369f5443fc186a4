"""Polls and acknowledgements, answered from memory where that is enough, and by Flask where it is not.

The way of a poll: whoever is known (`watches.py`) is answered or parked at once. Everybody else passes through Flask,
which checks, opens the poll and looks; it says "nothing yet" by leaving the poll in a `Slot`. A parked poll is a
request whose coroutine waits for its client to hang up, and nothing else: no thread, no connection of the database. It
ends with a message that a nudge brings, with its time, with a newer poll of the same device, or with the server; when
what is known of its inbox no longer holds, Flask looks again, with the same checks of token and session as at first.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from contextvars import Context
from typing import Any

import structlog

from app.core import errors
from app.core.ids import new_id
from app.core.logs import log_request
from app.core.runtime import Runtime
from app.inbox.parking import Parking
from app.inbox.polling import CROWDED_POLL_MS, SLOT, TOKEN_MARGIN_S, Slot
from app.inbox.service import News
from app.serving.acks import Acks
from app.serving.flask_calls import Answer, FlaskCalls, Receive, Scope, Send, once_more, problem
from app.serving.poll_request import AckRequest, PollRequest, read_ack, read_heads_of_ack, read_poll
from app.serving.safety_net import SafetyNet
from app.serving.watches import Headers, Watch, Watches

POLL_PATH = "/api/v1/rtc/inbox"
ACK_PATH = "/api/v1/rtc/ack"

log = structlog.get_logger()


class Held:
    """A poll that is not answered yet."""

    __slots__ = (
        "acked",
        "answered",
        "asked",
        "began_at",
        "cursor",
        "deadline",
        "gone",
        "inbox_id",
        "limit",
        "poll_id",
        "scope",
        "send",
        "timer",
        "user_id",
        "watch",
        "woken_at",
    )

    def __init__(self, scope: Scope, send: Send, asked: PollRequest | None) -> None:
        self.scope = scope
        self.send = send
        self.asked = asked
        self.poll_id = new_id()
        self.began_at = time.monotonic()
        self.gone = False  # its client has hung up
        self.answered = False
        self.watch: Watch | None = None  # where it is parked
        self.timer: asyncio.TimerHandle | None = None
        self.acked: asyncio.Future[None] | None = None  # what it acknowledged is being stored
        self.inbox_id = self.user_id = ""
        self.cursor = self.limit = 0
        self.deadline: float | None = None  # once it was parked
        self.woken_at: float | None = None  # when this process heard that there is something for it

    def has_hung_up(self) -> bool:
        return self.gone


class Polls:
    """`net` says whether the watches were lately held against the database."""

    def __init__(self, runtime: Runtime, flask: FlaskCalls, net: SafetyNet) -> None:
        self._flask = flask
        self._runtime = runtime
        self._settings = runtime.settings
        self._net = net
        self._parking: Parking = runtime.drivers[Parking]
        self._acks = Acks(runtime, flask.threads)
        self._loop: asyncio.AbstractEventLoop
        self._begun = False
        self._tasks: set[asyncio.Task[None]] = set()  # the loop itself holds them weakly
        self.watches = Watches()

    def begin(self) -> None:
        """Hear nudges from now on, in the running event loop. Repeating it changes nothing."""
        if not self._begun:
            self._begun = True
            self._loop = asyncio.get_running_loop()
            self._runtime.wakeups.listen(self._hear)
            self._net.start(self.watches, self.doubt)

    def end(self) -> None:
        self._runtime.wakeups.listen_no_more(self._hear)
        self._net.stop()

    # Requests

    async def poll(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = read_poll(scope) if scope["method"] == "GET" else None
        held = Held(scope, send, asked)
        if asked is None or not await self._serve_from_memory(held, asked):
            self._spawn(self._ask_flask(held))
        if held.answered:
            return
        try:
            while (await receive())["type"] != "http.disconnect":  # a GET's body, if it has one, is passed over
                pass
        finally:  # it was answered, or its client is gone
            held.gone = True
            self._unpark(held)

    async def acknowledge(self, scope: Scope, receive: Receive, send: Send) -> Receive | None:
        """None: it is done. Else Flask has to do it, and reads the request from what is returned."""
        heads = read_heads_of_ack(scope)
        if heads is None:
            return receive
        began_at, message = time.monotonic(), await receive()
        asked = None if message.get("more_body") else read_ack(heads, message.get("body", b""))
        if asked is None or not await self._acknowledge_from_memory(asked, send, began_at):
            return once_more(message, receive)
        return None

    # From memory

    async def _serve_from_memory(self, held: Held, asked: PollRequest) -> bool:
        """Answer or park a poll; False where Flask has to."""
        watch = self._known(asked.key)
        if watch is None:
            return False
        ack, cursor = asked.ack, asked.after
        if cursor is None:
            return False  # what is acknowledged at another process, the database knows
        if cursor > watch.head_seq or (ack is not None and ack > watch.head_seq):
            return False
        wait_s = self._settings.poll_default_wait_s if asked.wait_s is None else asked.wait_s
        if wait_s > self._settings.poll_max_wait_s:
            return False
        valid_s = watch.valid_s(self._runtime.clock.now()) - TOKEN_MARGIN_S
        if valid_s <= 0:
            return False
        held.cursor, held.limit = cursor, asked.limit
        messages = watch.behind(held.cursor, held.limit)
        if messages is None or not (messages or wait_s == 0 or self._has_room(watch)):
            return False
        if ack is not None and ack > watch.stored_seq:  # another request may be storing it: nobody is told before
            held.acked = self._acks.add(watch.inbox_id, ack)
            watch.acknowledge(ack)
        if watch.parked is not None:
            self._answer_soon(watch.parked, (), superseded=True)
        if messages or wait_s == 0:
            held.watch = watch
            await self._answer(held, messages)  # or, where that fails, through Flask
            return True
        held.deadline = held.began_at + min(wait_s, valid_s)
        self._park(held, watch)
        return True

    async def _acknowledge_from_memory(self, asked: AckRequest, send: Send, began_at: float) -> bool:
        watch = self._known(asked.key)
        if watch is None or asked.up_to > watch.head_seq:
            return False
        if asked.up_to > watch.stored_seq:
            stored = self._acks.add(watch.inbox_id, asked.up_to)
            watch.acknowledge(asked.up_to)
            try:
                await asyncio.shield(stored)
            except Exception:
                self.doubt([watch])
                return False
            watch.store(asked.up_to)
        body = b'{"acked_seq": %d, "head_seq": %d}' % (watch.stored_seq, watch.head_seq)
        await self._send(send, watch, body, "POST", ACK_PATH, asked.request_id, began_at)
        return True

    def _known(self, key: bytes) -> Watch | None:
        if self._runtime.wakeups.closed or not self._net.holds:
            return None
        return self.watches.find(key, self._runtime.clock.now())

    def _has_room(self, watch: Watch) -> bool:
        return self._parking.has_room() and self._parking.has_room_for(watch.user_id, watch.inbox_id)

    def _park(self, held: Held, watch: Watch) -> None:
        watch.parked, held.watch = held, watch
        held.inbox_id, held.user_id = watch.inbox_id, watch.user_id
        self._parking.claim(held)
        remaining_s = (held.deadline or 0.0) - time.monotonic()
        held.timer = self._loop.call_later(max(0.0, remaining_s), self._time_is_up, held)

    def _unpark(self, held: Held) -> None:
        if held.timer is not None:
            held.timer.cancel()
            held.timer = None
        watch = held.watch
        if watch is not None and watch.parked is held:
            watch.parked = None
            watch.active_at = self._runtime.clock.now()
            self._parking.release(held)
            self.watches.seen.add(watch.inbox_id)

    def _time_is_up(self, held: Held) -> None:
        if self._net.holds:
            self._answer_soon(held, ())
        else:
            self._take_back(held)

    def _take_back(self, held: Held) -> None:
        """What is known of its inbox doesn't hold: have Flask look again."""
        self._unpark(held)
        if not held.answered and not held.gone:
            self._spawn(self._ask_flask(held))

    def _answer_soon(self, held: Held, messages: Sequence[News], *, superseded: bool = False) -> None:
        """From now on nobody else answers it."""
        self._unpark(held)
        if not held.answered:
            held.answered = True
            self._spawn(self._answer(held, messages, superseded=superseded))

    async def _answer(
        self, held: Held, messages: Sequence[News], *, superseded: bool = False, pause_ms: int = 0
    ) -> None:
        """Once what the poll acknowledged is stored; where that fails, Flask says what is wrong."""
        held.answered = True
        watch = held.watch
        if watch is None:
            raise RuntimeError("a poll that nobody knows was to be answered from memory")
        if held.acked is not None:
            try:
                await asyncio.shield(held.acked)
            except Exception:
                self.doubt([watch])
                held.answered = False
                self._take_back(held)
                return
            if held.asked is not None and held.asked.ack is not None:
                watch.store(held.asked.ack)
        body = (
            f'{{"messages": [{", ".join([news.message for news in messages])}], "head_seq": {watch.head_seq}, '
            f'"acked_seq": {watch.stored_seq}, "next_poll_ms": {pause_ms}, '
            f'"superseded": {"true" if superseded else "false"}, "ended": null}}'
        ).encode()
        watch.active_at = self._runtime.clock.now()
        self.watches.seen.add(watch.inbox_id)
        request_id = held.asked.request_id if held.asked is not None else None
        await self._send(held.send, watch, body, "GET", POLL_PATH, request_id, held.began_at)
        if held.woken_at is not None:
            self._runtime.figures.observe("parley_wake_seconds", time.monotonic() - held.woken_at)

    async def _send(
        self, send: Send, watch: Watch, body: bytes, method: str, route: str, request_id: str | None, began_at: float
    ) -> None:
        request_id = request_id or new_id()
        headers = [*watch.headers, (b"content-length", b"%d" % len(body)), (b"x-request-id", request_id.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        took_s = time.monotonic() - began_at
        self._runtime.figures.request(method, route, 200, took_s)
        log_request(method, route, 200, took_s, watch.user_id, request_id=request_id)

    # Through Flask

    async def _ask_flask(self, held: Held) -> None:
        try:
            await self._ask_until_parked(held)
        except Exception:
            log.exception("a poll could not be answered")
            if not held.answered:
                held.answered = True
                await problem(errors.InternalError()).send(held.send)

    async def _ask_until_parked(self, held: Held) -> None:
        """A poll that was parked goes on as the same one: unless a newer one has come, it has the inbox."""
        while not held.gone:
            slot = Slot(held.has_hung_up, held.poll_id, held.deadline)
            answer = await self._flask.answer(held.scope, b"", {SLOT: slot})
            watch = self._learn(held, slot, answer)
            if watch is not None and slot.waits:
                if held.has_hung_up():
                    return
                if self._parking.has_room():
                    self._park(held, watch)
                else:
                    held.watch = watch
                    await self._answer(held, (), pause_ms=CROWDED_POLL_MS)
                return
            if not slot.waits or self._runtime.wakeups.closed:
                held.answered = True
                await answer.send(held.send)
                return

    def _learn(self, held: Held, slot: Slot, answer: Answer) -> Watch | None:
        """Watch what Flask has seen; None where there is nothing to watch, or it has changed meanwhile."""
        opened = slot.opened
        if opened is None or self._runtime.wakeups.closed:
            return None
        held.cursor, held.limit, held.deadline = opened.after, opened.asked.limit, opened.deadline
        if not slot.goes_on:
            return None
        key = held.asked.key if held.asked is not None and opened.asked.valid_until is not None else None
        headers: Headers = tuple(pair for pair in answer.headers if pair[0] not in _OF_ONE_ANSWER)
        watch, replaced = self.watches.add(key, opened, headers, self._runtime.clock.now())
        if replaced is not None and replaced.parked is not None:
            self._take_back(replaced.parked)
        self.watches.seen.add(watch.inbox_id)
        # Nudges that come from now on are heard; one that came since Flask looked is remembered.
        if self._runtime.wakeups.woken_since(opened.topic, opened.ticket):
            self.watches.forget(watch)
            return None
        return watch

    # Nudges

    def _hear(self, nudges: Sequence[str] | None) -> None:
        """From whatever thread."""
        concerned = None if nudges is None else self.watches.concerned(nudges)
        if concerned == []:
            return
        try:
            # In a context of its own, not that of who nudges.
            self._loop.call_soon_threadsafe(self._follow, concerned, time.monotonic(), context=Context())
        except RuntimeError:
            return  # the loop has ended, and every poll with it
        time.sleep(0)  # lets the loop have the interpreter: those who wait come before the answer to who nudges

    def _follow(self, nudges: Sequence[str] | None, heard_at: float) -> None:
        if self._runtime.wakeups.closed:
            self._answer_all()
        elif nudges is None:
            self._net.hurry()
        else:
            moved, lost = self.watches.hear(nudges)
            for watch in moved:
                self._bring(watch, heard_at)
            self.doubt(lost)

    def _bring(self, watch: Watch, heard_at: float) -> None:
        held: Held | None = watch.parked
        if held is None:
            return
        messages = watch.behind(held.cursor, held.limit)
        if messages is None:
            self._take_back(held)
        elif messages:
            held.woken_at = heard_at
            self._answer_soon(held, messages)

    def doubt(self, watches: Iterable[Watch]) -> None:
        """What they know doesn't hold: their parked polls are asked of Flask."""
        for watch in watches:
            self.watches.forget(watch)
            if watch.parked is not None:
                self._take_back(watch.parked)

    def _answer_all(self) -> None:
        """The server ends: with thousands parked there is no time to ask Flask, and nothing is lost."""
        for watch in self.watches.all():
            if watch.parked is not None:
                self._answer_soon(watch.parked, ())

    def _spawn(self, coroutine: Any) -> None:
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


_OF_ONE_ANSWER = frozenset({b"content-length", b"x-request-id"})
