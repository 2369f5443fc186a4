"""The ASGI application in front of Flask (ASGI 3.0: https://asgi.readthedocs.io/en/latest/specs/main.html).

Polls and acknowledgements go to `polls.py`, parts of uploads to `parts.py`, signals and chat messages to `sending.py`,
every other request to Flask, in a thread (`flask_calls.py`).
"""

import asyncio
import signal
import threading
from collections.abc import Callable
from typing import Any

from app.core import errors
from app.core.flask_app import ParleyApp
from app.serving.events_polls import EVENTS_PATH, EventsPolls
from app.serving.flask_calls import FlaskCalls, Receive, Scope, Send, problem
from app.serving.part_request import is_part
from app.serving.parts import Parts
from app.serving.polls import ACK_PATH, POLL_PATH, Polls
from app.serving.safety_net import SafetyNet
from app.serving.sending import MESSAGES, SIGNALS, Sending

SAYS_SO_WITHIN_S = 0.5  # at the end of the server


class Bridge:
    """An ASGI application for one `ParleyApp`. `threads` run Flask; polls that wait are not among them."""

    def __init__(self, app: ParleyApp, threads: int) -> None:
        self.runtime = app.runtime
        self._flask = FlaskCalls(app.wsgi_app, threads)
        self._parts = Parts(app, self._flask)
        self._polls = Polls(app.runtime, self._flask, SafetyNet(app.runtime))
        self._events = EventsPolls(app.runtime, self._flask)
        self.signals = Sending(app, self._flask, SIGNALS)
        self.messages = Sending(app, self._flask, MESSAGES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http" and scope["path"].rstrip("/") == POLL_PATH and scope["method"] in ("GET", "HEAD"):
            self._polls.begin()
            await self._polls.poll(scope, receive, send)
        else:
            try:
                await self._answer(scope, receive, send)
            except asyncio.CancelledError:  # the server ends, and this took longer than it waits
                await _tell_to_come_again(send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == ACK_PATH and scope["method"] == "POST":
            self._polls.begin()
            unread = await self._polls.acknowledge(scope, receive, send)
            if unread is not None:
                await self._flask(scope, unread, send)
        elif scope["type"] == "http" and scope["path"].rstrip("/") == EVENTS_PATH and scope["method"] == "GET":
            await self._events(scope, receive, send)
        elif scope["type"] == "http" and is_part(scope):
            await self._parts(scope, receive, send)
        elif scope["type"] == "http" and self.signals.is_meant(scope):
            await self.signals(scope, receive, send)
        elif scope["type"] == "http" and self.messages.is_meant(scope):
            await self.messages(scope, receive, send)
        else:
            await self._flask(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        self._answer_polls_at_exit()
        self._polls.begin()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._polls.end()
        self._events.end()
        self._parts.close()
        self.runtime.close()
        await send({"type": "lifespan.shutdown.complete"})

    def _answer_polls_at_exit(self) -> None:
        """uvicorn waits at its end for the requests that it has: parked polls are answered first, with nothing."""
        if threading.current_thread() is not threading.main_thread():
            return  # a server within a test; signals are not its own
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._after_waking(signal.getsignal(number)))

    def _after_waking(self, next_handler: Any) -> Callable[[int, Any], None]:
        def handle(number: int, frame: Any) -> None:
            # In a thread: this may have interrupted one that holds the lock of the wake-ups.
            threading.Thread(target=self.runtime.wakeups.close).start()
            if callable(next_handler):
                next_handler(number, frame)

        return handle


async def _tell_to_come_again(send: Send) -> None:
    """Better than nothing, of which a proxy would make a page. Whether it was done is open, as after a connection that
    broke: docs/mobile.md says how to repeat what must not happen twice.

    :raises CancelledError: the answer had begun, or nobody reads it; it is cut off.
    """
    try:
        async with asyncio.timeout(SAYS_SO_WITHIN_S):
            await problem(errors.Unavailable("The server is ending; ask again.")).send(send)
    except (RuntimeError, TimeoutError):
        raise asyncio.CancelledError from None
