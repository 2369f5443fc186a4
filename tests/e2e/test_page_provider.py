"""Signing in to the page with a real OpenID provider, there and back."""

import json
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from tests.e2e.person import PASSWORD, Person
from tests.e2e.server import Server
from tests.support.oidc_provider import RealProvider, real_provider

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def acme() -> Iterator[RealProvider]:
    with real_provider() as provider:
        provider.know("ada", email="ada@example.org", email_verified=True, name="Ada Lind")
        yield provider


@pytest.fixture(scope="module")
def server(acme: RealProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    known = {"acme": {"discovery_url": acme.url, "client_id": "parley", "client_secret": "s"}}
    known |= {"gone": {"discovery_url": "http://127.0.0.1:9", "client_id": "parley"}}
    with Server(tmp_path_factory.mktemp("with-provider"), OIDC_PROVIDERS=json.dumps(known)) as running:
        yield running


def test_a_person_comes_back_signed_in_and_no_address_keeps_a_secret(visitor: Callable[..., Person]) -> None:
    page = visitor("Ada Lind").page
    page.goto("/sign-in")
    page.get_by_role("button", name="Continue with Gone").click()
    expect(page.get_by_role("alert")).to_have_text("The provider does not answer. Try again in a moment.")
    page.get_by_role("link", name="Try again").click()
    page.get_by_role("button", name="Continue with Acme").click()
    page.locator("input[name=sub]").fill("ada")
    page.get_by_role("button", name="Authorize").click()
    expect(page.get_by_label("Account").get_by_text("Ada Lind")).to_be_visible()
    assert page.url.partition("#")[2] == ""
    page.reload()
    expect(page.get_by_label("Account").get_by_text("Ada Lind")).to_be_visible()


def test_a_provider_is_connected_to_an_account_and_disconnected_again(
    acme: RealProvider, someone: Callable[..., Person]
) -> None:
    acme.know("bo", email="bo@elsewhere.example", email_verified=True, name="Bo")
    bo = someone("Bo Berg")
    page = bo.page
    bo.page.get_by_role("link", name="Bo Berg").click()
    bo.screens_ready()
    page.get_by_role("button", name="Connect Acme", exact=True).click()
    page.locator("input[name=sub]").fill("bo")
    page.get_by_role("button", name="Authorize").click()
    page.get_by_label("Your password here").fill("another password")
    page.get_by_role("button", name="Connect Acme", exact=True).click()
    expect(page.get_by_role("alert")).to_have_text("The password is not right.")
    page.get_by_label("Your password here").fill(PASSWORD)
    page.get_by_role("button", name="Connect Acme", exact=True).click()
    expect(page.get_by_role("listitem").filter(has_text="Acme")).to_contain_text("bo@elsewhere.example")
    expect(page.get_by_role("button", name="Connect Acme", exact=True)).to_be_hidden()

    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Continue with Acme").click()
    page.locator("input[name=sub]").fill("bo")
    page.get_by_role("button", name="Authorize").click()
    page.get_by_role("link", name="Bo Berg").click()
    page.get_by_role("button", name="Disconnect Acme").click()
    page.get_by_role("dialog").get_by_role("button", name="Disconnect").click()
    expect(page.get_by_role("button", name="Connect Acme", exact=True)).to_be_visible()
    expect(page.get_by_role("listitem").filter(has_text="Acme")).to_have_count(0)

    page.get_by_role("button", name="Connect Gone").click()
    expect(page.get_by_role("alert")).to_have_text("The provider does not answer. Try again in a moment.")
    page.get_by_role("link", name="Back to your account").click()
    expect(bo.heading("Your account")).to_be_visible()
