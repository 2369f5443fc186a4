"""The last touch on the OpenAPI document: what every operation shares is said for each, by rule."""

from collections.abc import Callable
from typing import Any

from apispec import APISpec

from app.core import errors
from app.core.api import Problem, problem_response

_ALWAYS: tuple[type[errors.ParleyError], ...] = (
    errors.BadRequest,
    errors.ValidationFailed,
    errors.TooManyRequests,
    errors.HeadersTooLarge,
    errors.Unavailable,
)
_WITH_TOKEN = (errors.TokenMissing, errors.TokenInvalid, errors.TokenExpired, errors.SessionEnded)
_WITH_BODY = (errors.MalformedJson, errors.PayloadTooLarge, errors.UnsupportedMediaType)
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


def finish(spec: APISpec, who_may: Callable[[str, str], frozenset[str]], versioned: frozenset[str]) -> None:
    """Add security, parameters and problems to every operation.

    :param who_may: the access rule of (METHOD, path).
    :param versioned: paths whose PATCH takes `If-Match`.
    """
    spec.components.schema("Problem", schema=Problem)
    for path, item in spec._paths.items():  # apispec has no public way to go over what it gathered
        for method, operation in item.items():
            if method not in ("get", "post", "put", "patch", "delete"):
                continue
            who = who_may(method.upper(), path)
            kinds = list(_ALWAYS)
            if "anyone" in who:
                operation["security"] = []
            else:
                kinds += [*_WITH_TOKEN, errors.Forbidden]
                operation["x-who"] = sorted(who)
            if "{" in path:
                kinds.append(errors.NotFound)
            if "requestBody" in operation:
                kinds += _WITH_BODY
            if method == "post" and "anyone" not in who:
                kinds += _WHEN_CREATING
                operation.setdefault("parameters", []).append(IDEMPOTENCY_KEY)
            if method == "patch" and path in versioned:
                kinds += _WITH_VERSION
                operation.setdefault("parameters", []).append(IF_MATCH)
            _add_problems(operation, kinds)


def _add_problems(operation: dict[str, Any], kinds: list[type[errors.ParleyError]]) -> None:
    """Beside what the operation says itself; flask-smorest's references to its own error shape are replaced."""
    responses = {str(status): answer for status, answer in operation["responses"].items()}
    by_status: dict[str, list[type[errors.ParleyError]]] = {}
    for kind in kinds:
        by_status.setdefault(str(kind.status), []).append(kind)
    for status, group in by_status.items():
        general = problem_response(group)
        if "description" in responses.get(status, {}):
            responses[status]["description"] += " " + general["description"]
        else:
            responses[status] = general
    operation["responses"] = dict(sorted(responses.items()))
