"""`Idempotency-Key` over HTTP: a repeat is answered alike and creates nothing more."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask_migrate import upgrade
from sqlalchemy import func, select

from app import create_app
from app.accounts.models import UserSession
from app.cli import register_commands
from app.core import idempotency
from app.core.clock import ManualClock
from app.core.flask_app import ParleyApp
from app.core.idempotency import IdempotencyKey
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.meetings import service as meetings
from app.meetings.models import Meeting
from tests.support.databases import DATABASES, fresh_database
from tests.support.people import PASSWORD, Person, ok, problem

REVIEW = {"title": "Review"}


def create(person: Person, key: str, body: Any = REVIEW, **kwargs: Any) -> Any:
    return person.post("/meetings", body, headers={"Idempotency-Key": key}, **kwargs)


def count(runtime: Runtime, table: Any) -> int:
    with runtime.reading() as work:
        return work.scalar(select(func.count()).select_from(table)) or 0


def test_a_repeat_is_answered_alike_and_creates_nothing_more(anna: Person, runtime: Runtime) -> None:
    first, again = create(anna, "k1"), create(anna, "k1")
    assert ok(first, 201) == ok(again, 201)
    assert count(runtime, Meeting) == 1
    for name in ("Content-Type", "ETag", "Location"):
        assert again.headers[name] == first.headers[name]
    assert again.headers["X-Request-ID"] != first.headers["X-Request-ID"]


def test_other_keys_and_no_keys_create_anew(anna: Person, runtime: Runtime) -> None:
    assert len({ok(answer, 201)["id"] for answer in (create(anna, "k1"), create(anna, "k2"))}) == 2
    ok(anna.post("/meetings", REVIEW), 201)
    assert count(runtime, Meeting) == 3


def test_a_key_that_came_with_another_body_is_refused(anna: Person, runtime: Runtime) -> None:
    ok(create(anna, "k1"), 201)
    problem(create(anna, "k1", {"title": "Another"}), 422, "idempotency_key_reused")
    assert count(runtime, Meeting) == 1


def test_a_key_that_came_with_another_path_of_the_same_route_is_refused(anna: Person) -> None:
    one, other = anna.create_meeting(), anna.create_meeting()
    ok(anna.post(f"/meetings/{one['id']}/start", headers={"Idempotency-Key": "k1"}))
    answer = anna.post(f"/meetings/{other['id']}/start", headers={"Idempotency-Key": "k1"})
    problem(answer, 422, "idempotency_key_reused")


def test_the_same_key_on_another_route_is_another_key(anna: Person) -> None:
    meeting = ok(create(anna, "k1"), 201)
    ok(anna.post(f"/meetings/{meeting['id']}/join", {"device": "phone"}, headers={"Idempotency-Key": "k1"}), 201)


def test_the_same_key_of_somebody_else_is_another_key(anna: Person, ben: Person) -> None:
    assert ok(create(anna, "k1"), 201)["owner"] != ok(create(ben, "k1"), 201)["owner"]


def test_what_failed_may_be_tried_again_with_the_same_key(anna: Person, runtime: Runtime) -> None:
    problem(create(anna, "k1", {"title": ""}), 422, "validation_failed")
    ok(create(anna, "k1"), 201)
    assert count(runtime, IdempotencyKey) == 1


def test_a_crash_within_the_request_leaves_the_key_free(
    anna: Person, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: Any, **__: Any) -> None:
        raise RuntimeError("out of luck")

    with monkeypatch.context() as broken:
        broken.setattr(meetings, "create", crash)
        problem(create(anna, "k1"), 500, "internal_error")
    assert count(runtime, IdempotencyKey) == 0
    ok(create(anna, "k1"), 201)


def test_a_repeat_while_the_first_is_still_running_is_409(anna: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    running, may_end = threading.Event(), threading.Event()
    really_create = meetings.create

    def create_slowly(*args: Any, **kwargs: Any) -> Any:
        running.set()
        assert may_end.wait(30)
        return really_create(*args, **kwargs)

    monkeypatch.setattr(meetings, "create", create_slowly)
    answers: list[Any] = []
    first = threading.Thread(target=lambda: answers.append(create(anna, "k1")))
    first.start()
    try:
        assert running.wait(30)
        problem(create(anna, "k1"), 409, "idempotency_key_running")
    finally:
        may_end.set()
        first.join(30)
    created = ok(answers[0], 201)
    assert ok(create(anna, "k1"), 201) == created


class TestAnotherProcess:
    """Whose memory holds the key, so that here only the database can tell."""

    @pytest.fixture(params=DATABASES)
    def app(
        self, request: pytest.FixtureRequest, settings: Settings, clock: ManualClock, tmp_path: Path
    ) -> Iterator[ParleyApp]:
        with fresh_database(request.param, tmp_path) as url:
            app = create_app(settings.model_copy(update={"database_url": url}), clock)
            app.testing = True
            register_commands(app)
            with app.app_context():
                upgrade()
            yield app
            app.runtime.close()

    @pytest.fixture(autouse=True)
    def _knows_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(idempotency, "_running", _Forgetful())

    def test_a_repeat_waits_for_it_and_is_answered_alike(
        self, anna: Person, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answers = _two_at_a_time(anna, monkeypatch, meetings.create)
        assert ok(answers[0], 201) == ok(answers[1], 201)
        assert count(runtime, Meeting) == 1

    def test_a_repeat_takes_over_when_it_fails(
        self, anna: Person, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tried: list[None] = []

        def fail_once(*args: Any, **kwargs: Any) -> Any:
            tried.append(None)
            if len(tried) == 1:
                raise RuntimeError("out of luck")
            return really_create(*args, **kwargs)

        really_create = meetings.create
        answers = _two_at_a_time(anna, monkeypatch, fail_once)
        assert sorted(answer.status_code for answer in answers) == [201, 500]
        assert count(runtime, Meeting) == 1


class _Forgetful(set[str]):
    def add(self, _scope: str) -> None:
        pass


def _two_at_a_time(person: Person, monkeypatch: pytest.MonkeyPatch, create_it: Callable[..., Any]) -> list[Any]:
    """Two requests with the same key: the first is within the view when the second asks for the key."""
    first_is_in, second_asks = threading.Event(), threading.Event()
    really_take = idempotency._row

    def take(*args: Any) -> Any:
        if first_is_in.is_set():
            second_asks.set()
        return really_take(*args)

    def create_slowly(*args: Any, **kwargs: Any) -> Any:
        first_is_in.set()
        assert second_asks.wait(30)
        return create_it(*args, **kwargs)

    monkeypatch.setattr(idempotency, "_row", take)
    monkeypatch.setattr(meetings, "create", create_slowly)
    answers: list[Any] = []
    threads = [threading.Thread(target=lambda: answers.append(create(person, "k1"))) for _ in range(2)]
    threads[0].start()
    assert first_is_in.wait(30)
    threads[1].start()
    for thread in threads:
        thread.join(30)
    return answers


def test_a_key_is_forgotten_after_a_day(anna: Person, clock: ManualClock, runtime: Runtime) -> None:
    first = ok(create(anna, "k1"), 201)
    clock.advance(hours=runtime.settings.idempotency_keep_h, seconds=1)
    anna.tokens = ok(
        anna.app.test_client().post("/api/v1/auth/login", json={"email": anna.email, "password": PASSWORD})
    )
    assert ok(create(anna, "k1", {"title": "Another"}), 201)["id"] != first["id"]


def test_the_purge_forgets_old_keys_only(anna: Person, clock: ManualClock, runtime: Runtime) -> None:
    ok(create(anna, "old"), 201)
    clock.advance(minutes=10)
    ok(create(anna, "new"), 201)
    clock.advance(hours=runtime.settings.idempotency_keep_h, minutes=-5)
    idempotency.purge(runtime, {})
    assert count(runtime, IdempotencyKey) == 1


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_has_1_to_255_characters(anna: Person, key: str) -> None:
    told = problem(create(anna, key), 422, "validation_failed")
    assert [(error["location"], error["field"]) for error in told["errors"]] == [("header", "Idempotency-Key")]


def test_requests_that_create_nothing_pay_no_heed_to_a_key(anna: Person, runtime: Runtime) -> None:
    headers = {"Idempotency-Key": "k1"}
    ok(anna.request("GET", "/meetings", headers=headers))
    ok(anna.request("DELETE", f"/auth/sessions/{anna.session_id}", headers=headers), 204)
    assert count(runtime, IdempotencyKey) == 0


def _register(_person: Person) -> tuple[str, dict[str, str]]:
    return "/auth/register", {"email": "new@example.org", "password": PASSWORD, "display_name": "New"}


def _login(person: Person) -> tuple[str, dict[str, str]]:
    return "/auth/login", {"email": person.email, "password": PASSWORD}


def _refresh(person: Person) -> tuple[str, dict[str, str]]:
    return "/auth/refresh", {"refresh_token": person.tokens["refresh_token"]}


@pytest.mark.parametrize("endpoint", [_register, _login, _refresh])
@pytest.mark.parametrize("signed_in", [False, True])
def test_answers_with_tokens_are_never_kept(
    app: ParleyApp, anna: Person, endpoint: Callable[[Person], tuple[str, dict[str, str]]], signed_in: bool
) -> None:
    path, body = endpoint(anna)
    headers = {"Idempotency-Key": "k1"}
    if signed_in:
        headers["Authorization"] = f"Bearer {anna.tokens['access_token']}"
    before = count(app.runtime, UserSession)
    answer = app.test_client().post(f"/api/v1{path}", json=body, headers=headers)
    assert "access_token" in answer.json
    assert count(app.runtime, IdempotencyKey) == 0
    assert count(app.runtime, UserSession) == before + (endpoint is not _refresh)
