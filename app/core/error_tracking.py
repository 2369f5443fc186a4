"""Errors to a server that speaks Sentry's protocol, where SENTRY_DSN is set: whatever is logged with an exception at
level error. This file alone knows of its client, and imports it with the first error.

What is sent: the exception's type, its stack without the values of variables and without source, which request, job and
meeting it was, and the exception's text with whatever looks like a secret, or is one of the settings', taken out.
Never: who it was, an address, a header, a body.
"""

import atexit
import json
import re
import sys
import threading
from typing import Any

from pydantic import SecretStr

from app.core.settings import Settings

LEAVE_S = 2.0  # how long a process that ends waits for the last errors to be sent
TAGS = ("request_id", "meeting_id", "job_id", "task", "attempt", "code", "trace_id")
LEVELS = ("error", "critical")
SHORTEST = 6  # characters of a setting that is a secret; shorter ones are words

# What Parley hands out or takes: tokens, keys, passwords in addresses, signatures in queries, addresses of people.
_SECRET_FORMS = re.compile(
    r"eyJ[\w-]+\.[\w-]+\.[\w-]+"
    r"|parley_sk_[\w-]+"
    r"|(?<=://)[^\s/@\"']+(?=@)"
    r"|(?<=[?&])[\w-]+=[^\s&\"']+"
    r"|(?i:(?<=bearer )[\w.~+/=-]+)"
    r"|[\w.+-]+@[\w-]+\.[\w.-]+"
    r"|\b[A-Za-z0-9_-]{32,}\b"
)


class ErrorTracking:
    """A processor of structlog."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._client: Any = None
        told = (value for _, value in settings if isinstance(value, SecretStr))
        self._secrets = [text for one in told if len(text := one.get_secret_value()) >= SHORTEST]

    def __call__(self, _logger: Any, _method: str, line: Any) -> Any:
        error = line.get("exc_info")
        if error and line.get("level", _method) in (*LEVELS, "exception"):
            found = sys.exc_info() if error is True else error
            if isinstance(found, BaseException):
                found = (type(found), found, found.__traceback__)
            if isinstance(found, tuple) and found[1] is not None:
                self._send(found, line)
        return line

    def _send(self, error: tuple[Any, Any, Any], line: Any) -> None:
        from sentry_sdk.utils import event_from_exception

        client = self._made()
        event, hint = event_from_exception(error, client_options=client.options)
        event["tags"] = {name: str(line[name]) for name in TAGS if line.get(name) is not None}
        event["logger"] = str(line.get("event", ""))[:200]
        client.capture_event(event, hint)

    def _made(self) -> Any:
        with self._lock:
            if self._client is None:
                from sentry_sdk import Client

                dsn = self._settings.sentry_dsn
                self._client = Client(
                    dsn=dsn.get_secret_value() if dsn else None,
                    environment=self._settings.profile,
                    default_integrations=False,
                    auto_enabling_integrations=False,
                    include_local_variables=False,
                    include_source_context=False,
                    auto_session_tracking=False,
                    send_client_reports=False,
                    max_breadcrumbs=0,
                    before_send=self._without_secrets,
                )
                atexit.register(self._client.close, LEAVE_S)
            return self._client

    def _without_secrets(self, event: Any, _hint: Any) -> Any:
        for exception in event.get("exception", {}).get("values", ()):
            text = str(exception.get("value") or "")
            for secret in self._secrets:
                text = text.replace(secret, "…")
            exception["value"] = _SECRET_FORMS.sub("…", text)
        whole = json.dumps(event, default=str)
        return event if not any(secret in whole for secret in self._secrets) else None
