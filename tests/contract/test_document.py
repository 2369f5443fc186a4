"""The OpenAPI document: valid, complete, and fit to generate clients from."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from app import access
from app.core import errors
from app.core.openapi import operation_id
from tests.support.world import Document, document, operations

APP = Path(__file__).parents[2] / "app"
OPERATIONS = operations()
ids = [f"{method} {path}" for method, path, _ in OPERATIONS]
every_operation = pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=ids)

# Answers to what is no operation at all, or that no operation can promise away.
OF_NO_OPERATION = {"bad_request", "method_not_allowed", "head_too_large", "internal_error"}
# What goes wrong in the background is told in an upload's `error`.
OF_NO_OPERATION |= {"checksum_mismatch", "upload_lost"}


def test_it_is_a_valid_openapi_3_1_document() -> None:
    assert document()["openapi"].startswith("3.1.")
    assert [str(error) for error in OpenAPIV31SpecValidator(document()).iter_errors()] == []


def test_operation_ids_are_unique_and_read_like_methods() -> None:
    found = Counter(operation["operationId"] for _, _, operation in OPERATIONS)
    assert [name for name, times in found.items() if times > 1] == []
    assert [name for name in found if not re.fullmatch("[a-z]+([A-Z][a-z]+)*", name)] == []


@pytest.mark.parametrize(
    ("method", "path", "gives_list", "name"),
    [
        ("get", "/api/v1/meetings", True, "listMeetings"),
        ("post", "/api/v1/meetings", False, "createMeeting"),
        ("get", "/api/v1/meetings/{meeting_id}", False, "getMeeting"),
        ("patch", "/api/v1/meetings/{meeting_id}", False, "updateMeeting"),
        ("delete", "/api/v1/meetings/{meeting_id}", False, "deleteMeeting"),
        ("post", "/api/v1/meetings/{meeting_id}/start", False, "startMeeting"),
        ("get", "/api/v1/meetings/{meeting_id}/invitations", True, "listMeetingInvitations"),
        ("post", "/api/v1/meetings/{meeting_id}/invitations", True, "createMeetingInvitations"),
        ("post", "/api/v1/invitations/{invitation_id}/proposal/accept", False, "acceptInvitationProposal"),
        ("post", "/api/v1/auth/login", False, "login"),
        ("post", "/api/v1/auth/password/reset", False, "resetPassword"),
        ("get", "/health/live", False, "getHealthLive"),
    ],
)
def test_an_operation_id_is_made_from_method_and_path(method: str, path: str, gives_list: bool, name: str) -> None:
    assert operation_id(method, path, gives_list) == name


@every_operation
def test_an_operation_is_described_and_tagged(method: str, path: str, operation: Document) -> None:
    assert operation["summary"]
    assert not operation["summary"].endswith(".")
    tags = {tag["name"]: tag["description"] for tag in document()["tags"]}
    assert len(operation["tags"]) == 1
    assert tags[operation["tags"][0]]


@every_operation
def test_an_operation_tells_who_may_call_it_and_that_it_needs_a_token(
    method: str, path: str, operation: Document
) -> None:
    rule = {str(who) for who in access.RULES[f"{method} {path.removeprefix('/api/v1')}"]}
    if rule <= {"anyone", "signed_url"}:
        assert operation["security"] == []
        assert "x-who" not in operation
    elif "anyone" in rule:
        assert operation["security"] == [{}, {"bearer": []}]  # without a token too
        assert set(operation["x-who"]) == rule
    else:
        assert "security" not in operation  # that of the document
        assert set(operation["x-who"]) == rule


@every_operation
def test_every_answer_is_described(method: str, path: str, operation: Document) -> None:
    statuses = {int(status) for status in operation["responses"]}
    assert any(status < 400 for status in statuses)
    for status, answer in operation["responses"].items():
        assert answer["description"]
        assert int(status) < 400 or answer["content"], f"{status} has no content"
    takes_body, needs_token = "requestBody" in operation, operation.get("security") != []
    assert takes_body == ({400, 413, 415} <= statuses)
    assert needs_token == (403 in statuses) or "url_not_signed" in operation["responses"]["403"]["description"]
    assert not needs_token or 401 in statuses
    assert ("{" not in path) or 404 in statuses


@every_operation
def test_no_error_is_told_twice(method: str, path: str, operation: Document) -> None:
    codes = _codes_of(operation)
    assert [code for code, times in codes.items() if times > 1] == []


@every_operation
def test_what_may_be_left_out_of_a_query_is_no_null(method: str, path: str, operation: Document) -> None:
    for parameter in operation["parameters"]:
        if parameter["in"] == "query":
            assert isinstance(parameter["schema"]["type"], str), parameter["name"]
            assert None not in parameter["schema"].get("enum", []), parameter["name"]


def test_ids_in_paths_are_uuids() -> None:
    for path, item in document()["paths"].items():
        for name in re.findall(r"\{(\w+_id)\}", path):
            (parameter,) = (one for one in item["parameters"] if one["name"] == name)
            assert parameter["schema"].get("format") == "uuid" or name in ("number", "emoji")


def test_every_code_of_the_tree_stands_in_the_problem_schema_and_nothing_else() -> None:
    shown = document()["components"]["schemas"]["Problem"]["properties"]["code"]["enum"]
    assert sorted(shown) == sorted(error.code for error in errors.every_error())


@pytest.mark.parametrize("error", list(errors.every_error()), ids=lambda error: str(error.code))
def test_every_error_is_told_by_an_operation_and_raised_by_the_code(error: type[errors.ParleyError]) -> None:
    told = any(error.code in _codes_of(operation) for _, _, operation in OPERATIONS)
    assert told or error.code in OF_NO_OPERATION
    mention = re.compile(rf"\berrors\.{error.__name__}\b")
    sources = (file for file in APP.rglob("*.py") if file.name not in ("errors.py", "openapi.py", "routes.py"))
    assert any(mention.search(file.read_text()) for file in sources), f"nothing raises {error.__name__}"


def test_a_request_refuses_unknown_fields_and_an_answer_may_have_more() -> None:
    asked, told = set[str](), set[str]()
    for _, _, operation in OPERATIONS:
        asked |= _schemas_in(operation.get("requestBody"))
        told |= _schemas_in(operation["responses"])
    assert asked & told == set()
    schemas = document()["components"]["schemas"]
    assert [name for name in asked if schemas[name].get("additionalProperties") is not False] == []
    assert [name for name in told if schemas[name].get("additionalProperties") is False] == []


def test_every_schema_is_used_and_named_as_clients_would_name_it() -> None:
    names = set(document()["components"]["schemas"])
    assert names == _schemas_in(document()["paths"])
    assert {"Meeting", "MeetingPage", "Invitation", "Participant", "Problem", "User"} <= names
    assert [name for name in names if re.search("Schema|Out(Page)?$", name)] == []


def _codes_of(operation: Document) -> Counter[str]:
    described = (answer["description"] for answer in operation["responses"].values())
    return Counter(code for text in described for code in re.findall("^- `([a-z_]+)`:", text, re.MULTILINE))


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        for key, value in part.items():
            if key == "$ref":
                yield value.rpartition("/")[2]
            else:
                yield from _references(value)
    elif isinstance(part, list):
        for value in part:
            yield from _references(value)


def _schemas_in(part: Any) -> set[str]:
    """Names of all schemas that a part of the document needs, those of their fields too."""
    found: set[str] = set()
    waiting = list(_references(part))
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _references(document()["components"]["schemas"][name])
    return found
