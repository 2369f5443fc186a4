"""Failures that no client caused, and what every problem document has in common."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug import exceptions as http

from app.core import errors
from app.core.api import answer_error
from app.core.flask_app import ParleyApp
from app.core.runtime import Runtime
from app.meetings import service as meetings
from tests.support.people import Person, ok, problem

SECRET = "a detail that is nobody's business"


@pytest.fixture
def break_meetings(monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception], None]:
    """`break_meetings(error)`: creating a meeting raises it from then on."""

    def broken(error: Exception) -> None:
        def fail(*_: Any, **__: Any) -> None:
            raise error

        monkeypatch.setattr(meetings, "create", fail)

    return broken


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        yield lines


def test_an_unexpected_error_is_a_problem_without_details_and_is_logged_with_the_request_id(
    anna: Person, break_meetings: Callable[[Exception], None], logged: list[Any]
) -> None:
    error = ValueError(SECRET)
    break_meetings(error)
    answer = anna.post("/meetings", {"title": "a"}, headers={"X-Request-ID": "r-17"})
    told = problem(answer, 500, "internal_error")
    assert told["request_id"] == "r-17"
    assert SECRET not in answer.text
    assert "ValueError" not in answer.text
    (line,) = [line for line in logged if line["log_level"] == "error"]
    assert (line["request_id"], line["exc_info"]) == ("r-17", error)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (http.TooManyRequests(retry_after=17), 429, "too_many_requests"),
        (errors.InboxFull(headers={"Retry-After": "17"}), 429, "inbox_full"),
        (errors.TooManyRequests(), 429, "too_many_requests"),
        (errors.NoMediaWorker(), 503, "no_media_worker"),
        (http.ServiceUnavailable(), 503, "unavailable"),
    ],
)
def test_what_may_be_tried_again_says_when(
    anna: Person, break_meetings: Callable[[Exception], None], error: Exception, status: int, code: str
) -> None:
    break_meetings(error)
    answer = anna.post("/meetings", {"title": "a"})
    problem(answer, status, code)
    assert int(answer.headers["Retry-After"]) == (17 if "17" in str(vars(error)) else 1)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (http.BadRequest(SECRET), 400, "bad_request"),
        (http.NotFound(SECRET), 404, "not_found"),
        (http.RequestEntityTooLarge(SECRET), 413, "payload_too_large"),
        (http.RequestedRangeNotSatisfiable(SECRET), 416, "range_not_satisfiable"),
        (http.ImATeapot(), 400, "bad_request"),
        (http.InternalServerError(SECRET), 500, "internal_error"),
        (http.BadGateway(SECRET), 500, "internal_error"),
    ],
)
def test_errors_of_the_framework_are_told_in_our_words(
    app: ParleyApp, error: Exception, status: int, code: str
) -> None:
    with app.test_request_context():
        answer = answer_error(error)
    assert (answer.status_code, json.loads(answer.data)["code"]) == (status, code)
    assert SECRET not in answer.get_data(as_text=True)


def test_every_error_has_a_code_and_a_message_of_its_own() -> None:
    every = list(errors.every_error())
    assert len({error.code for error in every}) == len(every)
    assert len({error.message for error in every}) == len(every)
    assert all(error.code.replace("_", "").isalpha() and 400 <= error.status < 600 for error in every)


@pytest.mark.sqlite
def test_a_database_that_is_gone_is_503_and_the_process_recovers(
    anna: Person, runtime: Runtime, client: FlaskClient
) -> None:
    database = runtime.settings.storage_dir / "meetings.db"
    elsewhere = database.with_suffix(".moved")
    _stop_using(runtime, database)
    database.rename(elsewhere)
    database.mkdir()  # what was a file cannot be opened any more
    try:
        for answer in (anna.get("/meetings"), anna.post("/meetings", {"title": "a"}), _login(client)):
            told = problem(answer, 503, "unavailable")
            assert answer.headers["Retry-After"]
            assert "sqlite" not in answer.text.lower()
            assert told["detail"] == "The database is not available."
        ready = client.get("/health/ready")
        assert (ready.status_code, ready.json["status"]) == (503, "unavailable")
        assert [check["name"] for check in ready.json["checks"]] == ["database"]
        assert ready.headers["Retry-After"]
        assert client.get("/health/live").status_code == 200
    finally:
        database.rmdir()
        elsewhere.rename(database)
    ok(anna.get("/meetings"))


@pytest.mark.sqlite
def test_a_database_without_tables_is_503_too(anna: Person, runtime: Runtime) -> None:
    with runtime.database.writer.connect() as connection:
        connection.execute(text("PRAGMA foreign_keys=OFF"))
        connection.execute(text("DROP TABLE sessions"))
    problem(anna.get("/meetings"), 503, "unavailable")


def _login(client: FlaskClient) -> Any:
    return client.post("/api/v1/auth/login", json={"email": "anna@example.org", "password": "whatever it is"})


def _stop_using(runtime: Runtime, database: Path) -> None:
    runtime.database.close()
    for left_over in ("-wal", "-shm"):
        database.with_name(database.name + left_over).unlink(missing_ok=True)


def test_problems_carry_members_of_their_own(anna: Person) -> None:
    meeting = anna.create_meeting()
    participant = anna.join(meeting)["participant"]
    told = problem(anna.post(f"/meetings/{meeting['id']}/join", {"device": "laptop"}), 409, "already_joined")
    assert told["participant_id"] == participant["id"]
    assert told["type"] == "/problems/already_joined"
    assert told["title"] == "Conflict"
