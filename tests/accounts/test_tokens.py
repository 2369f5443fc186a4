import base64
import io
import json
from datetime import timedelta
from typing import Any

import jwt
import pytest
from flask import g
from flask.testing import FlaskClient

from app.accounts import service
from app.accounts.authentication import authenticate
from app.accounts.models import User, UserSession
from app.core.clock import ManualClock
from app.core.flask_app import ParleyApp
from app.core.runtime import Runtime
from tests.accounts.visitors import Visitor
from tests.support.databases import stored_rows
from tests.support.people import PASSWORD, Person, ok, problem
from tests.support.statements import record_statements


def ask(client: FlaskClient, authorization: str | None) -> Any:
    headers = {} if authorization is None else {"Authorization": authorization}
    return client.get("/api/v1/auth/me", headers=headers)


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic YW5uYTpwYXNz", "Token abc"])
def test_without_a_token_one_is_asked_for(client: FlaskClient, header: str | None) -> None:
    response = ask(client, header)
    problem(response, 401, "token_missing")
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_the_scheme_is_written_in_any_case(client: FlaskClient, anna: Person) -> None:
    ok(ask(client, f"bearer  {anna.tokens['access_token']}"))


def nested(depth: int) -> str:
    """A token whose claims are brackets within brackets."""
    head, body = (
        base64.urlsafe_b64encode(part.encode()).decode().rstrip("=")
        for part in ('{"alg":"HS256","typ":"JWT"}', "[" * depth + "]" * depth)
    )
    return f"{head}.{body}.c2ln"


@pytest.mark.parametrize("token", ["x", "a.b.c", "...", "é.ü.ß", "e30.e30.e30", "a b", nested(3_000), "x" * 7_000])
def test_garbage_is_no_token(client: FlaskClient, visitor: Visitor, token: str) -> None:
    problem(ask(client, f"Bearer {token}".encode().decode("latin-1")), 401, "token_invalid")
    if len(token) <= 2_048:
        problem(visitor.post("/auth/refresh", {"refresh_token": token}), 401, "token_invalid")


def test_a_nested_refresh_token_is_no_token(visitor: Visitor) -> None:
    problem(visitor.post("/auth/refresh", {"refresh_token": nested(700)}), 401, "token_invalid")


def forged(app: ParleyApp, token: str, *, key: str | None = None, algorithm: str = "HS256", **claims: Any) -> str:
    """`token` with other claims (None: without), signed anew; with the right key where none is given."""
    content = {**jwt.decode(token, options={"verify_signature": False}), **claims}
    content = {name: value for name, value in content.items() if value is not None}
    return jwt.encode(content, app.config["JWT_SECRET_KEY"] if key is None else key, algorithm)


def test_a_token_that_is_signed_anew_in_the_same_way_is_taken(
    app: ParleyApp, client: FlaskClient, anna: Person
) -> None:
    """So that the refusals below have the reasons that they claim."""
    ok(ask(client, f"Bearer {forged(app, anna.tokens['access_token'])}"))


@pytest.mark.parametrize(
    "changes",
    [
        {"key": "k" * 64},
        {"key": "", "algorithm": "none"},
        {"algorithm": "HS512"},
        {"iss": "somebody"},
        {"iss": None},
        {"aud": "somebody"},
        {"aud": None},
        {"type": "refresh"},
        {"type": "reset"},
        {"sub": None},
        {"sub": 5},
    ],
)
def test_a_forged_token_is_refused(app: ParleyApp, client: FlaskClient, anna: Person, changes: dict[str, Any]) -> None:
    token = forged(app, anna.tokens["access_token"], **changes)
    problem(ask(client, f"Bearer {token}"), 401, "token_invalid")


def test_a_token_whose_claims_were_changed_is_refused(client: FlaskClient, anna: Person, ben: Person) -> None:
    head, _, signature = anna.tokens["access_token"].split(".")
    claims = jwt.decode(anna.tokens["access_token"], options={"verify_signature": False})
    body = base64.urlsafe_b64encode(json.dumps({**claims, "sub": ben.user_id}).encode()).decode().rstrip("=")
    problem(ask(client, f"Bearer {head}.{body}.{signature}"), 401, "token_invalid")


def test_a_token_without_a_signature_is_refused(client: FlaskClient, anna: Person) -> None:
    head, body, _ = anna.tokens["access_token"].split(".")
    problem(ask(client, f"Bearer {head}.{body}."), 401, "token_invalid")


def test_each_kind_of_token_is_good_for_its_own_purpose_alone(
    client: FlaskClient, visitor: Visitor, anna: Person
) -> None:
    problem(ask(client, f"Bearer {anna.tokens['refresh_token']}"), 401, "token_invalid")
    refresh_with_access = {"refresh_token": anna.tokens["access_token"]}
    problem(visitor.post("/auth/refresh", refresh_with_access), 401, "token_invalid")
    ok(anna.get("/auth/me"))  # neither has harmed the session


def test_a_token_in_the_address_does_not_count(client: FlaskClient, anna: Person) -> None:
    response = client.get("/api/v1/auth/sessions", query_string={"access_token": anna.tokens["access_token"]})
    problem(response, 401, "token_missing")


def test_an_access_token_lives_until_the_moment_that_it_names(clock: ManualClock, anna: Person) -> None:
    clock.advance(minutes=14, seconds=59)
    ok(anna.get("/auth/me"))
    clock.advance(seconds=1)
    problem(anna.get("/auth/me"), 401, "token_expired")


def test_a_clock_far_from_the_systems_is_the_one_that_counts(
    clock: ManualClock, visitor: Visitor, anna: Person
) -> None:
    clock.advance(days=365 * 20)
    problem(anna.get("/auth/me"), 401, "token_expired")
    ok(visitor.login().get("/auth/me"))


def test_an_expired_refresh_token_means_signing_in_again(clock: ManualClock, visitor: Visitor, anna: Person) -> None:
    clock.advance(days=30)
    problem(visitor.try_to_refresh(anna), 401, "session_ended")


@pytest.fixture(params=["session ended", "user disabled", "session of somebody else", "unknown session"])
def token_of_no_session(
    request: pytest.FixtureRequest, app: ParleyApp, runtime: Runtime, clock: ManualClock, anna: Person, ben: Person
) -> str:
    token: str = anna.tokens["access_token"]
    with runtime.writing() as work:
        match request.param:
            case "session ended":
                work.get_one(UserSession, anna.session_id).ended_at = clock.now()
            case "user disabled":
                work.get_one(User, anna.user_id).disabled_at = clock.now()
            case "session of somebody else":
                token = forged(app, token, sid=ben.session_id)
            case _:
                token = forged(app, token, sid="01980a3e-7b6c-7d4e-8f00-1a2b3c4d5e6f")
    return token


def test_a_good_token_needs_a_living_session_of_a_living_user(client: FlaskClient, token_of_no_session: str) -> None:
    problem(ask(client, f"Bearer {token_of_no_session}"), 401, "session_ended")


def test_a_disabled_user_refreshes_nothing(
    visitor: Visitor, runtime: Runtime, clock: ManualClock, anna: Person
) -> None:
    with runtime.writing() as work:
        work.get_one(User, anna.user_id).disabled_at = clock.now()
    problem(visitor.try_to_refresh(anna), 401, "session_ended")
    problem(visitor.try_to_login(), 401, "bad_credentials")


@pytest.fixture
def service_key(runtime: Runtime) -> str:
    with runtime.writing() as work:
        user = service.create(work, email="sfu@example.org", display_name="SFU 1", role="service", password=None)
        return service.add_service_key(work, user)


def test_a_service_key_is_a_token_too(client: FlaskClient, service_key: str) -> None:
    assert service_key.startswith("parley_sk_")
    assert ok(ask(client, f"Bearer {service_key}"))["role"] == "service"


def test_the_database_holds_no_key(runtime: Runtime, service_key: str) -> None:
    dump = "\n".join(stored_rows(runtime.database))
    assert "service_keys" in dump
    assert service_key not in dump
    assert service_key.removeprefix("parley_sk_") not in dump


def test_an_unknown_key_is_refused(client: FlaskClient, service_key: str) -> None:
    for key in ("parley_sk_", "parley_sk_x", service_key[:-1], service_key + "x", service_key.upper()):
        problem(ask(client, f"Bearer {key}"), 401, "token_invalid")


def test_a_key_counts_no_more_once_its_role_is_taken(client: FlaskClient, runtime: Runtime, service_key: str) -> None:
    with runtime.writing() as work:
        user = service.find_by_email(work, "sfu@example.org")
        assert user is not None
        service.set_role(work, user, "admin")
    problem(ask(client, f"Bearer {service_key}"), 401, "token_invalid")
    with runtime.writing() as work:
        user = service.find_by_email(work, "sfu@example.org")
        assert user is not None
        service.set_role(work, user, "service")
        another = service.add_service_key(work, user)
    problem(ask(client, f"Bearer {service_key}"), 401, "token_invalid")
    ok(ask(client, f"Bearer {another}"))


def test_a_key_of_a_disabled_service_is_refused(
    client: FlaskClient, runtime: Runtime, clock: ManualClock, service_key: str
) -> None:
    with runtime.writing() as work:
        user = service.find_by_email(work, "sfu@example.org")
        assert user is not None
        user.disabled_at = clock.now()
    problem(ask(client, f"Bearer {service_key}"), 401, "token_invalid")


def test_a_role_counts_from_the_next_request_on(runtime: Runtime, anna: Person) -> None:
    with runtime.writing() as work:
        service.set_role(work, service.get_user(work, anna.user_id), "admin")
    assert ok(anna.get("/auth/me"))["role"] == "admin"


def test_whoever_holds_a_request_open_learns_when_its_token_expires(
    app: ParleyApp, runtime: Runtime, clock: ManualClock, anna: Person, service_key: str
) -> None:
    def expiry(token: str) -> Any:
        with app.app_context(), runtime.reading() as work:
            authenticate(work, f"Bearer {token}")
            return g.token_expires_at

    assert expiry(anna.tokens["access_token"]) == clock.now() + timedelta(minutes=15)
    assert expiry(service_key) is None


def test_authenticating_is_one_query_and_opens_no_transaction(
    app: ParleyApp, runtime: Runtime, anna: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context(), runtime.writing() as work:
        statements = record_statements(runtime.database.reader, monkeypatch)
        actor, _ = authenticate(work, f"Bearer {anna.tokens['access_token']}")
        assert not work.in_transaction()
        assert len(statements) == 1
    assert (actor.user_id, actor.session_id, actor.display_name, actor.role) == (
        anna.user_id,
        anna.session_id,
        "Anna",
        "user",
    )


class TestTheLog:
    @pytest.fixture
    def overrides(self) -> dict[str, Any]:
        return {"log_level": "DEBUG"}

    def test_has_no_password_and_no_token(self, log: io.StringIO, visitor: Visitor, anna: Person) -> None:
        visitor.try_to_login(password=PASSWORD + "!")
        visitor.refresh(anna)
        anna.get("/auth/me")
        assert "/api/v1/auth/refresh" in log.getvalue()
        for secret in (PASSWORD, anna.tokens["access_token"], anna.tokens["refresh_token"]):
            assert secret not in log.getvalue()
