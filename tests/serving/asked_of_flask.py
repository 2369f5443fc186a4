"""What of the polls and acknowledgements reaches Flask."""

from typing import Any

from flask import has_app_context

from app.core.flask_app import ParleyApp
from app.serving.polls import ACK_PATH, POLL_PATH


def count_asked(app: ParleyApp) -> list[str]:
    """Their queries, from now on; to be called before a bridge is put in front."""
    asked: list[str] = []
    flask = app.wsgi_app

    def counted(environ: Any, start_response: Any) -> Any:
        assert not has_app_context(), "Flask would take the context of another request for its own"
        if environ["PATH_INFO"] in (POLL_PATH, ACK_PATH):
            asked.append(environ["QUERY_STRING"])
        return flask(environ, start_response)

    app.wsgi_app = counted  # type: ignore[method-assign]
    return asked
