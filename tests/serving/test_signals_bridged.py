"""The suite of signals once more, with those that can be stored without Flask around them; and what is left to it."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from app.core.flask_app import ParleyApp
from app.core.settings import Settings
from app.inbox import service as inbox
from app.serving.bridge import Bridge
from app.serving.flask_calls import Answer
from tests.serving.asked_of_flask import count_sendings_asked
from tests.serving.bridged import bridged
from tests.signaling.test_signals import *  # noqa: F403
from tests.support.people import Call, Person, ok, problem

PAGE = "https://pages.example"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"cors_origins": (PAGE,), "rate_limit_signals": "20/minute"})


@pytest.fixture
def asked_of_flask(app: ParleyApp) -> list[str]:
    """Signals and chat messages that pass through Flask."""
    asked: list[str] = app.asked_of_flask  # type: ignore[attr-defined]
    return asked


@pytest.fixture
def app(app: ParleyApp) -> Iterator[ParleyApp]:
    app.asked_of_flask = count_sendings_asked(app)  # type: ignore[attr-defined]
    bridge = Bridge(app, threads=4)
    of_flask = Answer()
    of_flask.start("201 CREATED", [("Content-Type", "application/json")])
    bridge.signals.learn(b"", of_flask)
    with bridged(app, bridge) as app.wsgi_app:  # type: ignore[method-assign]
        yield app


def send(call: Call, *, path: str = "", **request: Any) -> Any:
    body = {"from": call.guests["id"], "messages": [call.offer()]}
    return call.guest.post(f"/meetings/{call.meeting['id']}/rtc/signals{path}", body, **request)


def test_answers_are_those_of_flask(call: Call, asked_of_flask: list[str]) -> None:
    """The first of an origin is Flask's, and from it the others are learned."""
    answers = [send(call, headers={"Origin": PAGE, "X-Request-ID": "mine"}) for _ in range(2)]
    assert len(asked_of_flask) == 1
    flasks, others = [{name.lower(): value for name, value in answer.headers} for answer in answers]
    assert flasks["access-control-allow-origin"] == PAGE
    assert (flasks.pop("ratelimit"), others.pop("ratelimit")) == ('"signals";r=19', '"signals";r=18')
    del flasks["content-length"], others["content-length"]
    assert others == flasks
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[1].json.keys() == answers[0].json.keys()
    assert answers[1].json["items"][0].keys() == answers[0].json["items"][0].keys()


@pytest.mark.parametrize(
    "request_",
    [
        {"headers": {"Idempotency-Key": "once"}},
        {"headers": {"Content-Type": "application/json; charset=utf-8"}},
        {"headers": {"Origin": "https://elsewhere.example"}},
    ],
)
def test_a_request_in_another_form_is_for_flask(
    call: Call, asked_of_flask: list[str], request_: dict[str, Any]
) -> None:
    assert send(call, **request_).status_code == 201
    assert len(asked_of_flask) == 1


def test_chat_messages_are_stored_so_too(call: Call, asked_of_flask: list[str]) -> None:
    path, body = f"/meetings/{call.meeting['id']}/messages", {"text": "Hello", "client_ref": "1"}
    answers = [call.guest.post(path, body) for _ in range(2)]
    assert len(asked_of_flask) == 1
    assert ok(answers[0], 201) == ok(answers[1], 201)
    flasks, others = [{name.lower(): value for name, value in answer.headers} for answer in answers]
    for header in ("content-length", "x-request-id"):
        del flasks[header], others[header]
    assert others == flasks
    assert flasks["location"] == f"/api/v1/messages/{answers[0].json['id']}"
    problem(call.guest.post(path, {"text": ""}), 422, "validation_failed")
    [event] = [e for e in call.owner.poll(call.owners)["messages"] if e["type"] == "chat.message"]
    assert event["payload"]["message"]["text"] == "Hello"


def test_a_body_that_the_schema_refuses_is_told_by_flask(call: Call, asked_of_flask: list[str]) -> None:
    [wrong] = problem(call.send({**call.offer(), "more": 1}), 422, "validation_failed")["errors"]
    assert (wrong["field"], wrong["message"]) == ("messages.0.more", "Unknown field.")
    problem(send(call, path="?dry=1"), 422, "validation_failed")
    assert len(asked_of_flask) == 2


def test_a_refusal_is_told_by_flask_and_counted_once(call: Call, asked_of_flask: list[str], anna: Person) -> None:
    ok(call.guest.post(f"/participants/{call.guests['id']}/leave"))
    refused = call.send(call.offer())
    problem(refused, 409, "sender_left")
    assert refused.headers["RateLimit"] == '"signals";r=19'
    assert len(asked_of_flask) == 1


def test_who_has_signed_out_or_was_never_asked_is_refused(call: Call, cleo: Person) -> None:
    problem(cleo.signal(call.meeting, call.guests, call.offer()), 404, "not_found")
    ok(call.guest.post("/auth/logout"), 204)
    problem(call.send(call.offer()), 401, "session_ended")


def test_who_sends_too_often_is_told_when_to_go_on(call: Call) -> None:
    for _ in range(20):
        ok(call.send(call.candidate()), 201)
    refused = call.send(call.candidate())
    assert problem(refused, 429, "too_many_requests")["limit"] == "signals"
    assert refused.headers["Retry-After"] == "60"


def test_a_commit_of_which_nothing_is_known_is_not_tried_again(
    call: Call, asked_of_flask: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have come through: the client repeats it with its `client_ref`, or not at all."""
    tried: list[int] = []

    def fail(*_: Any, **__: Any) -> None:
        tried.append(1)
        raise OperationalError("INSERT", {}, Exception("server closed the connection"), connection_invalidated=True)

    monkeypatch.setattr(inbox, "deliver", fail)
    refused = call.send(call.offer())
    assert problem(refused, 503, "unavailable")
    assert "Retry-After" in refused.headers
    assert (len(tried), len(asked_of_flask)) == (1, 1)


def test_they_are_logged_as_every_request(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[tuple[Any, ...]] = []
    monkeypatch.setattr("app.serving.sending.log_request", lambda *line, **_: lines.append(line))
    ok(call.send(call.offer()), 201)
    [(method, route, status, _took_s, user_id, meeting_id)] = lines
    assert (method, route, status) == ("POST", "/api/v1/meetings/<id:meeting_id>/rtc/signals", 201)
    assert (user_id, meeting_id) == (call.guest.user_id, call.meeting["id"])
