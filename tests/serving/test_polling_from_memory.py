"""The suite of polling once more, with devices that are known: each poll comes right after one of the same device, so
that what can be answered from memory is."""

import json
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from a2wsgi import ASGIMiddleware

from app.core.flask_app import ParleyApp
from app.serving.bridge import Bridge
from app.serving.polls import POLL_PATH
from tests.inbox.test_polling import *  # noqa: F403


@pytest.fixture
def app(app: ParleyApp) -> ParleyApp:
    bridged = ASGIMiddleware(Bridge(app, threads=4))  # type: ignore[arg-type]

    def after_another_poll(environ: dict[str, Any], start_response: Any) -> Any:
        if environ["PATH_INFO"] == POLL_PATH:
            query = dict(parse_qsl(environ["QUERY_STRING"]))
            whose = {name: value for name, value in query.items() if name == "participant_id"}
            first = {**environ, "QUERY_STRING": urlencode({**whose, "wait": 0, "limit": 1})}
            reply = json.loads(b"".join(bridged(first, lambda *_: None)))  # type: ignore[arg-type]
            if "acked_seq" in reply and "after" not in query:  # where a poll that doesn't say would begin
                query["after"] = str(max(reply["acked_seq"], int(query.get("ack", 0))))
                environ = {**environ, "QUERY_STRING": urlencode(query)}
        return bridged(environ, start_response)

    app.wsgi_app = after_another_poll  # type: ignore[method-assign]
    return app
