from typing import Any

import pytest

from app.accounts import events
from tests.accounts.visitors import Visitor, faulty_fields
from tests.support.people import PASSWORD, Person, ok, problem


def test_the_own_account_has_a_version_as_its_etag(anna: Person) -> None:
    response = anna.get("/auth/me")
    assert ok(response)["version"] == 1
    assert response.headers["ETag"] == '"1"'


def test_a_new_name_is_seen_at_once_and_told_to_others(anna: Person, heard: list[object]) -> None:
    response = anna.patch("/auth/me", {"display_name": " Anna  Sol ", "locale": "de-AT"}, version=1)
    user = ok(response)
    assert (user["display_name"], user["locale"], user["version"]) == ("Anna Sol", "de-AT", 2)
    assert response.headers["ETag"] == '"2"'
    assert ok(anna.get("/auth/me")) == user
    assert heard == [events.UserRenamed(anna.user_id, "Anna Sol")]


@pytest.mark.parametrize("body", [{}, {"display_name": "Anna"}, {"locale": "en"}])
def test_what_changes_nothing_keeps_the_version_and_is_told_to_nobody(
    anna: Person, body: dict[str, str], heard: list[object]
) -> None:
    assert ok(anna.patch("/auth/me", body, version=1))["version"] == 1
    assert heard == []


def test_a_change_says_what_it_is_based_on(anna: Person) -> None:
    problem(anna.patch("/auth/me", {"locale": "de"}), 428, "precondition_required")
    ok(anna.patch("/auth/me", {"locale": "de"}, version=1))
    stale = problem(anna.patch("/auth/me", {"locale": "fr"}, version=1), 412, "version_mismatch")
    assert stale["version"] == 2
    assert ok(anna.get("/auth/me"))["locale"] == "de"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("display_name", ""),
        ("display_name", None),
        ("display_name", "x" * 101),
        ("locale", "german"),
        ("locale", None),
        ("email", "other@example.org"),
        ("role", "admin"),
        ("email_verified", True),
        ("version", 7),
    ],
)
def test_what_cannot_be_changed_is_refused(anna: Person, field: str, value: Any) -> None:
    assert set(faulty_fields(anna.patch("/auth/me", {field: value}, version=1))) == {field}


def change(person: Person, current: str, new: str) -> Any:
    return person.post("/auth/password", {"current_password": current, "new_password": new})


def test_a_new_password_ends_the_other_sessions(visitor: Visitor, anna: Person, heard: list[object]) -> None:
    phone = visitor.login()
    heard.clear()
    assert change(anna, PASSWORD, "another password").status_code == 204
    ok(anna.get("/auth/me"))
    visitor.refresh(anna)
    problem(phone.get("/auth/me"), 401, "session_ended")
    assert heard == [events.SessionEnded(phone.session_id, anna.user_id)]
    problem(visitor.try_to_login(), 401, "bad_credentials")
    visitor.login(password="another password")
    assert ok(anna.get("/auth/me"))["version"] == 1


def test_a_new_password_needs_the_old_one(visitor: Visitor, anna: Person) -> None:
    phone = visitor.login()
    problem(change(anna, "wrong password", "another password"), 401, "bad_credentials")
    ok(phone.get("/auth/me"))
    visitor.login()


@pytest.mark.parametrize("new", ["", "x" * 9, "x" * 201, None])
def test_a_new_password_keeps_the_rules(anna: Person, new: Any) -> None:
    assert faulty_fields(change(anna, PASSWORD, new)) == ["new_password"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/auth/me"),
        ("PATCH", "/auth/me"),
        ("DELETE", "/auth/me"),
        ("POST", "/auth/logout"),
        ("POST", "/auth/password"),
        ("POST", "/auth/verify/send"),
        ("GET", "/auth/sessions"),
        ("DELETE", "/auth/sessions/01980a3e-7b6c-7d4e-8f00-1a2b3c4d5e6f"),
        ("GET", "/users"),
    ],
)
def test_nothing_of_an_account_is_open_to_visitors(visitor: Visitor, method: str, path: str) -> None:
    response = visitor.app.test_client().open(f"/api/v1{path}", method=method, json={})
    problem(response, 401, "token_missing")
