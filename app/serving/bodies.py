"""Requests come whole to the app: a body is gathered here first.

In the app a body that trickles in would hold a thread all that time, and a handful of those all threads. Bodies are
small (REQUEST_MAX_BYTES), so they are held in memory; what is larger the app refuses by its length. Parts of uploads
pass (`parts.py`). How long a body may take is for `connections.py`, which hangs up on it.
"""

from typing import Any

import structlog

from app.core import errors
from app.core.api import PROBLEM_TYPE, problem_document
from app.core.ids import new_id
from app.core.settings import Settings
from app.serving.flask_calls import Receive, Scope, Send
from app.serving.part_request import is_part

log = structlog.get_logger()

LARGEST_AT_A_TIME = 64  # bodies of REQUEST_MAX_BYTES; most are a thousandth of that
_WITHOUT = ("GET", "HEAD", "OPTIONS")  # no view reads a body of theirs


class WholeBodies:
    """An ASGI application in front of another."""

    def __init__(self, app: Any, settings: Settings) -> None:
        self._app = app
        self._most_bytes = settings.request_max_bytes
        self._held_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in _WITHOUT or self._is_too_long(scope) or is_part(scope):
            await self._app(scope, receive, send)
            return
        body = bytearray()
        try:
            is_there = await self._gather(body, receive)
        except errors.Unavailable as error:
            await _refuse(scope, send, error)
        else:
            if is_there:
                await self._app(_with_length(scope, len(body)), _given(body, receive), send)
        finally:
            self._held_bytes -= len(body)

    def _is_too_long(self, scope: Scope) -> bool:
        told = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
        return told.isdigit() and int(told) > self._most_bytes

    async def _gather(self, body: bytearray, receive: Receive) -> bool:
        """False: the client has gone. A body whose length nobody told is cut when it is too long."""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return False
            part = message.get("body", b"")
            if self._held_bytes + len(part) > LARGEST_AT_A_TIME * self._most_bytes:
                raise errors.Unavailable("Too many large requests come in; try again.", headers={"Retry-After": "5"})
            self._held_bytes += len(part)
            body += part
            if not message.get("more_body", False) or len(body) > self._most_bytes:
                return True


def _with_length(scope: Scope, length: int) -> Scope:
    """A body that came in chunks has a length now, by which WSGI knows that there is one at all."""
    if not any(name == b"transfer-encoding" for name, _ in scope["headers"]):
        return scope
    replaced = (b"transfer-encoding", b"content-length")
    headers = [(name, value) for name, value in scope["headers"] if name not in replaced]
    return {**scope, "headers": [*headers, (b"content-length", str(length).encode())]}


def _given(body: bytearray, receive: Receive) -> Receive:
    given = False

    async def once() -> dict[str, Any]:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": bytes(body), "more_body": False}

    return once


async def _refuse(scope: Scope, send: Send, error: errors.ParleyError) -> None:
    request_id = new_id()
    content = problem_document(error, request_id)
    told = {
        "Content-Type": PROBLEM_TYPE,
        "Content-Length": str(len(content)),
        "X-Request-ID": request_id,
        "Cache-Control": "no-store",
        "Connection": "close",  # the rest of the body is not waited for
        **error.headers,
    }
    headers = [(name.lower().encode(), value.encode()) for name, value in told.items()]
    log.info("request", method=scope["method"], route=None, status=error.status, request_id=request_id)
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
