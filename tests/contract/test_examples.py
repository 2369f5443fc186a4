"""The examples in the document work when they are sent as they are, as the explorer offers them."""

import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.support.world import Document, World, document, operations

WITH_A_BODY = [
    (method, path, operation)
    for method, path, operation in operations()
    if "application/json" in operation.get("requestBody", {}).get("content", {})
]
# In whose place the explorer's reader is, where that is not the owner.
ACTORS = {
    "PUT /api/v1/admin/users/{user_id}/role": "admin",
    "POST /api/v1/invitations/{invitation_id}/propose": "invited",
    "PATCH /api/v1/participants/{participant_id}": "participant",
    "POST /api/v1/participants/{participant_id}/stats": "participant",
    "PATCH /api/v1/messages/{message_id}": "participant",
    "POST /api/v1/meetings/{meeting_id}/rtc/reports": "media worker",
    "POST /api/v1/media/workers": "media worker",
    "PUT /api/v1/media/workers/{worker_id}": "media worker",
    "PUT /api/v1/recordings/{recording_id}/tracks/{track_file_id}": "media worker",
    "POST /api/v1/recordings/{recording_id}/reports": "media worker",
}
# What an example cannot know: a token that was mailed, or is rotated; whose device sends; what the world holds already.
FITTING = {"token_not_usable", "token_invalid", "not_your_participant", "email_taken", "bad_credentials"}
FITTING |= {"already_recording", "already_joined", "version_mismatch", "meeting_state_conflict", "parts_missing"}
FITTING |= {"code_unknown", "share_unknown", "epoch_passed", "recording_state_conflict", "notes_missing"}

# An upload, which no example can know.
NAMES_AN_UPLOAD = {("POST", "/api/v1/calls")}


def example_of(schema: Document) -> Any:
    """The value that Swagger UI makes of a schema."""
    if "$ref" in schema:
        return example_of(document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    for given in ("example", "default"):
        if given in schema:
            return schema[given]
    if "enum" in schema:
        return schema["enum"][0]
    kinds = schema.get("type", "object")
    kind = kinds if isinstance(kinds, str) else next(kind for kind in kinds if kind != "null")
    if kind == "object":
        return {name: example_of(field) for name, field in schema.get("properties", {}).items()}
    if kind == "array":
        return [example_of(schema["items"])]
    plain = {"string": "string", "integer": schema.get("minimum", 0), "number": 0.0, "boolean": True}
    return plain[kind]


def body_of(operation: Document) -> Any:
    content = operation["requestBody"]["content"]["application/json"]
    return content["example"] if "example" in content else example_of(content["schema"])


@pytest.mark.parametrize(("method", "path", "operation"), WITH_A_BODY, ids=[f"{o[0]} {o[1]}" for o in WITH_A_BODY])
def test_the_body_that_the_explorer_offers_is_accepted(
    world: World, method: str, path: str, operation: Document
) -> None:
    world.restore()
    actor = ACTORS.get(f"{method} {path}", "owner")
    filled = re.sub(r"\{(\w+)\}", lambda name: world.ids_for(actor)[name[1]], path)
    headers = {"If-Match": '"1"'} if any(p["name"] == "If-Match" for p in operation["parameters"]) else {}
    answer = world.request(actor, method, filled, json=body_of(operation), headers=headers)
    if answer.status_code >= 400 and (method, path) not in NAMES_AN_UPLOAD:
        assert answer.json["code"] in FITTING, answer.text
        assert answer.json["code"] in operation["responses"][str(answer.status_code)]["description"]


def _schemas() -> list[tuple[str, Document]]:
    found = list(document()["components"]["schemas"].items())
    for method, path, operation in operations():
        found += [(f"{method} {path}: {p['name']}", p["schema"]) for p in operation["parameters"]]
    return found


@pytest.mark.parametrize(("name", "schema"), _schemas(), ids=[name for name, _ in _schemas()])
def test_an_example_fits_its_schema(name: str, schema: Document) -> None:
    for place, part in _with_examples(schema, name):
        resolvable = {**part, "components": document()["components"]}
        wrong = [error.message for error in Draft202012Validator(resolvable).iter_errors(part["example"])]
        assert not wrong, f"{place}: {wrong}"


def _with_examples(schema: Any, place: str) -> list[tuple[str, Document]]:
    found = []
    if isinstance(schema, dict):
        if "example" in schema and "type" in schema:
            found.append((place, schema))
        for key, part in schema.items():
            if key != "example":
                found += _with_examples(part, f"{place}.{key}")
    return found
