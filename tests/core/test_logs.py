"""What is written to the log: one JSON object a line, with the request's id, and nothing secret."""

import io
import json
import re
from typing import Any

import pytest
import structlog
from sqlalchemy import text

from app.accounts import service as accounts
from app.accounts.mail.base import Mailer
from app.accounts.mail.memory import MemoryMailer
from app.core.flask_app import ParleyApp
from app.core.runtime import Work
from app.core.settings import Settings
from app.meetings import service as meetings
from tests.support.people import Person, ok, problem

PASSWORD, NEW_PASSWORD, LAST_PASSWORD = "first very secret", "second very secret", "third very secret"
SIGNING_KEY = "k" * 40 + "very secret too"
TURN_KEY = "turn very secret"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_validate(
        {
            **settings.model_dump(),
            "log_level": "DEBUG",
            "jwt_secret": SIGNING_KEY,
            "auto_verify_email": False,
            "refresh_grace_s": 0,
            "turn_urls": "turn:turn.example.org",
            "turn_secret": TURN_KEY,
        }
    )


@pytest.fixture
def mailer(app: ParleyApp) -> MemoryMailer:
    mailer = MemoryMailer()
    app.runtime.drivers[Mailer] = mailer
    return mailer


def lines_of(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def post(app: ParleyApp, path: str, body: dict[str, Any], status: int = 200) -> Any:
    answer = app.test_client().post(f"/api/v1{path}", json=body)
    assert answer.status_code == status, answer.text
    return answer.json if answer.data else None


def mailed_token(mailer: MemoryMailer) -> str:
    found = re.search(r"[?#&/=]([A-Za-z0-9_-]{20,})\s", mailer.sent[-1].text + "\n")
    assert found, mailer.sent[-1].text
    return found[1]


def test_nothing_secret_is_logged_from_registering_to_a_new_password(
    app: ParleyApp, log: io.StringIO, mailer: MemoryMailer, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials = {"email": "anna@example.org", "password": PASSWORD}
    tokens = [post(app, "/auth/register", {**credentials, "display_name": "Anna"}, 201)]
    links = [mailed_token(mailer)]
    post(app, "/auth/verify", {"token": links[0]})
    tokens.append(post(app, "/auth/login", credentials))
    tokens.append(post(app, "/auth/refresh", {"refresh_token": tokens[0]["refresh_token"]}))
    post(app, "/auth/refresh", {"refresh_token": tokens[0]["refresh_token"]}, 401)  # its second use
    post(app, "/auth/login", {**credentials, "password": NEW_PASSWORD}, 401)
    post(app, "/auth/login", {**credentials, "pasword": NEW_PASSWORD}, 422)
    anna = Person(app, "Anna", "anna@example.org", tokens[1])
    ok(anna.post("/auth/password", {"current_password": PASSWORD, "new_password": NEW_PASSWORD}), 204)
    post(app, "/auth/password/forgot", {"email": "anna@example.org"}, 202)
    links.append(mailed_token(mailer))
    post(app, "/auth/password/reset", {"token": links[1], "new_password": LAST_PASSWORD}, 204)
    tokens.append(post(app, "/auth/login", {**credentials, "password": LAST_PASSWORD}))
    anna.tokens = tokens[-1]

    # A crash with all of it at hand, in the request's own frames and in the database's message
    def crash(*_: Any, **__: Any) -> None:
        raise RuntimeError("out of luck")

    monkeypatch.setattr(accounts, "login", crash)
    post(app, "/auth/login", {**credentials, "password": LAST_PASSWORD}, 500)
    monkeypatch.setattr(meetings, "create", crash)
    problem(
        anna.post("/meetings", {"title": "a"}, headers={"Idempotency-Key": "very secret key"}), 500, "internal_error"
    )

    def fail_with_parameters(work: Work, *_: Any, **__: Any) -> None:
        work.execute(text("INSERT INTO nowhere VALUES (:password)"), {"password": PASSWORD})

    monkeypatch.setattr(meetings, "create", fail_with_parameters)
    problem(anna.post("/meetings", {"title": "a"}), 503, "unavailable")

    secrets = [PASSWORD, NEW_PASSWORD, LAST_PASSWORD, SIGNING_KEY, TURN_KEY, "very secret", *links]
    for issued in tokens:
        secrets += [issued["access_token"], issued["refresh_token"]]
        secrets += [issued["access_token"].rpartition(".")[2], issued["refresh_token"].rpartition(".")[2]]
    assert len(lines_of(log)) > 10
    assert [secret for secret in secrets if secret in log.getvalue()] == []


def test_a_service_key_and_turn_credentials_are_not_logged(app: ParleyApp, log: io.StringIO, anna: Person) -> None:
    with app.runtime.writing() as work:
        worker = accounts.create(work, email="w@example.org", display_name="W", role="service", password=None)
        work.flush()
        key = accounts.add_service_key(work, worker)
    headers = {"Authorization": f"Bearer {key}"}
    place = {"name": "w", "engine": "portable", "version": "1", "capacity": 1}
    assert app.test_client().post("/api/v1/media/workers", json=place, headers=headers).status_code == 201
    server = next(s for s in anna.join(anna.create_meeting())["rtc"]["ice_servers"] if "credential" in s)
    assert key not in log.getvalue()
    assert server["credential"] not in log.getvalue()


def test_what_a_request_was_about_stands_in_one_line_with_its_id(
    app: ParleyApp, log: io.StringIO, anna: Person
) -> None:
    log.seek(0)
    log.truncate()
    anna.request("GET", "/meetings?limit=1", headers={"X-Request-ID": "r-17"})
    (line,) = [line for line in lines_of(log) if line["event"] == "request"]
    assert (line["request_id"], line["method"], line["route"]) == ("r-17", "GET", "/api/v1/meetings")
    assert (line["status"], line["user_id"], line["level"]) == (200, anna.user_id, "info")
    assert line["timestamp"].endswith("Z")
    assert line["ms"] >= 0
    assert "limit" not in json.dumps(line)  # queries may carry addresses


def test_the_id_of_one_request_does_not_stick_to_the_next(app: ParleyApp, log: io.StringIO) -> None:
    app.test_client().get("/health/live", headers={"X-Request-ID": "r-17"})
    structlog.get_logger().info("between requests")
    assert "request_id" not in lines_of(log)[-1]


def test_a_line_break_in_what_a_client_sends_cannot_forge_a_line(app: ParleyApp, log: io.StringIO) -> None:
    app.test_client().get("/nothing%0a{}", headers={"User-Agent": "x"})
    assert all(isinstance(line, dict) and "event" in line for line in lines_of(log))


def test_fields_that_are_named_like_secrets_are_hidden(app: ParleyApp, log: io.StringIO) -> None:
    structlog.get_logger().warning("careless", password="p-1", refresh_token="t-1", Authorization="a-1")
    assert not re.search("[pta]-1", log.getvalue())
