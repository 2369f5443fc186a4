"""Flask in a thread, for requests whose body is there and answers that are short: one way to a thread and one back.

A body that is still coming, or is too long, goes through `a2wsgi`, which hands it over in parts. An answer that is
long, or of unknown length, is sent in parts while Flask makes them.
"""

import asyncio
import io
import sys
from collections.abc import Awaitable, Callable, Iterable
from contextvars import Context
from typing import Any

from a2wsgi import WSGIMiddleware
from a2wsgi.wsgi import build_environ

from app.core import errors
from app.core.api import PROBLEM_TYPE, problem_document
from app.core.ids import new_id

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

MOST_KEPT = 262_144  # bytes of an answer that is gathered before it is sent


class Answer:
    """What a WSGI application answered, for ASGI."""

    def __init__(self) -> None:
        self.status = 500
        self.headers: list[tuple[bytes, bytes]] = []
        self.length: int | None = None
        self.body = b""

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], None]:
        self.status = int(status[:3])
        self.headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        self.length = next((int(value) for name, value in self.headers if name == b"content-length"), None)
        return self._write

    def _write(self, _chunk: bytes) -> None:
        raise RuntimeError("Flask answers by returning, never by write()")

    async def send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})


def problem(error: errors.ParleyError) -> Answer:
    """What a client is told where Flask could not be asked, or could not be waited for."""
    request_id = new_id()
    answer = Answer()
    answer.status, answer.body = error.status, problem_document(error, request_id)
    answer.headers = [
        (b"content-type", PROBLEM_TYPE.encode()),
        (b"content-length", b"%d" % len(answer.body)),
        (b"x-request-id", request_id.encode()),
        (b"cache-control", b"no-store"),
    ]
    if error.status == 503:
        answer.headers.append((b"retry-after", b"1"))
    return answer


class FlaskCalls:
    """An ASGI application for HTTP in front of a WSGI one, which runs in `threads` threads."""

    def __init__(self, wsgi: Any, threads: int) -> None:
        self._wsgi = wsgi
        self._in_parts = WSGIMiddleware(wsgi, workers=threads)
        self.threads = self._in_parts.executor

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        if message.get("more_body"):
            await self._in_parts(scope, once_more(message, receive), send)  # type: ignore[arg-type]
            return
        answer = await self._in_thread(scope, message.get("body", b""), send, {})
        if answer is not None:
            await answer.send(send)

    async def answer(self, scope: Scope, body: bytes, environ: dict[str, Any]) -> Answer:
        """What Flask answers to a request, `environ` added to its environment; all of it is kept."""
        answer = await self._in_thread(scope, body, None, environ)
        return answer or Answer()

    async def _in_thread(self, scope: Scope, body: bytes, send: Send | None, environ: dict[str, Any]) -> Answer | None:
        """None: it was long, and is sent already; never without `send`."""
        loop = asyncio.get_running_loop()
        # In a context of its own: Flask takes an application context that it finds for its own, and a task that another
        # request brought about would find that one's.
        return await loop.run_in_executor(self.threads, Context().run, self._run, loop, scope, body, send, environ)

    def _run(
        self, loop: asyncio.AbstractEventLoop, scope: Scope, body: bytes, send: Send | None, more: dict[str, Any]
    ) -> Answer | None:
        environ: dict[str, Any] = dict(build_environ(scope, io.BytesIO(body)))  # type: ignore[arg-type]
        environ["wsgi.errors"] = sys.stderr
        environ.update(more)
        answer = Answer()
        parts: Iterable[bytes] = self._wsgi(environ, answer.start)
        try:
            if send is None or (answer.length is not None and answer.length <= MOST_KEPT):
                answer.body = b"".join(parts)
                return answer
            _send_parts(loop, send, answer, parts)
            return None
        finally:
            close = getattr(parts, "close", None)
            if close is not None:
                close()


def _send_parts(loop: asyncio.AbstractEventLoop, send: Send, answer: Answer, parts: Iterable[bytes]) -> None:
    def now(message: dict[str, Any]) -> None:
        asyncio.run_coroutine_threadsafe(_sent(send, message), loop).result()

    now({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    for part in parts:
        now({"type": "http.response.body", "body": part, "more_body": True})
    now({"type": "http.response.body", "body": b""})


async def _sent(send: Send, message: dict[str, Any]) -> None:
    await send(message)


def once_more(message: dict[str, Any], receive: Receive) -> Receive:
    """`receive`, with what was received already in front."""
    waiting = [message]

    async def receive_again() -> dict[str, Any]:
        return waiting.pop() if waiting else await receive()

    return receive_again
