"""Structured logs: one JSON object a line with time, level and request id, from Parley and from its libraries."""

import logging
import sys
from typing import Any

import structlog

from app.core.settings import Settings

# Without the frames' local variables: among them are passwords, tokens and whole requests.
_tracebacks = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))

_SECRET_WORDS = ("password", "secret", "token", "authorization", "credential")


def configure_logs(settings: Settings) -> None:
    """Send every log line of this process to standard error, in the form that the settings name."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _hide_secrets,
    ]
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
    for chatty in ("apscheduler", "alembic.runtime.plugins", "werkzeug"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, settings.log_level)),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def _hide_secrets(_logger: Any, _method: str, line: Any) -> Any:
    """A second guard behind the rule that secrets are not logged at all."""
    for name in line:
        if any(word in name.lower() for word in _SECRET_WORDS):
            line[name] = "…"
    return line
