"""A client's connection, beside what uvicorn does of itself: it gives nobody more time or room than a request needs.

uvicorn waits for ever for a request's head and body, takes a head of any size, and waits for ever for a client that
does not read its answer. Parked polls and idle connections are none of that: a connection between two requests has
uvicorn's own keep-alive time.
"""

import functools
from asyncio import TimerHandle
from typing import Any

import structlog
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from app.core import errors
from app.core.ids import new_id
from app.core.settings import Settings
from app.serving.part_request import is_part

log = structlog.get_logger()


class Connection(HttpToolsProtocol):
    """:param head_s: from the connection's beginning, or a head's first byte, until the head's end.
    :param body_s: from there until the body's end; parts of uploads have a time of their own (`parts.py`).
    :param stall_s: without the client taking some of an answer.
    """

    def __init__(
        self, *args: Any, head_s: float, head_max_bytes: int, body_s: float, stall_s: float, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self._head_s, self._head_max_bytes, self._body_s, self._stall_s = head_s, head_max_bytes, body_s, stall_s
        self._head_bytes = 0  # of a head that is not complete
        self._in_body = False  # of a request whose head is
        self._refusal: errors.ParleyError | None = None
        self._request_timer: TimerHandle | None = None  # while a part of a request is awaited
        self._stall_timer: TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._await_request(self._head_s)

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_request_timer()
        self._forget_stall_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self._in_body:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._has_too_long_a_head:
            self._refuse(errors.HeadTooLarge())
        elif self._in_body and not self._is_idle and not is_part(self.scope):
            self._await_request(self._body_s)
        elif self._head_bytes and self._is_idle:
            self._await_request(self._head_s)

    def on_headers_complete(self) -> None:
        if self._head_bytes > self._head_max_bytes and self._size_of_head() > self._head_max_bytes:
            self._refusal = errors.HeadTooLarge()
            raise ValueError("the head is too large")  # ends the parsing, and so comes to send_400_response
        self._forget_request_timer()
        self._head_bytes, self._in_body = 0, True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_body = False
        self._forget_request_timer()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._head_bytes or self._in_body:  # a request that was begun meanwhile; the rest of one that was refused
            self._forget_request_timer()
            self._await_request(self._head_s)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stall_timer = self.loop.call_later(self._stall_s, self._give_up_answer)

    def resume_writing(self) -> None:
        self._forget_stall_timer()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """What uvicorn does with bytes that are no request; its own answer is no problem document."""
        self._refuse(self._refusal or errors.BadRequest("That is no HTTP request."))

    @property
    def _has_too_long_a_head(self) -> bool:
        return self._head_bytes > self._head_max_bytes and not self._in_body

    @property
    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete  # type: ignore[redundant-expr] # it begins as None

    def _size_of_head(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _await_request(self, within_s: float) -> None:
        if self._request_timer is None:
            self._request_timer = self.loop.call_later(within_s, self._give_up_request)

    def _forget_request_timer(self) -> None:
        if self._request_timer is not None:
            self._request_timer.cancel()
            self._request_timer = None

    def _forget_stall_timer(self) -> None:
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None

    def _give_up_request(self) -> None:
        self._request_timer = None
        if self._head_bytes or not self._is_idle:
            self._refuse(errors.RequestTimeout())
        else:
            self.transport.close()  # nothing was asked, or all is answered

    def _give_up_answer(self) -> None:
        self._stall_timer = None
        log.info("connection is closed", reason="its client does not read")
        self.transport.abort()

    def _refuse(self, error: errors.ParleyError) -> None:
        """Answer in the place of the app, unless that has begun to, and hang up."""
        if self.transport.is_closing():
            return
        if self._is_idle or not self.cycle.response_started:
            from app.core.api import PROBLEM_TYPE, problem_document  # here: a start is quicker without

            request_id = new_id()
            body = problem_document(error, request_id)
            log.info("request", method=None, route=None, status=error.status, request_id=request_id)
            head = (
                f"content-type: {PROBLEM_TYPE}\r\ncontent-length: {len(body)}\r\nx-request-id: {request_id}\r\n"
                "cache-control: no-store\r\nconnection: close\r\n\r\n"
            )
            self.transport.write(STATUS_LINE[error.status] + head.encode() + body)
        self.transport.close()


def connections(settings: Settings) -> Any:
    """For uvicorn's `http`: makes connections with the limits of these settings, in whatever process."""
    return functools.partial(
        Connection,
        head_s=settings.request_head_s,
        head_max_bytes=settings.request_head_max_bytes,
        body_s=settings.request_body_s,
        stall_s=settings.response_stall_s,
    )
