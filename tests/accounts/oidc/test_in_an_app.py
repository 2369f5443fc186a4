"""Apps that speak to the provider themselves, and bring a code or an ID token."""

import base64
import hmac
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from joserfc.jwk import RSAKey
from werkzeug.test import TestResponse

from app.core.clock import ManualClock
from tests.accounts.oidc.conftest import APP_REDIRECT, VERIFIER, challenge_of, told
from tests.accounts.visitors import Visitor, faulty_fields
from tests.support.oidc_provider import OwnProvider, RealProvider
from tests.support.people import ok, problem

STRANGERS = RSAKey.generate_key(2048, auto_kid=True)


def code_from(acme: RealProvider, subject: str, nonce: str = "chosen") -> str:
    """As an app gets it with AppAuth: by a browser of the phone, sent to the app's own address."""
    asked = {
        "client_id": "parley",
        "response_type": "code",
        "scope": "openid email profile",
        "redirect_uri": APP_REDIRECT,
        "state": "s",
        "nonce": nonce,
        "code_challenge": challenge_of(VERIFIER),
        "code_challenge_method": "S256",
    }
    return told(acme.sign_in(f"{acme.url}/oauth2/authorize?{urlencode(asked)}", subject))["code"]


def send_code(visitor: Visitor, code: str, **changed: Any) -> TestResponse:
    body = {"code": code, "code_verifier": VERIFIER, "redirect_uri": APP_REDIRECT, "nonce": "chosen"}
    return visitor.post("/auth/oidc/acme/exchange", {**body, **changed})


def send_token(visitor: Visitor, token: str, nonce: str = "n") -> TestResponse:
    return visitor.post("/auth/oidc/own/exchange", {"id_token": token, "nonce": nonce, "device": "Phone"})


def test_a_code_signs_in_once(visitor: Visitor, acme: RealProvider) -> None:
    acme.know("paula", email="paula@example.org", email_verified=True, name="Paula")
    code = code_from(acme, "paula")
    assert ok(send_code(visitor, code))["user"]["display_name"] == "Paula"
    problem(send_code(visitor, code), 422, "proof_not_valid")


def test_a_code_for_another_nonce_is_refused(visitor: Visitor, acme: RealProvider) -> None:
    code = code_from(acme, "paula", nonce="another")
    assert "nonce" in problem(send_code(visitor, code), 422, "proof_not_valid")["detail"]


def test_a_code_that_was_sent_elsewhere_is_not_asked_about(visitor: Visitor) -> None:
    assert faulty_fields(send_code(visitor, "code", redirect_uri="com.evil:/oidc")) == ["redirect_uri"]


@pytest.mark.parametrize("body", [{}, {"code": "c"}, {"id_token": "t"}, {"code": "c", "nonce": "n", "id_token": "t"}])
def test_what_is_no_proof_by_its_shape_is_refused(visitor: Visitor, body: dict[str, str]) -> None:
    problem(visitor.post("/auth/oidc/own/exchange", body), 422, "validation_failed")


def test_an_id_token_signs_in_once(visitor: Visitor, own: OwnProvider, clock: ManualClock) -> None:
    token = own.token(clock.now())
    assert ok(send_token(visitor, token))["user"]["email"] == "olga@example.org"
    assert "before" in problem(send_token(visitor, token), 422, "proof_not_valid")["detail"]


@pytest.mark.parametrize(
    ("claims", "told"),
    [
        ({"aud": "another"}, "aud"),
        ({"aud": ["parley", "another"]}, "aud"),
        ({"aud": None}, "aud"),
        ({"aud": ["parley", "parley-on-phones"]}, "azp"),
        ({"azp": "another"}, "azp"),
        ({"iss": "https://evil.example"}, "iss"),
        ({"nonce": "another"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"sub": None}, "sub"),
        ({"sub": "s" * 256}, "sub"),
        ({"sub": 7}, "sub"),
        ({"exp": None}, "exp"),
        ({"exp": "tomorrow"}, "exp"),
        ({"exp": 1_000_000_000}, "exp"),
        ({"iat": 99_999_999_999}, "in the future"),
    ],
    ids=str,
)
def test_an_id_token_that_says_anything_wrong_is_refused(
    visitor: Visitor, own: OwnProvider, clock: ManualClock, claims: dict[str, Any], told: str
) -> None:
    answer = problem(send_token(visitor, own.token(clock.now(), **claims)), 422, "proof_not_valid")
    assert told in answer["detail"]


def base64url(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).decode().rstrip("=")


def unsigned(token: str) -> str:
    header = base64url(b'{"alg":"none"}')
    return f"{header}.{token.split('.')[1]}."


def signed_with_the_public_key(token: str, key: RSAKey) -> str:
    """What everybody knows, taken for a secret of both sides (RFC 8725 §2.1)."""
    header = json.dumps({"alg": "HS256", "kid": key.kid}).encode()
    said = f"{base64url(header)}.{token.split('.')[1]}"
    return f"{said}.{base64url(hmac.digest(key.as_pem(private=False), said.encode(), 'sha256'))}"


def test_an_id_token_that_the_provider_did_not_sign_is_refused(
    visitor: Visitor, own: OwnProvider, clock: ManualClock
) -> None:
    right = own.token(clock.now())
    forged = [
        unsigned(right),
        right[:-8] + "AAAAAAAA",
        own.token(clock.now(), key=STRANGERS),
        own.token(clock.now(), key=STRANGERS, header={"kid": own.key.kid}),
        signed_with_the_public_key(right, own.key),
        "no.token.at-all",
    ]
    for token in forged:
        problem(send_token(visitor, token), 422, "proof_not_valid")


def test_an_app_with_a_client_id_of_its_own_is_known(visitor: Visitor, own: OwnProvider, clock: ManualClock) -> None:
    ok(send_token(visitor, own.token(clock.now(), azp="parley-on-phones")))  # as Google's come on Android


def test_expiry_is_by_our_clock_and_bears_a_minute(visitor: Visitor, own: OwnProvider, clock: ManualClock) -> None:
    nearly, over = own.token(clock.now(), sub="a"), own.token(clock.now(), sub="b")
    clock.advance(seconds=300 + 58)
    ok(send_token(visitor, nearly))
    clock.advance(seconds=3)
    problem(send_token(visitor, over), 422, "proof_not_valid")


def test_what_a_provider_publishes_is_asked_once_and_again_for_a_key_that_is_new(
    visitor: Visitor, own: OwnProvider, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for subject in ("a", "b"):
        send_token(visitor, own.token(clock.now(), sub=subject))
    assert own.asked == ["/.well-known/openid-configuration", "/keys"]
    own.published.append(STRANGERS)
    new = own.token(clock.now(), key=STRANGERS)
    problem(send_token(visitor, new), 422, "proof_not_valid")  # it has just been asked
    monkeypatch.setattr("app.accounts.oidc.providers.KEYS_AGAIN_S", 0)
    ok(send_token(visitor, new))


def test_a_provider_that_fails_is_left_alone_for_a_while(visitor: Visitor, own: OwnProvider) -> None:
    own.fails = True
    token = own.token(datetime.now(UTC))
    for _ in range(3):
        answer = send_token(visitor, token)
        problem(answer, 503, "provider_unavailable")
        assert int(answer.headers["Retry-After"]) >= 1
    assert len(own.asked) == 1
