"""Whose account it is: nobody gets into somebody else's by way of an address."""

from typing import Any

import pytest

from app.accounts.mail.memory import MemoryMailer
from app.core.clock import ManualClock
from app.core.runtime import Runtime
from tests.accounts.oidc.conftest import Browser
from tests.accounts.visitors import Visitor, link_in
from tests.support.databases import stored_rows
from tests.support.oidc_provider import RealProvider
from tests.support.people import PASSWORD, Person, ok, problem


@pytest.fixture
def anna(visitor: Visitor, acme: RealProvider) -> Person:
    """She has a password here; her address is not verified yet. The provider knows her too."""
    acme.know("anna", email="anna@example.org", email_verified=True, name="Anna at Acme")
    return visitor.register()


def verify(visitor: Visitor, mailer: MemoryMailer) -> None:
    ok(visitor.post("/auth/verify", {"token": link_in(mailer, "verify")}))


def test_an_account_is_joined_where_both_sides_have_proof_of_the_address(
    browser: Browser, visitor: Visitor, anna: Person, mailer: MemoryMailer
) -> None:
    verify(visitor, mailer)
    joined = browser.sign_in("anna")
    assert joined.user_id == anna.user_id
    assert joined.name == "Anna"
    assert visitor.login().user_id == anna.user_id  # her password still works


def test_whoever_registered_with_an_address_that_they_never_proved_is_not_joined(
    browser: Browser, anna: Person
) -> None:
    problem(browser.try_to_sign_in("anna"), 409, "address_has_account")
    assert ok(anna.get("/auth/me/identities"))["items"] == []


def test_a_provider_that_has_not_verified_an_address_joins_nobody_to_its_account(
    browser: Browser, visitor: Visitor, anna: Person, mailer: MemoryMailer, acme: RealProvider
) -> None:
    verify(visitor, mailer)
    acme.know("mallory", email="anna@example.org", email_verified=False)
    problem(browser.try_to_sign_in("mallory"), 409, "address_has_account")


def test_an_unverified_address_makes_an_account_that_has_to_prove_it(
    browser: Browser, acme: RealProvider, mailer: MemoryMailer
) -> None:
    acme.know("quinn", email="quinn@example.org", preferred_username="quinn77")
    quinn = browser.sign_in("quinn")
    assert (quinn.name, ok(quinn.get("/auth/me"))["email_verified"]) == ("quinn77", False)
    assert link_in(mailer, "verify")


def test_an_account_needs_an_address(browser: Browser, acme: RealProvider) -> None:
    acme.know("rosa", name="Rosa")
    problem(browser.try_to_sign_in("rosa"), 422, "provider_told_no_email")


def connect(browser: Browser, person: Person, subject: str, **given: Any) -> Any:
    code = browser.come_back(browser.go(subject))["code"]
    body = {"provider": "acme", "code": code, "code_verifier": browser.verifier, **given}
    return person.post("/auth/me/identities", body)


def test_who_is_signed_in_connects_a_provider_whatever_its_address(
    browser: Browser, anna: Person, acme: RealProvider
) -> None:
    acme.know("annas-work", email="berg@work.example")
    problem(connect(browser, anna, "annas-work", password="wrong password"), 401, "bad_credentials")
    identity = ok(connect(browser, anna, "annas-work", password=PASSWORD), 201)
    assert (identity["provider"], identity["email"]) == ("acme", "berg@work.example")
    assert browser.sign_in("annas-work").user_id == anna.user_id
    assert ok(connect(browser, anna, "annas-work", password=PASSWORD), 201)["id"] == identity["id"]


def test_a_providers_account_signs_in_to_one_account_only(browser: Browser, anna: Person, acme: RealProvider) -> None:
    acme.know("ben", email="ben@example.org", email_verified=True)
    browser.sign_in("ben")
    problem(connect(browser, anna, "ben", password=PASSWORD), 409, "identity_taken")


def test_the_last_way_in_is_kept(
    browser: Browser, acme: RealProvider, visitor: Visitor, mailer: MemoryMailer, anna: Person
) -> None:
    acme.know("sven", email="sven@example.org", email_verified=True)
    sven = browser.sign_in("sven")
    (identity,) = ok(sven.get("/auth/me/identities"))["items"]
    problem(sven.delete(f"/auth/me/identities/{identity['id']}"), 409, "last_way_in")
    problem(anna.delete(f"/auth/me/identities/{identity['id']}"), 404, "not_found")
    visitor.post("/auth/password/forgot", {"email": "sven@example.org"})  # so he gets a password
    reset = {"token": link_in(mailer, "reset"), "new_password": PASSWORD}
    assert visitor.post("/auth/password/reset", reset).status_code == 204
    sven = visitor.login("sven@example.org")
    assert sven.delete(f"/auth/me/identities/{identity['id']}").status_code == 204
    assert ok(sven.get("/auth/me/identities"))["items"] == []


def test_without_a_password_there_is_none_to_change_and_erasing_needs_a_sign_in_of_late(
    browser: Browser, acme: RealProvider, clock: ManualClock, visitor: Visitor, runtime: Runtime
) -> None:
    acme.know("tove", email="tove@example.org", email_verified=True, name="Tove")
    tove = browser.sign_in("tove")
    change = {"current_password": PASSWORD, "new_password": "another password"}
    problem(tove.post("/auth/password", change), 409, "no_password")
    problem(visitor.try_to_login("tove@example.org"), 401, "bad_credentials")
    clock.advance(minutes=11)
    problem(tove.delete("/auth/me", {}), 403, "sign_in_again")
    again = browser.sign_in("tove")
    assert again.delete("/auth/me", {}).status_code == 204
    rows = stored_rows(runtime.database, "users", "oidc_identities", "oidc_handoffs")
    assert "tove" not in str(rows).lower()
    assert browser.sign_in("tove").user_id != tove.user_id  # a new account
