"""Where addresses count as verified at registration, nobody has looked whether they are."""

from typing import Any

import pytest

from tests.accounts.oidc.conftest import Browser
from tests.accounts.visitors import Visitor
from tests.support.oidc_provider import RealProvider
from tests.support.people import ok, problem


@pytest.fixture
def overrides(overrides: dict[str, Any]) -> dict[str, Any]:
    return {**overrides, "auto_verify_email": True}


def test_they_join_nobody(browser: Browser, visitor: Visitor, acme: RealProvider) -> None:
    acme.know("anna", email="anna@example.org", email_verified=True)
    anna = visitor.register()
    assert ok(anna.get("/auth/me"))["email_verified"]
    problem(browser.try_to_sign_in("anna"), 409, "address_has_account")
