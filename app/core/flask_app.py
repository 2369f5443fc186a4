"""The Flask application: a request is one unit of work, guarded before it and answered after its commit."""

import re
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

import structlog
from flask import Flask, Response, current_app, g, request
from flask.typing import ResponseReturnValue
from werkzeug.routing import Rule as WerkzeugRule

from app.core import errors, idempotency
from app.core.actor import Actor
from app.core.api import IdConverter
from app.core.ids import new_id
from app.core.logs import log_request
from app.core.retries import retried
from app.core.runtime import Runtime, Work

log = structlog.get_logger()

Guard = Callable[[Work], None]
Admit = Callable[..., None]  # as app.access.admit
AdmitSender = Callable[[Work, str, str, str, str], Sequence[Any]]

RAISED = "parley.raised"  # in a request's WSGI environment: what was raised by who answered it before Flask


class Raised(NamedTuple):
    error: Exception
    known: dict[str, Any]  # what `g` had by then


class Rule(WerkzeugRule):
    """Writes the function that makes its address when one is asked for: of some two hundred at a start, hardly any is,
    and they take a tenth of it."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        compile_builder = super()._compile_builder
        written: list[Callable[..., tuple[str, str]]] = []

        def build(rule: WerkzeugRule, **values: Any) -> tuple[str, str]:
            if not written:
                written.append(compile_builder(append_unknown))
            return written[0](rule, **values)

        return build


class ParleyApp(Flask):
    url_rule_class = Rule
    runtime: Runtime
    # Set by create_app:
    guard: Guard  # authenticates, then asks the access table
    admit: Admit  # the same for an operation, an `Authorization` header and the ids of a path
    admit_sender: AdmitSender  # the same for signals to one recipient; see app/access.py
    limits_told: Callable[[], dict[str, str]]  # fields of an answer that name the limit that its request counted for

    def __init__(self, import_name: str, runtime: Runtime) -> None:
        super().__init__(import_name, static_folder=None)
        self.runtime = runtime
        self.url_map.converters["id"] = IdConverter
        self.url_map.strict_slashes = False
        self.json.sort_keys = False  # type: ignore[attr-defined]
        self.before_request(_begin)
        self.after_request(_finish)

    def dispatch_request(self) -> ResponseReturnValue:
        """Run the view within a unit of work and commit before anything is sent; again, if it lost a race."""
        if request.routing_exception is not None or request.endpoint is None:
            return super().dispatch_request()
        if RAISED in request.environ:
            raised: Raised = request.environ[RAISED]
            vars(g).update(raised.known)
            raise raised.error
        return retried(self._run)

    def _run(self) -> Response:
        unit = self.runtime.reading if request.method in ("GET", "HEAD", "OPTIONS") else self.runtime.writing
        with unit() as work:
            g.work = work
            try:
                return self._answer(work)
            except errors.ParleyError as error:
                if not error.keeps_changes:
                    raise
                failure = error
        raise failure

    def _answer(self, work: Work) -> Response:
        self.guard(work)
        key = request.headers.get("Idempotency-Key")
        if key is None or request.method != "POST" or "actor" not in g or self.is_marked("told_once"):
            return self.make_response(super().dispatch_request())
        with idempotency.claim(work, actor().user_id, key) as claim:
            if claim.earlier is not None:
                return claim.earlier
            response = self.make_response(super().dispatch_request())
            claim.keep(response)
            return response

    def is_marked(self, mark: str) -> bool:
        """Whether what this request asks for is marked so; see `Blueprint`."""
        view_class = getattr(self.view_functions.get(str(request.endpoint)), "view_class", None)
        return getattr(getattr(view_class, request.method.lower(), None), mark, False)


def work() -> Work:
    """The unit of work of this request."""
    unit: Work = g.work
    return unit


def actor() -> Actor:
    """Who is asking. Operations that are open to everybody have none."""
    if "actor" not in g:
        raise errors.TokenMissing()
    who: Actor = g.actor
    return who


def actor_if_any() -> Actor | None:
    """Who is asking, where the operation is open to everybody and knows users apart."""
    who: Actor | None = g.get("actor")
    return who


_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def _begin() -> None:
    g.began_at = time.perf_counter()
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else new_id()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _finish(response: Response) -> Response:
    response.headers["X-Request-ID"] = g.get("request_id", "")
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    if response.calculate_content_length() == 0:
        response.headers.pop("Content-Type", None)  # clients parse by it, and nothing is not JSON
    if request.path.startswith("/api/"):
        response.headers.setdefault("Cache-Control", "no-store")
    route = request.url_rule.rule if request.url_rule else None
    took_s = time.perf_counter() - g.get("began_at", time.perf_counter())
    app = cast(ParleyApp, current_app)
    app.runtime.figures.request(request.method, route, response.status_code, took_s)
    if response.status_code >= 400 or not app.is_marked("routine"):
        user_id = g.actor.user_id if "actor" in g else None
        log_request(request.method, route, response.status_code, took_s, user_id, g.get("meeting_id"))
    structlog.contextvars.unbind_contextvars("request_id")
    return response
