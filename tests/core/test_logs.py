"""What is written to the log: one JSON object a line, with the request's id, and nothing secret."""

import io
import json
import logging
import re
from typing import Any

import pytest
import structlog
from sqlalchemy import text

from app.accounts import integrations, links
from app.accounts import service as accounts
from app.accounts.mail.base import Mailer
from app.accounts.mail.memory import MemoryMailer
from app.core.flask_app import ParleyApp
from app.core.jobs.leased import LeasedJobs
from app.core.runtime import Runtime, Work
from app.core.settings import Settings
from app.meetings import service as meetings
from app.participants import service as participants
from tests.media.rest_worker import RestWorker, service_key
from tests.support.people import Call, Person, ok, problem

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


def test_what_is_asked_every_other_second_is_logged_only_when_it_fails(app: ParleyApp, log: io.StringIO) -> None:
    worker = RestWorker(app, service_key(app), "host-a/1")
    log.seek(0)
    log.truncate()
    ok(worker.renew())
    for path in ("/health/live", "/health/ready", "/api/v1/health"):
        assert app.test_client().get(path).status_code == 200
    app.test_client().get("/metrics")
    lines = [line for line in lines_of(log) if line["event"] == "request"]
    assert [(line["route"], line["status"]) for line in lines] == [("/metrics", 401)]


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


class TestWithVerifiedAddresses:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"auto_verify_email": True})

    def test_nothing_secret_is_logged_from_an_invitation_to_a_shared_recording(
        self,
        app: ParleyApp,
        log: io.StringIO,
        mailer: MemoryMailer,
        anna: Person,
        ben: Person,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        ok(anna.patch("/auth/me", {"integrations": {"crm": "crm very secret"}}, version=1))
        meeting = anna.create_meeting(media_mode="mock")
        ben.accept(anna.invite(meeting, ben)[0])
        anna.invite(meeting, Person(app, "Cleo", "cleo@example.net", {}))
        joined = [anna.join(meeting), ben.join(meeting, integrations={"wiki": "wiki very secret"})]
        guest = post(app, "/meetings/join-by-code", {"code": meeting["code"], "display_name": "Gus"})
        feed = ok(anna.request("PUT", "/auth/me/calendar-feed"))["url"]
        assert app.test_client().get(feed.partition("8080")[2]).status_code == 200
        recording = ok(anna.post(f"/meetings/{meeting['id']}/recordings", {}), 201)
        ok(anna.post(f"/recordings/{recording['id']}/stop"), 202)
        share = ok(anna.post(f"/recordings/{recording['id']}/shares", {"passcode": "very secret passcode"}), 201)
        post(app, "/recordings/look-up-share", {"secret": share["secret"], "passcode": "very secret guess"}, 401)
        opened = post(app, "/recordings/look-up-share", {"secret": share["secret"], "passcode": "very secret passcode"})
        file = opened["signed_url"].partition("8080")[2]
        assert app.test_client().get(file).status_code == 200
        assert app.test_client().get(file + "0").status_code == 403

        def crash(*_: Any, **__: Any) -> None:
            raise RuntimeError("out of luck")

        monkeypatch.setattr(integrations, "change", crash)
        problem(anna.patch("/auth/me", {"integrations": {"crm": "crm very secret"}}, version=2), 500, "internal_error")

        secrets = [
            *("very secret", TURN_KEY, SIGNING_KEY, meeting["code"], share["secret"], feed.rpartition("/")[2][:-4]),
            *(server["credential"] for one in joined for server in one["rtc"]["ice_servers"] if "credential" in server),
            *(guest["tokens"]["access_token"], guest["tokens"]["refresh_token"]),
            *(file.partition("?")[2].split("&")),
            *(mail.text for mail in mailer.sent),
        ]
        assert len(lines_of(log)) > 20
        assert len(secrets) > 11
        assert [secret for secret in secrets if secret in log.getvalue()] == []

    def test_every_line_of_a_request_says_whose_it_is_and_of_which_meeting(
        self, app: ParleyApp, log: io.StringIO, call: Call, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def crash(*_: Any, **__: Any) -> None:
            logging.getLogger("a.library").warning("within")
            raise RuntimeError("out of luck")

        monkeypatch.setattr(participants, "leave", crash)
        monkeypatch.setattr(meetings, "end", crash)
        headers = {"X-Request-ID": "r-17"}
        call.owner.post(f"/participants/{call.owners['id']}/leave", headers=headers)  # found by the table
        call.owner.post(f"/meetings/{call.meeting['id']}/end", headers=headers)  # named by the path
        written = [line for line in lines_of(log) if line.get("request_id") == "r-17"]
        assert [line["event"] for line in written] == ["within", "request failed", "request"] * 2
        about = {(line["user_id"], line["meeting_id"]) for line in written}
        assert about == {(call.owner.user_id, call.meeting["id"])}


class TestInTheBackground:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"jobs": "leased"})

    def test_every_line_of_a_job_says_which_request_it_goes_back_to(
        self, app: ParleyApp, log: io.StringIO, anna: Person
    ) -> None:
        runtime, written = app.runtime, structlog.get_logger()

        def go_on(runtime: Runtime, _payload: dict[str, Any]) -> None:
            written.info("first")
            with runtime.writing() as work:
                work.enqueue("second", {"meeting_id": "m-1"})

        runtime.tasks.add(links.SEND_VERIFICATION, go_on)
        runtime.tasks.add("second", lambda _runtime, _payload: written.info("second"))
        anna.post("/auth/verify/send", headers={"X-Request-ID": "r-17"})
        jobs = runtime.jobs
        assert isinstance(jobs, LeasedJobs)
        jobs.run_due(runtime)
        first, second = (line for line in lines_of(log) if "job_id" in line and line["request_id"] == "r-17")
        for line in (first, second):
            assert (line["request_id"], line["user_id"], line["attempt"]) == ("r-17", anna.user_id, 1)
        assert first["task"] == links.SEND_VERIFICATION
        assert second["meeting_id"] == "m-1"
        written.info("between jobs")
        assert not {"request_id", "user_id", "meeting_id", "job_id"} & lines_of(log)[-1].keys()
