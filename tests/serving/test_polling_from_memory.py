"""The suite of polling once more, with devices that are known: each poll comes right after one of the same device, so
that what can be answered from memory is."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from app.core.flask_app import ParleyApp
from app.serving.polls import POLL_PATH
from tests.inbox.test_polling import *  # noqa: F403
from tests.serving.bridged import bridged


@pytest.fixture
def app(app: ParleyApp) -> Iterator[ParleyApp]:
    with bridged(app) as bridge:
        app.wsgi_app = after_another_poll(bridge)  # type: ignore[method-assign]
        yield app


def after_another_poll(bridge: Any) -> Any:
    def ask(environ: dict[str, Any], start_response: Any) -> Any:
        if environ["PATH_INFO"] == POLL_PATH:
            query = dict(parse_qsl(environ["QUERY_STRING"]))
            whose = {name: value for name, value in query.items() if name == "participant_id"}
            first = {**environ, "QUERY_STRING": urlencode({**whose, "wait": 0, "limit": 1})}
            reply = json.loads(b"".join(bridge(first, lambda *_: None)))  # type: ignore[arg-type]
            if "acked_seq" in reply and "after" not in query:  # where a poll that doesn't say would begin
                query["after"] = str(max(reply["acked_seq"], int(query.get("ack", 0))))
                environ = {**environ, "QUERY_STRING": urlencode(query)}
        return bridge(environ, start_response)

    return ask
