"""Errors, as a server that speaks Sentry's protocol gets them."""

from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from pydantic import SecretStr
from sqlalchemy import text

from app.core.flask_app import ParleyApp
from app.core.jobs.leased import LeasedJobs
from app.core.settings import Settings
from app.meetings import service as meetings
from tests.support.error_server import ErrorServer
from tests.support.people import PASSWORD, Person, problem
from tests.support.waiting import eventually

TURN_KEY = "turn very secret"


@pytest.fixture
def server() -> Iterator[ErrorServer]:
    with ErrorServer() as server:
        yield server


@pytest.fixture
def settings(settings: Settings, server: ErrorServer) -> Settings:
    told = {"sentry_dsn": SecretStr(server.dsn), "turn_urls": ("turn:t.example.org",), "turn_secret": TURN_KEY}
    return settings.model_copy(update=told | {"turn_secret": SecretStr(TURN_KEY), "jobs": "leased"})


def told(server: ErrorServer, number: int = 1) -> dict[str, Any]:
    eventually(lambda: len(server.events) == number, "the error")
    return server.events[-1]


def test_an_error_comes_with_its_request_and_where_it_was_and_without_values(
    anna: Person, server: ErrorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = anna.tokens["access_token"]

    def crash(*_: Any, **__: Any) -> None:
        local = "a local value"
        raise RuntimeError(
            f"{len(local)}: {token}, postgresql://parley:pw-1@db/x, {TURN_KEY}, https://s3/x?X-Amz-Signature=sig-1, "
            f"Bearer abc-1, {anna.email}, Traceback of {'k' * 43}"
        )

    monkeypatch.setattr(meetings, "create", crash)
    problem(anna.post("/meetings", {"title": "Hush"}, headers={"X-Request-ID": "r-17"}), 500, "internal_error")
    event = told(server)
    assert event["tags"] == {"request_id": "r-17", "code": "internal_error"}
    [exception] = event["exception"]["values"]
    assert exception["type"] == "RuntimeError"
    assert exception["value"].startswith("13: …, postgresql://…@db/x, …, https://s3/x?…")
    assert exception["stacktrace"]["frames"][-1]["function"] == "crash"
    secrets = (token, "pw-1", TURN_KEY, "sig-1", "abc-1", anna.email, "k" * 43, "a local value", "Hush", PASSWORD)
    assert [one for one in (*secrets, anna.user_id) if one in server.raw] == []
    assert not {"user", "request", "breadcrumbs"} & event.keys()


def test_a_statement_that_fails_comes_without_its_parameters(
    anna: Person, server: ErrorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(work: Any, *_: Any, **__: Any) -> None:
        work.execute(text("INSERT INTO nowhere VALUES (:password)"), {"password": "hunter2-a"})

    monkeypatch.setattr(meetings, "create", fail)
    problem(anna.post("/meetings", {"title": "a"}), 503, "unavailable")
    assert "nowhere" in told(server)["exception"]["values"][-1]["value"]
    assert "hunter2-a" not in server.raw


def test_an_error_of_a_job_comes_with_its_task_and_the_request_that_it_goes_back_to(
    app: ParleyApp, server: ErrorServer
) -> None:
    def fail(*_: Any) -> None:
        raise ValueError("out of luck")

    app.runtime.tasks.add("later", fail)
    with structlog.contextvars.bound_contextvars(request_id="r-17"), app.runtime.writing() as work:
        work.enqueue("later", {"meeting_id": "m-1"})
    assert isinstance(app.runtime.jobs, LeasedJobs)
    app.runtime.jobs.run_one(app.runtime)
    tags = told(server)["tags"]
    assert (tags["request_id"], tags["meeting_id"], tags["task"], tags["attempt"]) == ("r-17", "m-1", "later", "1")


def test_what_people_do_wrong_is_no_error(anna: Person, server: ErrorServer) -> None:
    problem(anna.post("/meetings", {"titel": "a"}), 422, "validation_failed")
    problem(anna.get("/meetings/nothing"), 404, "not_found")
    structlog.get_logger().error("an error without an exception")
    structlog.get_logger().warning("not one", exc_info=ValueError())
    structlog.get_logger().error("one", exc_info=ValueError("the only one"))
    assert told(server)["exception"]["values"][0]["value"] == "the only one"
