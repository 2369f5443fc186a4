"""Structured logs: one JSON object a line with time, level and request id, from Parley and from its libraries."""

import json
import logging
import sys
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any

import structlog
from flask import g, has_app_context

from app.core.settings import Settings

# Without the frames' local variables: among them are passwords, tokens and whole requests.
_tracebacks = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))

_SECRET_WORDS = ("password", "secret", "token", "authorization", "credential")

_IDS = ("request_id", "user_id", "meeting_id")

_request_lines: logging.StreamHandler[Any] | None = None  # None: requests are logged as everything else is


def configure_logs(settings: Settings) -> None:
    """Send every log line of this process to standard error, in the form that the settings name."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        _add_ids,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _hide_secrets,
    ]
    if settings.sentry_dsn is not None:
        from app.core.error_tracking import ErrorTracking

        shared.append(ErrorTracking(settings))
    if settings.log_format == "json":
        last: list[Any] = [_tracebacks, structlog.processors.JSONRenderer()]
    else:
        last = [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level)
    global _request_lines
    _request_lines = handler if settings.log_format == "json" and root.isEnabledFor(logging.INFO) else None
    for chatty in ("apscheduler", "alembic.runtime.plugins", "werkzeug"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, settings.log_level)),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def ids_at_hand() -> dict[str, str]:
    """Which request this is about, whose, and of which meeting, as far as that is known: in a job, those of the request
    that it goes back to.
    """
    bound = structlog.contextvars.get_contextvars()
    ids: dict[str, str] = {name: bound[name] for name in _IDS if name in bound}
    if has_app_context():  # read where a line is written: binding them would cost every request
        if "actor" in g:
            ids["user_id"] = g.actor.user_id
        if "meeting_id" in g:
            ids["meeting_id"] = g.meeting_id
    return ids


def log_request(
    method: str | None,
    route: str | None,
    status: int,
    took_s: float,
    user_id: str | None,
    meeting_id: str | None = None,
    **more: object,
) -> None:
    """The line that the log has for every request, whoever answered it.

    It is the only one that is written thousands of times a second. So it goes to the handler as text: structlog's chain
    and logging's records would cost several times as much.
    """
    fields = {"method": method, "route": route, "status": status, "ms": round(took_s * 1000, 1), "user_id": user_id}
    if meeting_id is not None:
        more["meeting_id"] = meeting_id
    if _request_lines is None:
        structlog.get_logger().info("request", **fields, **more)
        return
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    about = {**structlog.contextvars.get_contextvars(), **fields, **more}
    line = json.dumps({**about, "event": "request", "level": "info", "timestamp": now})
    with _request_lines.lock or nullcontext():
        _request_lines.stream.write(line + "\n")
        _request_lines.flush()


def _add_ids(_logger: Any, _method: str, line: Any) -> Any:
    for name, value in ids_at_hand().items():
        line.setdefault(name, value)
    return line


def _hide_secrets(_logger: Any, _method: str, line: Any) -> Any:
    """A second guard behind the rule that secrets are not logged at all."""
    for name in line:
        if any(word in name.lower() for word in _SECRET_WORDS):
            line[name] = "…"
    return line
