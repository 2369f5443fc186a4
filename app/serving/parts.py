"""Parts of uploads come past the general limits of bodies, in constant memory, and hold no thread while they come.

Only for the rungs of the object store whose part addresses are the app's own. The address is checked first, so that
nobody without one gets a byte onto the disk; then the part is written as it comes, and Flask is asked last, with what
became of it: it makes the answer, as for every other request.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qsl

from app.core import errors
from app.core.flask_app import ParleyApp
from app.core.objects.base import PartInfo, PartWriter
from app.serving.flask_calls import FlaskCalls, Receive, Scope, Send
from app.serving.part_request import part_of
from app.uploads.parts import ARRIVED, check_address, part_errors, receiver_of

WRITTEN_AT_ONCE = 1024 * 1024  # bytes; a way to a thread for each packet would cost more than the writing
WRITERS = 4  # threads; more don't make a disk faster
_DRAINED = 16 * 1024 * 1024  # bytes of a refused part that are read, so that its sender gets to read the answer


class Parts:
    """An ASGI application for requests that bring parts; `flask` makes their answers."""

    def __init__(self, app: ParleyApp, flask: FlaskCalls) -> None:
        self._runtime = app.runtime
        self._flask = flask
        self._stall_s = app.runtime.settings.upload_stall_s
        self._writers = ThreadPoolExecutor(WRITERS, thread_name_prefix="parts")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        arrived: PartInfo | errors.ParleyError | None
        body = _Body(receive, self._stall_s)
        try:
            arrived = await self._arrive(scope, body)
        except errors.ParleyError as error:
            arrived = error
            await body.drain(_DRAINED)
        if arrived is not None:
            answer = await self._flask.answer(scope, b"", {ARRIVED: arrived})
            if not body.is_read:
                answer.headers.append((b"connection", b"close"))
            await answer.send(send)

    def close(self) -> None:
        self._writers.shutdown(wait=False)

    async def _arrive(self, scope: Scope, body: "_Body") -> PartInfo | None:
        """The part, whole and on the disk; None: its sender has gone."""
        upload_id, number = part_of(scope)
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        size = check_address(self._runtime, upload_id, number, query)
        told = next((value for name, value in scope["headers"] if name == b"content-length"), None)
        if told is not None and int(told) != size:
            raise errors.PartSizeMismatch(f"The part has {size} bytes; {int(told)} come.", number=number)
        with part_errors():
            writer = await self._run(receiver_of(self._runtime).receive_part, upload_id, number, size)
            try:
                if not await self._write(writer, body):
                    return None
                part: PartInfo = await self._run(writer.finish)
                return part
            finally:
                await self._run(writer.discard)

    async def _write(self, writer: PartWriter, body: "_Body") -> bool:
        waiting = bytearray()
        while not body.is_read:
            chunk = await body.next()
            if chunk is None:
                return False
            waiting += chunk
            if len(waiting) >= WRITTEN_AT_ONCE or body.is_read:
                await self._run(writer.write, waiting)
                waiting = bytearray()
        return True

    async def _run(self, action: Any, *args: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._writers, action, *args)


class _Body:
    """A request's body as it comes; `is_read` once all of it was."""

    def __init__(self, receive: Receive, stall_s: float) -> None:
        self._receive = receive
        self._stall_s = stall_s
        self.is_read = False

    async def next(self) -> bytes | None:
        """Some more of it; None: the client has gone. :raises RequestTimeout: nothing came for too long."""
        try:
            async with asyncio.timeout(self._stall_s):
                message = await self._receive()
        except TimeoutError:
            raise errors.RequestTimeout(f"Nothing of the part came for {self._stall_s:g} s.") from None
        if message["type"] == "http.disconnect":
            self.is_read = True
            return None
        self.is_read = not message.get("more_body", False)
        chunk: bytes = message.get("body", b"")
        return chunk

    async def drain(self, most_bytes: int) -> None:
        """Read, and forget, what is still to come."""
        left = most_bytes
        try:
            while not self.is_read and left > 0:
                left -= len(await self.next() or b"")
        except errors.RequestTimeout:
            pass
