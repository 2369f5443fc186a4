"""What of the polls, acknowledgements, signals and chat messages reaches Flask."""

from collections.abc import Callable
from typing import Any

from flask import has_app_context

from app.core.flask_app import ParleyApp
from app.serving.polls import ACK_PATH, POLL_PATH


def count_asked(app: ParleyApp) -> list[str]:
    """Queries of polls and acknowledgements, from now on; to be called before a bridge is put in front."""
    return _count(app, lambda path: path in (POLL_PATH, ACK_PATH), "QUERY_STRING")


def count_sendings_asked(app: ParleyApp) -> list[str]:
    """Paths of requests with signals or with a chat message, likewise."""
    return _count(app, lambda path: path.endswith(("/rtc/signals", "/messages")), "PATH_INFO")


def _count(app: ParleyApp, is_counted: Callable[[str], bool], told: str) -> list[str]:
    asked: list[str] = []
    flask = app.wsgi_app

    def counted(environ: Any, start_response: Any) -> Any:
        assert not has_app_context(), "Flask would take the context of another request for its own"
        if is_counted(environ["PATH_INFO"]):
            asked.append(environ[told])
        return flask(environ, start_response)

    app.wsgi_app = counted  # type: ignore[method-assign]
    return asked
