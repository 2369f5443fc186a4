"""Signing in at a real provider and coming back."""

from datetime import timedelta

import pytest

from app.core.clock import ManualClock
from app.core.flask_app import ParleyApp
from tests.accounts.oidc.conftest import APP_RETURN, Browser, told
from tests.accounts.visitors import ADDRESS
from tests.support.oidc_provider import RealProvider
from tests.support.people import ok, problem


def test_who_is_new_gets_an_account_and_finds_it_again(browser: Browser, acme: RealProvider) -> None:
    acme.know("nora-1", email="Nora@Example.org", email_verified=True, name="Nora Nilsen", locale="nb")
    nora = browser.sign_in("nora-1")
    me = ok(nora.get("/auth/me"))
    shown = {name: me[name] for name in ("email", "display_name", "locale", "email_verified", "has_password")}
    assert shown == {
        "email": "nora@example.org",
        "display_name": "Nora Nilsen",
        "locale": "nb",
        "email_verified": True,
        "has_password": False,
    }
    acme.know("nora-1", email="nora@elsewhere.example", email_verified=False)
    assert browser.sign_in("nora-1").user_id == nora.user_id  # her address may change; she stays who she is


def test_the_page_gets_no_token_by_an_address_but_a_code_that_works_once(browser: Browser) -> None:
    answer = browser.client.get(browser.go("olle@example.org", return_to="/meetings/1"))
    location = answer.headers["Location"]
    assert location.startswith(f"{ADDRESS}/meetings/1#/oidc?code=")
    assert answer.get_data() == b""
    assert "parley_oidc=;" in answer.headers["Set-Cookie"]
    code = told(location)["code"]
    ok(browser.exchange(code))
    problem(browser.exchange(code), 422, "token_not_usable")


def test_a_code_is_of_no_use_to_who_does_not_know_its_verifier(browser: Browser) -> None:
    code = browser.come_back(browser.go("olle@example.org"))["code"]
    problem(browser.exchange(code, code_verifier="w" * 43), 422, "token_not_usable")
    ok(browser.exchange(code))


def test_a_code_expires(browser: Browser, clock: ManualClock) -> None:
    code = browser.come_back(browser.go("olle@example.org"))["code"]
    clock.advance(minutes=2)
    problem(browser.exchange(code), 422, "token_not_usable")


def test_nobody_is_signed_in_by_a_sign_in_that_another_browser_began(
    app: ParleyApp, acme: RealProvider, browser: Browser
) -> None:
    begun_elsewhere = Browser(app, acme).go("mallory@example.org")
    assert browser.come_back(begun_elsewhere) == {"error": "sign_in_expired"}
    browser.start()  # with a cookie of an own one too
    assert browser.come_back(begun_elsewhere) == {"error": "sign_in_expired"}


def test_a_state_comes_back_once(browser: Browser) -> None:
    back = browser.go("olle@example.org")
    cookie = browser.client.get_cookie("parley_oidc", path="/api/v1/auth/oidc", domain="meet.example.org")
    assert cookie is not None
    assert "code" in browser.come_back(back)
    browser.client.set_cookie(
        "parley_oidc", cookie.value, path="/api/v1/auth/oidc", domain="meet.example.org", secure=True
    )
    assert browser.come_back(back) == {"error": "proof_not_valid"}


def test_a_sign_in_that_took_too_long_begins_anew(browser: Browser, clock: ManualClock) -> None:
    back = browser.go("olle@example.org")
    clock.advance(minutes=10)
    assert browser.come_back(back) == {"error": "sign_in_expired"}


def test_who_says_no_at_the_provider_is_told_so(browser: Browser, acme: RealProvider) -> None:
    going = browser.start(return_to="/register").headers["Location"]
    state = told(going)["state"]
    refused = f"{ADDRESS}/api/v1/auth/oidc/acme/callback?error=access_denied&state={state}"
    assert browser.come_back(refused) == {"error": "sign_in_cancelled"}


def test_the_cookie_is_kept_from_scripts_and_from_other_sites(browser: Browser) -> None:
    answer = browser.start()
    cookie = answer.headers["Set-Cookie"]
    for attribute in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/api/v1/auth/oidc", "Max-Age=600"):
        assert attribute in cookie
    asked = told(answer.headers["Location"])
    assert {"state", "nonce", "code_challenge"} <= asked.keys()
    assert asked["code_challenge_method"] == "S256"
    for secret in (asked["state"], asked["nonce"]):
        assert secret not in cookie


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "com.example.meet:/other",
        "javascript:alert(1)",
        "/#/oidc?code=x",
        "evil.example",
    ],
)
def test_nobody_is_sent_anywhere_but_here_and_to_apps_that_are_allowed(browser: Browser, address: str) -> None:
    fields = problem(browser.start(return_to=address), 422, "validation_failed")["errors"]
    assert [field["field"] for field in fields] == ["return_to"]


def test_an_app_that_opened_a_browser_gets_its_code_in_the_query(browser: Browser) -> None:
    location = browser.client.get(browser.go("olle@example.org", return_to=APP_RETURN)).headers["Location"]
    assert location.startswith(f"{APP_RETURN}?code=")
    ok(browser.exchange(told(location)["code"], device="Phone"))


def test_a_provider_that_is_gone_is_503_and_a_person_is_sent_back(browser: Browser) -> None:
    answer = browser.start("gone")
    problem(answer, 503, "provider_unavailable")
    assert 1 <= int(answer.headers["Retry-After"]) <= 10
    query = "code_challenge=" + "c" * 43
    accepts = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"}
    page = browser.client.get(f"/api/v1/auth/oidc/gone/start?{query}", headers=accepts)
    assert told(page.headers["Location"]) == {"error": "provider_unavailable"}


def test_providers_are_listed_for_buttons(browser: Browser) -> None:
    listed = ok(browser.client.get("/api/v1/auth/oidc"))
    assert {"name": "acme", "label": "Acme"} in listed["items"]
    problem(browser.start("unknown"), 404, "not_found")


def test_what_was_handed_over_is_forgotten(browser: Browser, clock: ManualClock, app: ParleyApp) -> None:
    from sqlalchemy import func, select

    from app.accounts.oidc.models import OidcHandoff
    from app.accounts.tasks import sweep

    browser.come_back(browser.go("olle@example.org"))
    clock.advance(seconds=timedelta(minutes=3).total_seconds())
    sweep(app.runtime, {})
    with app.runtime.reading() as work:
        assert work.scalar(select(func.count()).select_from(OidcHandoff)) == 0
