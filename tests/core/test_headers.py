"""What requests and answers carry beside their bodies."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.core.flask_app import ParleyApp
from app.core.settings import Settings
from tests.support.people import Person, ok, problem

PAGE = "https://app.example.org"


# Authorization


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer  ", "Basic YTpi", "Token {token}", "{token}"])
def test_without_a_bearer_token_it_is_missing(anna: Person, header: str | None) -> None:
    _refused(anna, header, "token_missing")


@pytest.mark.parametrize(
    "header",
    [
        "Bearer a",
        "Bearer a.b.c",
        "Bearer ..",
        "Bearer é",
        "Bearer \x7f",
        "Bearer {token}x",
        "Bearer {token} {token}",
        "Bearer {refresh}",
        "Bearer parley_sk_guessed",
        f"Bearer {'a' * 20_000}",
    ],
)
def test_what_is_no_access_token_of_ours_is_invalid(anna: Person, header: str) -> None:
    _refused(anna, header, "token_invalid")


def _refused(person: Person, header: str | None, code: str) -> None:
    headers = {}
    if header is not None:
        tokens = person.tokens
        headers["Authorization"] = header.format(token=tokens["access_token"], refresh=tokens["refresh_token"])
    answer = person.app.test_client().get("/api/v1/auth/me", headers=headers)
    problem(answer, 401, code)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer  "])
def test_the_scheme_is_taken_in_any_case(anna: Person, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {anna.tokens['access_token']}"}
    assert anna.app.test_client().get("/api/v1/auth/me", headers=headers).status_code == 200


def test_every_401_says_how_to_authenticate(client: FlaskClient) -> None:
    body = {"email": "anna@example.org", "password": "not the password"}
    answer = client.post("/api/v1/auth/login", json=body)
    problem(answer, 401, "bad_credentials")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


# If-Match


@pytest.mark.parametrize("header", ['"1"', "*", '"7", "1"', 'W/"1", "1"', "1"])
def test_a_change_is_made_if_its_version_is_among_those_that_were_read(anna: Person, header: str) -> None:
    assert _change(anna, header).status_code == 200


@pytest.mark.parametrize("header", ['"0"', '"2", "3"', 'W/"1"', '"', "garbage", '"' + "9" * 40 + '"'])
def test_a_change_of_something_that_was_changed_since_is_412(anna: Person, header: str) -> None:
    assert problem(_change(anna, header), 412, "version_mismatch")["version"] == 1


@pytest.mark.parametrize("header", [None, ""])
def test_a_change_without_a_version_is_428(anna: Person, header: str | None) -> None:
    problem(_change(anna, header), 428, "precondition_required")


def _change(person: Person, if_match: str | None) -> Any:
    meeting = person.create_meeting()
    headers = {} if if_match is None else {"If-Match": if_match}
    return person.request("PATCH", f"/meetings/{meeting['id']}", {"title": "New"}, headers=headers)


# X-Request-ID


def test_a_request_id_is_taken_from_the_client(client: FlaskClient) -> None:
    answer = client.get("/api/v1/auth/me", headers={"X-Request-ID": "app-17.a_B"})
    assert answer.headers["X-Request-ID"] == "app-17.a_B"
    assert answer.json is not None
    assert answer.json["request_id"] == "app-17.a_B"


@pytest.mark.parametrize("given", [None, "", "a b", "a" * 65, "<script>", "é", "a\tb"])
def test_a_request_id_that_could_do_harm_in_a_log_is_replaced(client: FlaskClient, given: str | None) -> None:
    answer = client.get("/health/live", headers={} if given is None else {"X-Request-ID": given})
    assert re.fullmatch(r"[0-9a-f-]{36}", answer.headers["X-Request-ID"])


# Answers


def test_an_answer_without_a_body_claims_no_content_type(anna: Person) -> None:
    forgotten = anna.post("/auth/password/forgot", {"email": anna.email})
    assert (forgotten.status_code, forgotten.data, forgotten.headers.get("Content-Type")) == (202, b"", None)
    logged_out = anna.post("/auth/logout")
    assert (logged_out.status_code, logged_out.data, logged_out.headers.get("Content-Type")) == (204, b"", None)


def test_answers_of_the_api_are_stored_by_nobody_and_sniffed_by_nobody(anna: Person) -> None:
    answer = anna.get("/auth/me")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


# CORS


def _cors(answer: Any) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("Access-Control-")}


def _preflight(client: FlaskClient, origin: str) -> Any:
    asked = {"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "authorization,if-match"}
    return client.options("/api/v1/auth/me", headers={"Origin": origin, **asked})


def test_no_page_of_another_origin_may_call_unless_it_is_set(anna: Person, client: FlaskClient) -> None:
    assert _cors(anna.request("GET", "/auth/me", headers={"Origin": PAGE})) == {}
    assert _cors(_preflight(client, PAGE)) == {}


class TestOriginsThatAreSet:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"cors_origins": (PAGE, "https://other.example.org")})

    def test_a_page_of_a_set_origin_may_call_and_read_the_headers_it_needs(self, anna: Person) -> None:
        allowed = _cors(anna.request("GET", "/auth/me", headers={"Origin": PAGE}))
        assert allowed["Access-Control-Allow-Origin"] == PAGE
        assert {"Date", "ETag", "Location", "Retry-After"} <= set(allowed["Access-Control-Expose-Headers"].split(", "))
        assert "Access-Control-Allow-Credentials" not in allowed

    def test_problems_can_be_read_by_it_too(self, client: FlaskClient) -> None:
        answer = client.get("/api/v1/auth/me", headers={"Origin": PAGE})
        assert answer.status_code == 401
        assert _cors(answer)["Access-Control-Allow-Origin"] == PAGE

    def test_its_browser_asks_beforehand_without_a_token_and_remembers_the_answer(self, client: FlaskClient) -> None:
        answer = _preflight(client, PAGE)
        assert answer.status_code == 200
        allowed = _cors(answer)
        assert "PATCH" in allowed["Access-Control-Allow-Methods"]
        assert set(allowed["Access-Control-Allow-Headers"].split(", ")) == {"authorization", "if-match"}
        assert int(allowed["Access-Control-Max-Age"]) >= 600

    @pytest.mark.parametrize("origin", ["https://app.example.org.evil.example", "http://app.example.org", "null"])
    def test_a_page_of_another_origin_still_may_not(self, client: FlaskClient, anna: Person, origin: str) -> None:
        assert _cors(anna.request("GET", "/auth/me", headers={"Origin": origin})) == {}
        assert _cors(_preflight(client, origin)) == {}

    def test_caches_keep_answers_to_different_origins_apart(self, anna: Person) -> None:
        assert "Origin" in anna.request("GET", "/auth/me", headers={"Origin": PAGE}).headers["Vary"]


def test_cors_does_not_open_the_pages(app: ParleyApp) -> None:
    assert _cors(app.test_client().get("/docs", headers={"Origin": PAGE})) == {}


def test_etags_are_the_versions_of_bodies(anna: Person) -> None:
    meeting = anna.create_meeting()
    assert anna.get(f"/meetings/{meeting['id']}").headers["ETag"] == f'"{meeting["version"]}"'
    changed = anna.patch(f"/meetings/{meeting['id']}", {"title": "New"}, version=meeting["version"])
    assert changed.headers["ETag"] == f'"{ok(changed)["version"]}"'
