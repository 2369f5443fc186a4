"""Requests that are not as they should be, over HTTP: what is refused, and how a client is told which field it was."""

import io
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.core.settings import Settings
from tests.support.people import Person, ok, problem

MEETINGS = "/api/v1/meetings"
NOBODYS_ID = "01980a3e-7b6c-7d4e-8f00-1a2b3c4d5e6f"
LIMIT_BYTES = 20_000


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"request_max_bytes": LIMIT_BYTES})


def send(person: Person, body: str | bytes, content_type: str = "application/json", **kwargs: Any) -> Any:
    headers = {"Content-Type": content_type, **kwargs.pop("headers", {})}
    return person.request("POST", "/meetings", data=body, headers=headers, **kwargs)


def nested(levels: int) -> str:
    return '{"title": "a", "metadata": ' + '{"a": ' * levels + "1" + "}" * levels + "}"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ('{"title": "a", "titel": "b"}', "titel"),
        ('{"title": "a", "max_participants": "five"}', "max_participants"),
        ('{"title": "a", "max_participants": 2.0}', "max_participants"),
        ('{"title": "a", "max_participants": true}', "max_participants"),
        ('{"title": "a", "max_participants": ' + "9" * 400 + "}", "max_participants"),
        ('{"title": 1}', "title"),
        ('{"title": "  "}', "title"),
        ('{"title": "bell \\u0007"}', "title"),
        ('{"title": null}', "title"),
        ('{"title": "a\\u0000"}', "title"),
        ('{"title": "a\\ud800"}', "title"),
        ('{"title": "a", "metadata": {"deep": ["\\udfff"]}}', "metadata.deep.0"),
        ('{"title": "a", "metadata": {"\\ud800": 1}}', "metadata"),
        ('{"title": "a", "metadata": {"much": 1e999}}', "metadata.much"),
        ('{"title": "a", "metadata": {"long": "' + "x" * 9000 + '"}}', "metadata"),
        ('{"title": "a", "e2ee": "yes"}', "e2ee"),
        ('{"title": "a", "e2ee": 1}', "e2ee"),
        ('{"title": "a", "starts_at": "2026-11-20T10:00:00"}', "starts_at"),
        ('{"title": "a", "starts_at": "0001-01-01T00:00:00+23:59"}', "starts_at"),
        ('{"title": "a", "time_zone": "../etc/passwd"}', "time_zone"),
        ("[]", ""),
        ("null", ""),
        ('"title"', ""),
        (nested(80), ""),
        (nested(900), ""),
        ('{"title": ' + "[" * 900 + "]" * 900 + "}", ""),
        ("[" * (LIMIT_BYTES - 1), ""),
    ],
)
def test_a_wrong_body_is_refused_with_the_field_that_is_wrong(anna: Person, body: str, field: str) -> None:
    told = problem(send(anna, body), 422, "validation_failed")
    assert [(error["location"], error["field"]) for error in told["errors"]] == [("body", field)]
    assert told["errors"][0]["message"]


def test_fields_of_lists_are_named_by_their_index(anna: Person) -> None:
    meeting = anna.create_meeting()
    body = {"invitees": [{"email": "ben@example.org"}, {"email": "nobody"}, {"mail": "x"}]}
    told = problem(anna.post(f"/meetings/{meeting['id']}/invitations", body), 422, "validation_failed")
    assert {error["field"] for error in told["errors"]} >= {"invitees.1.email", "invitees.2.mail"}


def test_of_very_many_wrong_fields_the_first_hundred_are_told(anna: Person) -> None:
    body = {"title": "a", **{f"field{number}": 1 for number in range(1000)}}
    assert len(problem(anna.post("/meetings", body), 422, "validation_failed")["errors"]) == 100


@pytest.mark.parametrize(
    "body",
    [
        "",
        " ",
        "{",
        '{"title": "a",}',
        "{'title': 'a'}",
        '{"title": "a"} {}',
        '{"title": NaN}',
        '{"title": -Infinity}',
        '{"title": "a", "metadata": {"digits": ' + "9" * 5000 + "}}",
        b'{"title": "\xe9"}',
    ],
)
def test_a_body_that_is_not_json_is_400(anna: Person, body: str | bytes) -> None:
    problem(send(anna, body), 400, "malformed_json")


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml", ";"],
)
def test_a_body_of_another_type_is_415(anna: Person, content_type: str) -> None:
    problem(send(anna, '{"title": "a"}', content_type), 415, "unsupported_media_type")


def test_a_missing_body_is_415(anna: Person) -> None:
    problem(anna.post("/meetings"), 415, "unsupported_media_type")


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON"])
def test_parameters_and_case_of_the_content_type_do_not_matter(anna: Person, content_type: str) -> None:
    assert ok(send(anna, '{"title": "Größe 🎉"}'.encode(), content_type), 201)["title"] == "Größe 🎉"


def test_a_body_that_is_too_large_is_413(anna: Person) -> None:
    problem(send(anna, '{"title": "' + "a" * LIMIT_BYTES + '"}'), 413, "payload_too_large")


def test_a_chunked_body_that_is_too_large_is_413(anna: Person) -> None:
    def chunked(body: bytes) -> Any:
        return anna.request(
            "POST",
            "/meetings",
            input_stream=io.BytesIO(body),
            headers={"Content-Type": "application/json", "Transfer-Encoding": "chunked"},
            environ_overrides={"wsgi.input_terminated": True},  # as gunicorn says
        )

    ok(chunked(b'{"title": "a"}'), 201)
    problem(chunked(b'{"title": "a"' + b" " * LIMIT_BYTES + b"}"), 413, "payload_too_large")
    problem(chunked(b'{"title": "a"}' + b" " * LIMIT_BYTES), 413, "payload_too_large")


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k1"}])
def test_a_body_that_the_server_cannot_read_is_400(anna: Person, headers: dict[str, str]) -> None:
    class Broken(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, _buffer: Any) -> int:
            raise RuntimeError("no chunk")

    answer = anna.request(
        "POST",
        "/meetings",
        headers={"Content-Type": "application/json", "Transfer-Encoding": "chunked", **headers},
        environ_overrides={"wsgi.input": Broken(), "wsgi.input_terminated": True},
    )
    problem(answer, 400, "bad_request")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limt=5", "limt"),
        ("limit=5&limit=6", "limit"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=1.0", "limit"),
        ("limit=", "limit"),
        ("limit=" + "9" * 5000, "limit"),
        ("state=started", "state"),
        ("state=%00", "state"),
        ("state=%ff", "state"),
        ("%00=1", "\x00"),
        ("from=2026-11-20T10:00:00", "from"),
    ],
)
def test_a_wrong_query_is_refused_with_the_field_that_is_wrong(anna: Person, query: str, field: str) -> None:
    told = problem(anna.request("GET", f"/meetings?{query}"), 422, "validation_failed")
    assert [(error["location"], error["field"]) for error in told["errors"]] == [("query", field)]


@pytest.mark.parametrize(("method", "path"), [("GET", "/auth/me"), ("POST", "/auth/logout"), ("POST", "/meetings")])
def test_a_query_is_refused_where_none_is_read(anna: Person, method: str, path: str) -> None:
    body = {"title": "a"} if path == "/meetings" else None
    told = problem(anna.request(method, f"{path}?verbose=1", body), 422, "validation_failed")
    assert told["errors"] == [{"location": "query", "field": "verbose", "message": "Unknown field."}]


@pytest.mark.parametrize(
    "meeting_id",
    [NOBODYS_ID, NOBODYS_ID.upper(), "1", "..%2f", "%00", "null", f"{NOBODYS_ID}x", "01980a3e7b6c7d4e8f001a2b3c4d5e6f"],
)
def test_an_id_that_names_nothing_is_404(anna: Person, meeting_id: str) -> None:
    problem(anna.get(f"/meetings/{meeting_id}"), 404, "not_found")


def test_a_method_that_does_not_exist_is_405_and_told_which_do(client: FlaskClient) -> None:
    answer = client.put(MEETINGS)
    problem(answer, 405, "method_not_allowed")
    assert {method.strip() for method in answer.headers["Allow"].split(",")} == {"GET", "HEAD", "OPTIONS", "POST"}


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v2/meetings", "/nothing", "//api/v1/meetings"])
def test_a_path_that_does_not_exist_is_a_problem_too(client: FlaskClient, path: str) -> None:
    problem(client.get(path), 404, "not_found")


def test_head_answers_as_get_without_a_body_and_with_the_same_rules(anna: Person, ben: Person) -> None:
    meeting = anna.create_meeting()
    answer = anna.request("HEAD", f"/meetings/{meeting['id']}")
    assert (answer.status_code, answer.data, answer.headers["ETag"]) == (200, b"", '"1"')
    assert ben.request("HEAD", f"/meetings/{meeting['id']}").status_code == 404
    assert anna.app.test_client().head(f"{MEETINGS}/{meeting['id']}").status_code == 401


def test_head_reads_the_query_that_get_reads(anna: Person) -> None:
    assert anna.request("HEAD", "/meetings", query_string={"limit": 1}).status_code == 200
    assert anna.request("HEAD", "/meetings", query_string={"limit": 0}).status_code == 422
    assert anna.request("HEAD", "/auth/me", query_string={"limit": 1}).status_code == 422


def test_options_tells_the_methods_without_a_token(client: FlaskClient) -> None:
    answer = client.options(MEETINGS)
    assert answer.status_code == 200
    assert "POST" in answer.headers["Allow"]
