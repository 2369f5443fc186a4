"""Providers that are there, a Parley that knows them, and browsers."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.core.clock import ManualClock
from app.core.flask_app import ParleyApp
from tests.accounts.visitors import ADDRESS
from tests.support.oidc_provider import OwnProvider, RealProvider, own_provider, providers, real_provider
from tests.support.people import Person, ok

VERIFIER = "v" * 43
APP_REDIRECT = "com.example.meet:/oidc"
APP_RETURN = "com.example.meet:/signed-in"


@pytest.fixture(scope="session")
def acme() -> Iterator[RealProvider]:
    with real_provider() as provider:
        yield provider


@pytest.fixture(scope="module")
def _own() -> Iterator[OwnProvider]:
    with own_provider() as provider:
        yield provider


@pytest.fixture
def own(_own: OwnProvider) -> OwnProvider:
    _own.published[:], _own.asked[:], _own.fails = [_own.key], [], False
    return _own


@pytest.fixture
def overrides(acme: RealProvider, own: OwnProvider) -> dict[str, Any]:
    app = {"redirect_uris": [APP_REDIRECT]}
    other_app = {"client_id": "parley-on-phones", "redirect_uris": ["com.example.other:/oidc"]}
    return {
        "oidc_return_uris": (APP_RETURN,),
        "auto_verify_email": False,
        "oidc_providers": providers(
            acme={"discovery_url": acme.url, "client_id": "parley", "client_secret": "s", "apps": [app]},
            own={"discovery_url": own.url, "client_id": "parley", "apps": [other_app]},
            gone={"discovery_url": "http://127.0.0.1:9", "client_id": "parley"},
        ),
    }


@pytest.fixture
def clock() -> ManualClock:
    """Providers live now."""
    return ManualClock(datetime.now(UTC))


def challenge_of(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def told(location: str) -> dict[str, str]:
    """What stands behind the # of the address that a browser was sent to, or in its query."""
    parts = urlsplit(location)
    return dict(parse_qsl(parts.fragment.partition("?")[2] or parts.query))


@dataclass
class Browser:
    app: Flask
    acme: RealProvider
    verifier: str = VERIFIER
    client: FlaskClient = field(init=False)

    def __post_init__(self) -> None:
        self.client = self.app.test_client()

    def start(self, provider: str = "acme", **query: str) -> TestResponse:
        asked = {"code_challenge": challenge_of(self.verifier), **query}
        return self.client.get(f"/api/v1/auth/oidc/{provider}/start", query_string=asked, base_url=ADDRESS)

    def go(self, subject: str, **query: str) -> str:
        """To the provider, where they sign in; where they are sent back to."""
        return self.acme.sign_in(self.start(**query).headers["Location"], subject)

    def come_back(self, location: str) -> dict[str, str]:
        """What the page is told."""
        answer = self.client.get(location)
        assert answer.status_code == 302
        return told(answer.headers["Location"])

    def exchange(self, code: str, **changed: Any) -> TestResponse:
        body = {"code": code, "code_verifier": self.verifier, **changed}
        return self.client.post("/api/v1/auth/oidc/acme/exchange", json=body)

    def try_to_sign_in(self, subject: str) -> TestResponse:
        return self.exchange(self.come_back(self.go(subject))["code"])

    def sign_in(self, subject: str) -> Person:
        tokens = ok(self.try_to_sign_in(subject))
        return Person(self.app, tokens["user"]["display_name"], tokens["user"]["email"], tokens)


@pytest.fixture
def browser(app: ParleyApp, acme: RealProvider) -> Browser:
    return Browser(app, acme)
