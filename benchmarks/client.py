"""An HTTP/1.1 client that costs next to nothing: one connection, one request at a time.

It knows what the servers measured here answer: a Content-Length, or (Janus) chunks without extensions or trailers.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Sequence
from typing import Any, cast

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_LAST_CHUNK = b"\r\n0\r\n\r\n"


class Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self._received = b""
        self.head = b""  # of the newest answer
        self._reply: asyncio.Future[tuple[int, bytes]] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, complete, body = self._received.partition(b"\r\n\r\n")
        if complete and _CHUNKED.search(head):
            if not body.endswith(_LAST_CHUNK):
                return
            body = b"".join(body.split(b"\r\n")[1:-3:2])  # size, content, size, content, …, "0", "", ""
            head += b"\r\ncontent-length: %d" % len(body)
        length = _LENGTH.search(head)
        is_bare = head[9:12] == b"304"  # which has no body, and may tell no length
        if not complete or (not is_bare and (length is None or len(body) < int(length[1]))):
            return
        self._received, self.head = b"", head
        if self._reply is not None and not self._reply.done():
            self._reply.set_result((int(head[9:12]), body))

    def connection_lost(self, error: Exception | None) -> None:
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(ConnectionResetError("the server closed the connection without an answer"))

    def send(self, request: bytes) -> Awaitable[tuple[int, bytes]]:
        """Status and body that the answer will have."""
        assert self._transport is not None
        self._reply = asyncio.get_running_loop().create_future()
        if self._transport.is_closing():
            self._reply.set_exception(ConnectionResetError("the server closed the connection"))
        else:
            self._transport.write(request)
        return self._reply

    async def json(self, request: bytes) -> Any:
        """:raises RuntimeError: the answer is an error."""
        status, body = await self.send(request)
        if status >= 400:
            raise RuntimeError(f"{status}: {body.decode(errors='replace')}")
        return json.loads(body)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()


async def connect(port: int) -> Connection:
    _, connection = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", port)
    return connection


def get(path: str, token: str = "", more: str = "") -> bytes:
    """`more`: header lines, each with its end."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{_authorization(token)}{more}\r\n".encode()


def put(path: str, body: Any, token: str) -> bytes:
    return _with_body("PUT", path, body, token)


def post(path: str, body: Any, token: str = "") -> bytes:
    return _with_body("POST", path, body, token)


def patch(path: str, body: Any, token: str) -> bytes:
    return _with_body("PATCH", path, body, token)


def _with_body(method: str, path: str, body: Any, token: str) -> bytes:
    content = json.dumps(body).encode()
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{_authorization(token)}"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def _authorization(token: str) -> str:
    return f"Authorization: Bearer {token}\r\n" if token else ""


async def repeat(port: int, requests: Sequence[bytes], times: int) -> None:
    """Send each of `requests` over a connection of its own, `times` one after another."""

    async def one(request: bytes) -> None:
        connection = await connect(port)
        try:
            for _ in range(times):
                status, body = await connection.send(request)
                if status not in (200, 304):
                    raise RuntimeError(f"{status}: {body.decode(errors='replace')}")
        finally:
            connection.close()

    await asyncio.gather(*(one(request) for request in requests))
