import pytest
from sqlalchemy import func, select

from app.accounts import events, service
from app.accounts.models import Acquaintance, EmailToken, User, UserSession
from app.core import errors
from app.core.runtime import Runtime
from tests.accounts.visitors import Visitor
from tests.support.databases import stored_rows
from tests.support.people import PASSWORD, Person, ok, problem


def erase(person: Person, password: str = PASSWORD) -> int:
    return person.delete("/auth/me", {"password": password}).status_code


def test_an_account_is_gone_at_once(visitor: Visitor, anna: Person) -> None:
    phone = visitor.login()
    assert erase(anna) == 204
    for session in (anna, phone):
        problem(session.get("/auth/me"), 401, "session_ended")
        problem(visitor.try_to_refresh(session), 401, "session_ended")
    problem(visitor.try_to_login(), 401, "bad_credentials")


def test_erasing_needs_the_password(visitor: Visitor, anna: Person) -> None:
    problem(anna.delete("/auth/me", {"password": "wrong password"}), 401, "bad_credentials")
    problem(anna.delete("/auth/me", {}), 422, "validation_failed")
    problem(anna.delete("/auth/me"), 415, "unsupported_media_type")
    ok(anna.get("/auth/me"))


def test_others_hear_of_it_when_everything_of_theirs_has_ended(anna: Person, heard: list[object]) -> None:
    erase(anna)
    assert heard == [events.SessionEnded(anna.session_id, anna.user_id), events.UserErased(anna.user_id)]


def test_what_is_left_names_nobody(visitor: Visitor, anna: Person, ben: Person, runtime: Runtime) -> None:
    visitor.login(device="Anna's phone")
    visitor.post("/auth/password/forgot", {"email": anna.email})
    with runtime.writing() as work:
        service.introduce(work, anna.user_id, [ben.user_id])
    erase(anna)
    with runtime.reading() as work:
        left = work.get_one(User, anna.user_id)
        assert (left.email, left.display_name, left.password_hash, left.email_verified_at) == (
            None,
            "Deleted user",
            None,
            None,
        )
        sessions = work.scalars(select(UserSession).where(UserSession.user_id == anna.user_id)).all()
        assert {(session.device, session.user_agent, session.ended_reason) for session in sessions} == {
            (None, None, "erased")
        }
        for table in (EmailToken, Acquaintance):
            assert work.scalar(select(func.count()).select_from(table)) == 0
        assert service.names_of(work, [anna.user_id]) == {anna.user_id: "Deleted user"}
    tables = ("users", "sessions", "email_tokens", "service_keys", "acquaintances")
    rows = stored_rows(runtime.database, *tables)
    assert any(anna.user_id in row for row in rows)
    assert not any("anna" in row.lower() for row in rows)


def test_nobody_finds_them_any_more(anna: Person, ben: Person, runtime: Runtime) -> None:
    with runtime.writing() as work:
        service.introduce(work, ben.user_id, [anna.user_id])
    erase(anna)
    assert ok(ben.get("/users"))["items"] == []
    assert ok(ben.get("/users", email=anna.email))["items"] == []
    with runtime.reading() as work, pytest.raises(errors.NotFound):
        service.get_user(work, anna.user_id)


def test_the_address_is_free_again(visitor: Visitor, anna: Person, ben: Person) -> None:
    erase(anna)
    again = visitor.register()
    assert again.user_id != anna.user_id
    assert erase(ben) == 204  # a second tombstone beside the first
    assert erase(again) == 204
