"""Signals and chat messages, stored without Flask around them: how soon a call stands is mostly how fast its signals
are.

A request in the form that clients send passes the same table of who may do what, the same schema and the same service
as in Flask, in one of Flask's threads. Left out is what is around them, which takes longer than they do: routing, and
the layers that read a request and make an answer. Every other request is Flask's. So is every refusal: Flask is handed
what was raised, and says it as it says everything.
"""

import asyncio
import json
import re
import time
from collections.abc import Callable
from contextvars import Context
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import marshmallow as ma
import structlog
from flask import g

from app.accounts.authentication import SERVICE_KEY_PREFIX
from app.chat import service as chat
from app.chat.schemas import MessageOut, MessageSend
from app.core import errors
from app.core.api import IdConverter, read_json
from app.core.flask_app import RAISED, ParleyApp, Raised
from app.core.ids import new_id
from app.core.logs import log_request
from app.core.retries import retried
from app.core.runtime import Work
from app.serving.flask_calls import Answer, FlaskCalls, Receive, Scope, Send, once_more
from app.serving.heads import Heads, read_heads
from app.serving.watches import MOST_HEADERS, Headers
from app.signaling import service as signaling
from app.signaling.schemas import SendSignals

if TYPE_CHECKING:
    from app.core.tracing import Tracing

_OF_ONE_ANSWER = frozenset({b"content-length", b"location", b"x-request-id", b"ratelimit", b"ratelimit-policy"})
_message_out = MessageOut()


class Stored(NamedTuple):
    """What is answered: the body, which is made once those are told who wait, and where the thing is if it has an
    address."""

    body: Callable[[], Any]
    location: str | None = None


class Kind(NamedTuple):
    """What is sent to a meeting: the end of its path, its shape, and how it is admitted and stored."""

    path: str
    schema: ma.Schema
    store: Callable[[ParleyApp, Work, str, str, dict[str, Any]], Stored]


def _store_signals(app: ParleyApp, work: Work, authorization: str, meeting_id: str, asked: dict[str, Any]) -> Stored:
    recipients, people = {message["to"] for message in asked["messages"]}, None
    if len(recipients) == 1 and SERVICE_KEY_PREFIX not in authorization:
        people = app.admit_sender(work, authorization, meeting_id, asked["from_"], *recipients)
    else:
        ids = {"meeting_id": meeting_id}
        app.admit(work, "POST /meetings/{meeting_id}/rtc/signals", authorization, ids, beside=False)
    sent = signaling.send(work, g.actor, meeting_id, people=people, **asked)
    return Stored(lambda: {"items": sent})


def _store_message(app: ParleyApp, work: Work, authorization: str, meeting_id: str, asked: dict[str, Any]) -> Stored:
    ids = {"meeting_id": meeting_id}
    app.admit(work, "POST /meetings/{meeting_id}/messages", authorization, ids, beside=False)
    message = chat.send(work, g.actor, meeting_id, **asked)
    return Stored(lambda: _message_out.dump(message), f"/api/v1/messages/{message['id']}")


SIGNALS = Kind("rtc/signals", SendSignals(), _store_signals)
MESSAGES = Kind("messages", MessageSend(), _store_message)


class Sending:
    """An ASGI application for `POST` of one kind."""

    def __init__(self, app: ParleyApp, flask: FlaskCalls, kind: Kind) -> None:
        self._app = app
        self._flask = flask
        self._kind = kind
        self._path = re.compile(rf"/api/v1/meetings/({IdConverter.regex})/{kind.path}")
        self._route = f"/api/v1/meetings/<id:meeting_id>/{kind.path}"
        tracing = app.runtime.tracing
        self._traced = self._answer if tracing is None else partial(self._answer_traced, tracing)
        self._headers: dict[bytes, Headers] = {}  # of Flask's answers, by the origin that asks

    def is_meant(self, scope: Scope) -> bool:
        return scope["method"] == "POST" and self._path.fullmatch(scope["path"]) is not None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began_at, message, heads = time.monotonic(), await receive(), read_heads(scope)
        if heads is None or message.get("more_body", True) or not _is_usual(scope, heads):
            await self._flask(scope, once_more(message, receive), send)
            return
        body, headers = message.get("body", b""), self._headers.get(heads.origin)
        if headers is None:
            answer = await self._flask.answer(scope, body, {})
            self.learn(heads.origin, answer)
        else:
            done = await self._in_thread(scope, heads, headers, body, began_at)
            answer = done if isinstance(done, Answer) else await self._flask.answer(scope, body, done)
        await answer.send(send)

    async def _in_thread(self, *asked: Any) -> Answer | dict[str, Any]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._flask.threads, Context().run, self._traced, *asked)

    def _answer_traced(self, tracing: "Tracing", scope: Scope, *asked: Any) -> Answer | dict[str, Any]:
        told = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        with tracing.signal(self._route, told):
            return self._answer(scope, *asked)

    def _answer(
        self, scope: Scope, heads: Heads, headers: Headers, body: bytes, began_at: float
    ) -> Answer | dict[str, Any]:
        """The answer, or what Flask has to be told to make it."""
        try:
            asked = self._kind.schema.load(read_json(body))
        except (errors.ParleyError, ma.ValidationError):
            return {}
        request_id = heads.request_id or new_id()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        with self._app.app_context():
            try:
                sent = retried(lambda: self._send(scope, heads, asked))
            except Exception as error:
                # Without an actor nothing was counted, and nothing was begun.
                return {RAISED: Raised(error, {name: g.get(name) for name in g})} if "actor" in g else {}
            answer = Answer()
            answer.status, answer.body = 201, json.dumps(sent.body(), separators=(",", ":")).encode()
            told = self._app.limits_told() | {"X-Request-ID": request_id, "Content-Length": str(len(answer.body))}
            if sent.location is not None:
                told["Location"] = sent.location
            answer.headers = [*headers, *((name.lower().encode(), value.encode()) for name, value in told.items())]
            took_s = time.monotonic() - began_at
            self._app.runtime.figures.request("POST", self._route, 201, took_s)
            log_request("POST", self._route, 201, took_s, g.actor.user_id, g.meeting_id)
        return answer

    def _send(self, scope: Scope, heads: Heads, asked: dict[str, Any]) -> Stored:
        meeting_id: str = self._path.fullmatch(scope["path"])[1]  # type: ignore[index]
        with self._app.runtime.writing() as work:
            return self._kind.store(self._app, work, heads.authorization.decode("latin-1"), meeting_id, asked)

    def learn(self, origin: bytes, answer: Answer) -> None:
        """Answer who asks from there with the same header fields as Flask."""
        if answer.status == 201:
            if len(self._headers) >= MOST_HEADERS:
                self._headers.clear()
            self._headers[origin] = tuple(pair for pair in answer.headers if pair[0] not in _OF_ONE_ANSWER)


def _is_usual(scope: Scope, heads: Heads) -> bool:
    return heads.content_type == b"application/json" and not scope["query_string"]
