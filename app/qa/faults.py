"""Faults that testers arm, and the one place at which they happen: in front of everything else.

Whatever answers behind it, memory or Flask, a request that a fault is armed for meets it; so nothing else needs to know
of them. A poll that is dropped is carried out, and its answer is lost on the way, as networks do it: what it
acknowledged is acknowledged, and what it brought will come again.
"""

import asyncio
import base64
import json
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import structlog

from app.core import errors
from app.core.api import PROBLEM_TYPE, problem_document
from app.core.ids import new_id
from app.core.runtime import Runtime
from app.participants.models import Participant
from app.qa.state import Fault, QaState, State

POLL_KINDS = ("drop_poll", "delay_poll")
UPLOAD_KINDS = ("fail_upload_part", "expire_url")
KILL_WORKER = "kill_worker"
KINDS = (*POLL_KINDS, *UPLOAD_KINDS, KILL_WORKER)
MOST_ARMED = 50
LONGEST_DELAY_MS = 120_000

_POLL_PATH = "/api/v1/rtc/inbox"
_PART_PATH = re.compile(r"/api/v1/uploads/([0-9a-f-]{36})/parts/[0-9]+")

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

log = structlog.get_logger()


def arm(state: QaState, **wanted: Any) -> Fault:
    """:raises ValidationFailed: as many are armed as may be."""
    lasts_s = wanted.pop("lasts_s")
    fault = Fault(**wanted, expires_at=datetime.now(UTC).timestamp() + lasts_s)
    if fault.kind == KILL_WORKER:  # it has happened already
        fault.times, fault.happened = 0, 1

    def add(kept: State) -> Fault:
        kept.faults = [one for one in kept.faults if one.is_armed]
        if len(kept.faults) >= MOST_ARMED:
            message = f"{MOST_ARMED} faults are armed already."
            raise errors.ValidationFailed(errors=[{"location": "body", "field": "", "message": message}])
        kept.faults.append(fault)
        return fault

    return state.change(add)


def clear(state: QaState, fault_id: str | None = None) -> None:
    """One, or all. :raises NotFound: there is no such fault."""

    def remove(kept: State) -> None:
        left = [one for one in kept.faults if fault_id is not None and one.id != fault_id]
        if fault_id is not None and len(left) == len(kept.faults):
            raise errors.NotFound()
        kept.faults = left

    state.change(remove)


class Faulty:
    """An ASGI application in front of another; `receive` and `send` are uvicorn's own."""

    def __init__(self, app: Any, runtime: Runtime) -> None:
        self._app = app
        self._runtime = runtime
        self._state: QaState = runtime.drivers[QaState]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = self._what_for(scope) if scope["type"] == "http" else None
        faults = [] if asked is None else await self._take(*asked)
        for fault in faults:
            log.warning("a fault was injected", kind=fault.kind, fault_id=fault.id)
        kinds = {fault.kind for fault in faults}
        if kinds & set(UPLOAD_KINDS):
            await _answer(send, "expire_url" if "expire_url" in kinds else "fail_upload_part")
            return
        if "delay_poll" in kinds:
            send = _later(send, max(fault.delay_ms for fault in faults) / 1000)
        if "drop_poll" in kinds:
            send = _never(send, receive)
        await self._app(scope, receive, send)
        while "drop_poll" in kinds and (await receive())["type"] != "http.disconnect":
            pass  # uvicorn takes a request that ends without an answer for a mistake, unless its client is gone

    def _what_for(self, scope: Scope) -> tuple[tuple[str, ...], dict[str, str | None]] | None:
        """The kinds of faults that the request may meet, and what it is about."""
        if not self._state.read().faults:
            return None
        if scope["method"] == "GET" and scope["path"].rstrip("/") == _POLL_PATH:
            query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
            return POLL_KINDS, {"participant_id": query.get("participant_id"), "user_id": _user_of(scope)}
        part = _PART_PATH.fullmatch(scope["path"])
        if scope["method"] == "PUT" and part is not None:
            return UPLOAD_KINDS, {"upload_id": part[1]}
        return None

    async def _take(self, kinds: tuple[str, ...], about: dict[str, str | None]) -> list[Fault]:
        """At most one of each kind, counted."""
        if any(fault.meeting_id for fault in self._state.read().faults) and about.get("participant_id"):
            about["meeting_id"] = await asyncio.to_thread(self._meeting_of, about["participant_id"])
        fits = [fault.id for fault in self._state.read().faults if _fits(fault, kinds, about)]
        return self._state.change(lambda kept: _count(kept, fits)) if fits else []

    def _meeting_of(self, participant_id: str | None) -> str | None:
        with self._runtime.reading() as work:
            participant = work.get(Participant, participant_id)
        return participant.meeting_id if participant else None


def _fits(fault: Fault, kinds: tuple[str, ...], about: dict[str, str | None]) -> bool:
    wanted = {name: getattr(fault, name) for name in ("user_id", "meeting_id", "participant_id", "upload_id")}
    same = all(value is None or about.get(name) == value for name, value in wanted.items())
    return fault.kind in kinds and fault.is_armed and same


def _count(kept: State, ids: list[str]) -> list[Fault]:
    taken: dict[str, Fault] = {}
    for fault in kept.faults:
        if fault.id in ids and fault.is_armed and fault.kind not in taken:  # another process may have been faster
            fault.times -= 1
            fault.happened += 1
            taken[fault.kind] = fault
    return list(taken.values())


def _user_of(scope: Scope) -> str | None:
    """Whom the token names. It is not verified: a fault hurts nobody whom the token would not let in."""
    token = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
    try:
        payload = token.split(b".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))
        return str(claims["sub"])
    except (IndexError, ValueError, KeyError, TypeError):
        return None


def _later(send: Send, delay_s: float) -> Send:
    async def late(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            await asyncio.sleep(delay_s)
        await send(message)

    return late


def _never(send: Send, receive: Receive) -> Send:
    """Hang up instead. Only uvicorn's own `receive` knows the connection; elsewhere the answer is an empty 502."""
    transport = getattr(getattr(receive, "__self__", None), "transport", None)

    async def hang_up(message: dict[str, Any]) -> None:
        if transport is not None:
            transport.close()
        elif message["type"] == "http.response.start":
            await send({"type": "http.response.start", "status": 502, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})

    return hang_up


async def _answer(send: Send, kind: str) -> None:
    problem: errors.ParleyError = errors.Unavailable("The QA profile was told to fail this part.")
    if kind == "expire_url":
        problem = errors.UrlExpired()
    body = problem_document(problem, request_id := new_id())
    headers = {"content-type": PROBLEM_TYPE, "content-length": str(len(body)), "x-request-id": request_id}
    headers |= {"connection": "close", **({"retry-after": "1"} if problem.status == 503 else {})}  # the body is unread
    lines = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": problem.status, "headers": lines})
    await send({"type": "http.response.body", "body": body})
