"""The last touch on the OpenAPI document: what every operation shares is said for each, by rule."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from apispec import APISpec

from app.core import errors
from app.core.api import PROBLEM_TYPE, PROBLEMS, TOLD_ONCE, Problem

INTRODUCTION = """\
Meetings, signaling and recordings over plain HTTP: no WebSocket, no SDK that one must have.

1. `POST /auth/register` gives an account and its tokens. Press **Authorize** and paste the `access_token`.
2. `POST /meetings` makes a meeting; `POST /meetings/{meeting_id}/join` brings a device into it.
3. `GET /rtc/inbox` waits for what happens there: who comes and goes, offers, answers and candidates.

Times are RFC 3339 in UTC. Ids are UUIDs. Lists come in pages: `next_cursor` of one is `cursor` of the next.
Failures are problem documents (RFC 9457, `Problem` below); their `code` is stable; 429 and 503 say in `Retry-After`
when to try again. Unknown fields in a request are refused; in an answer they may be added, so ignore those that you
don't know.
"""

BEARER = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "The `access_token` of a sign-in, or a service key.",
}

_WITH_TOKEN = (errors.TokenMissing, errors.TokenInvalid, errors.TokenExpired, errors.SessionEnded, errors.Forbidden)
_WITH_BODY = (errors.MalformedJson, errors.RequestTimeout, errors.PayloadTooLarge, errors.UnsupportedMediaType)
_WHEN_CREATING = (errors.IdempotencyKeyRunning, errors.IdempotencyKeyReused)
_WITH_VERSION = (errors.VersionMismatch, errors.PreconditionRequired)

IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Yours: a repeat with the same key and body is answered alike and creates nothing more.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "description": "The version that you have read, as in its ETag.",
    "schema": {"type": "string", "example": '"1"'},
}
ETAG = {"ETag": {"description": "The version, for `If-Match`.", "schema": {"type": "string", "example": '"1"'}}}

_HEADERS: dict[int, dict[str, Any]] = {
    401: {"WWW-Authenticate": {"required": True, "schema": {"type": "string", "example": 'Bearer realm="parley"'}}},
    429: {"Retry-After": {"required": True, "description": "In seconds.", "schema": {"type": "integer"}}},
    503: {"Retry-After": {"required": True, "description": "In seconds.", "schema": {"type": "integer"}}},
}
_METHODS = {"get": "get", "post": "create", "put": "replace", "patch": "update", "delete": "delete"}
# Of a rule, where it is about something.
_SUBJECTS = {"owner", "co_host", "accepted", "invited", "invitee", "guest", "guest_inside", "sender", "self"}
_OF_A_MEETING = {"owner", "accepted", "invitee"}


def finish(spec: APISpec, who_may: Callable[[str, str], frozenset[str]], versioned: frozenset[str]) -> None:
    """Add security, parameters, problems and ids to every operation, and open the schemas of answers.

    :param who_may: the access rule of (METHOD, path).
    :param versioned: paths whose PATCH takes `If-Match`.
    """
    spec.components.security_scheme("bearer", BEARER)
    spec.components.schema("Problem", schema=Problem)
    for path, method, operation in _operations(spec):
        who = who_may(method.upper(), path)
        kinds = list(operation.pop(PROBLEMS, ()))
        parameters = operation.setdefault("parameters", [])
        if who <= {"anyone", "signed_url"}:
            operation["security"] = []
        else:
            if "anyone" in who:
                operation["security"] = [{}, {"bearer": []}]  # without a token too
            kinds += _WITH_TOKEN
            operation["x-who"] = sorted(who)
            _tell_who(operation, who & _SUBJECTS)
            if who & _OF_A_MEETING:
                kinds.append(errors.Banned)
        if path.startswith("/api/"):
            kinds += [errors.ValidationFailed, errors.TooManyRequests, errors.Unavailable]
        if "{" in path:
            kinds.append(errors.NotFound)
        if "requestBody" in operation:
            kinds += _WITH_BODY
        if method == "post" and "anyone" not in who and not operation.pop(TOLD_ONCE, False):
            kinds += _WHEN_CREATING
            parameters.append(IDEMPOTENCY_KEY)
        if path in versioned and method in ("get", "patch"):
            operation["responses"]["200"]["headers"] = ETAG
            if method == "patch":
                kinds += _WITH_VERSION
                parameters.append(IF_MATCH)
        _add_problems(operation, kinds)
        operation["parameters"] = [_without_null(parameter) for parameter in parameters]
        operation.setdefault("operationId", operation_id(method, path, _gives_list(spec, operation)))
    for schema in spec.components.schemas.values():
        for field in schema.get("properties", {}).values():
            _tidy(field)
    _open_answers(spec)


def _tidy(schema: dict[str, Any]) -> None:
    """Without what says nothing to a reader: that a default is null, and how a UUID is spelt.

    What may be missing is missing in examples that are made of it, unless it has one of its own.
    """
    if schema.get("default", schema) is None:
        del schema["default"]
    if "null" in schema.get("type", ()):
        schema.setdefault("example", None)
    elif schema.get("type") == "boolean":
        schema.setdefault("example", schema.get("default", False))
    if schema.get("format") == "uuid":
        for said_by_it in ("pattern", "minLength", "maxLength"):
            schema.pop(said_by_it, None)


def operation_id(method: str, path: str, gives_list: bool) -> str:
    """What generated clients call an operation: `createMeeting`, `listMeetingInvitations`, `startMeeting`.

    Names that an id follows become singular. POST to a last name that is no plural is the verb itself.
    """
    parts = [part for part in re.sub("^/api/v[0-9]+/", "", path).strip("/").split("/") if part != "auth"]
    names = [
        part.removesuffix("s") if following.startswith("{") else part
        for part, following in zip(parts, [*parts[1:], ""], strict=True)
        if not part.startswith("{")
    ]
    verb = "list" if method == "get" and gives_list else _METHODS[method]
    if method == "post" and not names[-1].endswith("s"):
        verb = names.pop()
    elif method == "post" and not gives_list:
        names[-1] = names[-1].removesuffix("s")
    return verb + "".join(name.capitalize() for name in names)


def _operations(spec: APISpec) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in spec._paths.items():  # apispec has no public way to go over what it gathered
        for method, operation in item.items():
            if method in _METHODS:
                operation["responses"] = {str(status): answer for status, answer in operation["responses"].items()}
                yield path, method, operation


def _tell_who(operation: dict[str, Any], subjects: frozenset[str]) -> None:
    if subjects:
        told = f"For: {', '.join(sorted(subjects))}."
        operation["description"] = "\n\n".join(filter(None, (operation.get("description"), told)))


def _add_problems(operation: dict[str, Any], kinds: list[type[errors.ParleyError]]) -> None:
    # flask-smorest refers to its own error shape; what it refers to is not there.
    responses = {status: answer for status, answer in operation["responses"].items() if "$ref" not in answer}
    by_status: dict[int, list[type[errors.ParleyError]]] = {}
    for kind in dict.fromkeys(kinds):
        by_status.setdefault(int(kind.status), []).append(kind)
    for status, group in by_status.items():
        responses.setdefault(str(status), problem_response(status, group))
    operation["responses"] = dict(sorted(responses.items()))


def problem_response(status: int, kinds: list[type[errors.ParleyError]]) -> dict[str, Any]:
    """An OpenAPI response object for errors of one status."""
    response: dict[str, Any] = {
        "description": "\n".join(f"- `{kind.code}`: {kind.message}" for kind in kinds),
        "content": {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    return response | ({"headers": _HEADERS[status]} if status in _HEADERS else {})


def _without_null(parameter: dict[str, Any]) -> dict[str, Any]:
    """A query field that may be left out is no null: there is no null in a query. Nor is its example filled in."""
    schema = parameter.get("schema", {})
    _tidy(schema)
    if parameter["in"] != "query" or not isinstance(schema.get("type"), list):
        return parameter
    (kind,) = (kind for kind in schema["type"] if kind != "null")
    kept = {name: value for name, value in schema.items() if name not in ("default", "example")} | {"type": kind}
    if "enum" in kept:
        kept["enum"] = [value for value in kept["enum"] if value is not None]
    return {**parameter, "schema": kept}


def _gives_list(spec: APISpec, operation: dict[str, Any]) -> bool:
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            reference = answer.get("content", {}).get("application/json", {}).get("schema", {}).get("$ref", "")
            return "items" in spec.components.schemas.get(reference.rpartition("/")[2], {}).get("properties", {})
    return False


def _open_answers(spec: APISpec) -> None:
    """Requests refuse unknown fields; answers may grow, so their schemas must not forbid it."""
    schemas = spec.components.schemas
    closed: set[str] = set()
    waiting = [name for _, _, operation in _operations(spec) for name in _names_in(operation.get("requestBody"))]
    while waiting:
        name = waiting.pop()
        if name not in closed:
            closed.add(name)
            waiting += _names_in(schemas[name])
    for name, schema in schemas.items():
        if name not in closed and schema.get("additionalProperties") is False:
            del schema["additionalProperties"]


def _names_in(part: Any) -> list[str]:
    """Names of the schemas that a part of the document refers to."""
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            return [part["$ref"].rpartition("/")[2]]
        return [name for value in part.values() for name in _names_in(value)]
    if isinstance(part, list):
        return [name for value in part for name in _names_in(value)]
    return []
