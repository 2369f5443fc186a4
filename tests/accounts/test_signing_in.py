from collections.abc import Callable

import pytest
from sqlalchemy import text

from app.accounts import service
from app.accounts.mail.memory import MemoryMailer
from app.accounts.models import User
from app.accounts.passwords import Argon2Passwords, PasswordHasher
from app.core.runtime import Runtime
from tests.accounts.visitors import Visitor, link_in
from tests.support.people import PASSWORD, Person, problem


class WatchedPasswords:
    """Counts checks, and runs `during` while a password is hashed or checked."""

    def __init__(self, real: PasswordHasher) -> None:
        self._real = real
        self.checked: list[str | None] = []
        self.during: Callable[[], object] = lambda: None

    def hash(self, password: str) -> str:
        self.during()
        return self._real.hash(password)

    def verify(self, stored: str | None, password: str) -> bool:
        self.checked.append(stored)
        matches = self._real.verify(stored, password)
        self.during()
        return matches

    def is_outdated(self, stored: str) -> bool:
        return self._real.is_outdated(stored)

    def close(self) -> None:
        """Nothing is held."""


@pytest.fixture
def watched(runtime: Runtime) -> WatchedPasswords:
    watched = WatchedPasswords(runtime.drivers[PasswordHasher])
    runtime.drivers[PasswordHasher] = watched
    return watched


def test_signing_in_begins_a_session_of_its_own(visitor: Visitor, anna: Person) -> None:
    again = visitor.login(device="Phone")
    assert again.user_id == anna.user_id
    assert again.session_id != anna.session_id
    assert again.get("/auth/me").status_code == anna.get("/auth/me").status_code == 200


def test_an_address_may_be_written_in_any_case(visitor: Visitor, anna: Person) -> None:
    assert visitor.login(" ANNA@EXAMPLE.org").user_id == anna.user_id


def test_a_wrong_password_and_an_unknown_address_are_told_alike(visitor: Visitor, anna: Person) -> None:
    answers = [
        problem(visitor.try_to_login(email, "wrong password"), 401, "bad_credentials")
        for email in (anna.email, "nobody@example.org")
    ]
    for answer in answers:
        del answer["request_id"]
    assert answers[0] == answers[1]


def test_an_unknown_address_costs_the_check_of_a_password_too(visitor: Visitor, watched: WatchedPasswords) -> None:
    visitor.try_to_login("nobody@example.org")
    assert watched.checked == [None]


def test_an_account_without_a_password_is_not_signed_in_to(visitor: Visitor, runtime: Runtime) -> None:
    with runtime.writing() as work:
        service.create(work, email="bot@example.org", display_name="Bot", role="service", password=None)
    problem(visitor.try_to_login("bot@example.org"), 401, "bad_credentials")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"email": "anna@example.org"},
        {"email": "anna@example.org", "password": ""},
        {"email": "anna@example.org", "password": "x" * 201},
        {"email": "anna@example.org", "password": PASSWORD, "device": "x" * 65},
        {"email": "anna@example.org", "password": PASSWORD, "remember": True},
    ],
)
def test_fields_that_are_missing_overlong_or_unknown_are_refused(visitor: Visitor, body: dict[str, str]) -> None:
    problem(visitor.post("/auth/login", body), 422, "validation_failed")


def test_letters_composed_in_another_way_are_the_same_password(visitor: Visitor) -> None:
    visitor.register(password="Gr\u00fc\u00dfe aus K\u00f6ln")
    visitor.login(password="Gru\u0308\u00dfe aus Ko\u0308ln")


def test_a_hash_of_old_parameters_is_renewed_at_the_next_signing_in(
    visitor: Visitor, anna: Person, runtime: Runtime
) -> None:
    runtime.drivers[PasswordHasher] = Argon2Passwords(time_cost=2, memory_cost_kib=16, parallelism=1)
    visitor.login()
    with runtime.reading() as work:
        user = work.get_one(User, anna.user_id)
    assert "m=16,t=2,p=1" in (user.password_hash or "")
    assert user.version == 1  # nothing that clients see has changed
    visitor.login()


def test_a_password_that_is_changed_while_it_is_checked_does_not_sign_in(
    visitor: Visitor, anna: Person, watched: WatchedPasswords
) -> None:
    def change() -> None:
        watched.during = lambda: None
        anna.post("/auth/password", {"current_password": PASSWORD, "new_password": "another password"})

    watched.during = change
    problem(visitor.try_to_login(), 401, "bad_credentials")


def test_no_transaction_is_open_while_a_password_is_hashed(
    visitor: Visitor, runtime: Runtime, watched: WatchedPasswords, mailer: MemoryMailer
) -> None:
    hashed: list[str] = []

    def write() -> None:
        with runtime.writing() as work:  # refused within another of the same thread
            work.execute(text("SELECT 1"))
        hashed.append("free")

    watched.during = write
    anna = visitor.register()
    assert visitor.try_to_login().status_code == 200
    change = {"current_password": PASSWORD, "new_password": "another password"}
    assert anna.post("/auth/password", change).status_code == 204
    visitor.post("/auth/password/forgot", {"email": anna.email})
    reset = {"token": link_in(mailer, "reset"), "new_password": PASSWORD}
    assert visitor.post("/auth/password/reset", reset).status_code == 204
    assert visitor.login().delete("/auth/me", {"password": PASSWORD}).status_code == 204
    assert len(hashed) == 7  # register, sign in, old and new, reset, sign in, erase
