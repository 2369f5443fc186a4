"""The ASGI application in front of Flask (ASGI 3.0: https://asgi.readthedocs.io/en/latest/specs/main.html).

The way of a poll: Flask looks, in a thread; there is nothing, so it names a topic and a ticket; the thread goes on to
other requests; a future waits for the topic's wake-up, the poll's deadline, the client's hang-up or the server's end;
then Flask looks again, with the same checks of token and session as at first.
"""

import asyncio
import io
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from enum import Enum, auto
from typing import Any

import structlog
from a2wsgi import WSGIMiddleware
from a2wsgi.wsgi import build_environ

from app.core.flask_app import ParleyApp
from app.inbox.parking import OpenPoll, Parking
from app.inbox.polling import SLOT, Slot
from app.serving.safety_net import SafetyNet

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

POLL_PATH = "/api/v1/rtc/inbox"

log = structlog.get_logger()


class Outcome(Enum):
    LOOK_AGAIN = auto()
    GONE = auto()  # the client hung up


class Bridge:
    """An ASGI application for one `ParleyApp`. `threads` run Flask; polls that wait are not among them."""

    def __init__(self, app: ParleyApp, threads: int) -> None:
        self.app = app
        self.wsgi = app.wsgi_app
        self.runtime = app.runtime
        self._others = WSGIMiddleware(self.wsgi, workers=threads)  # type: ignore[arg-type]
        self._threads: ThreadPoolExecutor = self._others.executor
        self._safety_net = SafetyNet(app.runtime, self._threads)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http" and scope["path"].rstrip("/") == POLL_PATH and scope["method"] in ("GET", "HEAD"):
            await self._poll(scope, receive, send)
        else:
            await self._others(scope, receive, send)  # type: ignore[arg-type]

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        self._answer_polls_at_exit()
        self._safety_net.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._safety_net.stop()
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

    async def _poll(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._safety_net.start()
        loop = asyncio.get_running_loop()
        hang_up = asyncio.ensure_future(_hang_up(receive))
        slot = Slot(hang_up.done)
        try:
            while True:
                answer = await loop.run_in_executor(self._threads, self._ask_flask, scope, slot)
                if not slot.waits or slot.opened is None:
                    break
                if await self._wait(slot.opened, hang_up) is Outcome.GONE:
                    return
                if self.runtime.wakeups.closed:
                    break  # the server ends: with thousands parked there is no time to ask again, and nothing is lost
        finally:
            hang_up.cancel()
            if slot.opened is not None:
                parking: Parking = self.runtime.drivers[Parking]
                parking.release(slot.opened.poll_id)
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def _wait(self, opened: OpenPoll, hang_up: "asyncio.Future[None]") -> Outcome:
        loop = asyncio.get_running_loop()
        woken: asyncio.Future[None] = loop.create_future()

        def wake() -> None:  # from whatever thread
            try:
                loop.call_soon_threadsafe(_settle, woken)
            except RuntimeError:
                pass  # the loop has ended, and every poll with it

        parked = self.runtime.wakeups.park(opened.topic, opened.ticket, wake)
        if parked is None:
            return Outcome.LOOK_AGAIN
        try:
            await asyncio.wait({woken, hang_up}, timeout=opened.remaining_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            parked.cancel()
        return Outcome.GONE if hang_up.done() else Outcome.LOOK_AGAIN

    def _ask_flask(self, scope: Scope, slot: Slot) -> "Answer":
        environ: dict[str, Any] = dict(build_environ(scope, io.BytesIO()))  # type: ignore[arg-type]
        environ["wsgi.errors"] = sys.stderr
        environ[SLOT] = slot
        slot.waits = False  # a refusal, of an expired token say, comes before the view that would say so
        answer = Answer()
        body: Iterable[bytes] = self.wsgi(environ, answer.start)
        try:
            answer.body = b"".join(body)
        finally:
            close = getattr(body, "close", None)
            if close is not None:
                close()
        return answer


class Answer:
    """What a WSGI application answered, for ASGI. An answer to a poll is small, so it is kept whole."""

    def __init__(self) -> None:
        self.status = 500
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], None]:
        self.status = int(status[:3])
        self.headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        return self._write

    def _write(self, _chunk: bytes) -> None:
        raise RuntimeError("Flask answers by returning, never by write()")


async def _hang_up(receive: Receive) -> None:
    """Ends when the client has closed its connection; a GET's body, if it has one, is passed over."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _settle(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
