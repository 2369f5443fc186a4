"""Requests that schemathesis makes of the OpenAPI document, fitting and unfitting ones, against the application.

Every request finds the same world, as its owner (or whoever may do the thing), and ids that exist, so that it gets
further than "not found". The examples are the same in every run.
"""

import re
from collections.abc import Callable
from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from tests.support.world import World, document

UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.missing_required_header,
    checks.unsupported_method,
    checks.allow_header_conformance,
]
CONFIG = {
    "seed": 1,
    "generation": {"with-security-parameters": False, "deterministic": True, "allow-x00": False},
    "checks": {"missing_required_header": {"expected-statuses": [428]}},
}
for text in ("application/sdp", "application/trickle-ice-sdpfrag"):
    schemathesis.serializer.alias(text, "text/plain")
schema = schemathesis.openapi.from_dict(document(), config=schemathesis.Config.from_dict(CONFIG))


@schema.parametrize()
@settings(max_examples=8, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_is_asked_is_answered_as_documented(
    case: Case, world: World, record_property: Callable[[str, object], None]
) -> None:
    world.restore()
    actor = settle(case, world)
    headers = {"Authorization": f"Bearer {world.tokens[actor]}"}
    response = case.call(app=world.app, headers=headers)
    case.validate_response(response, checks=CHECKS, headers=headers, transport_kwargs={"app": world.app})
    record_property("figure: requests made from the document, answered as documented", 1)
    if response.status_code < 300:
        record_property("figure: of them, accepted", 1)


def settle(case: Case, world: World) -> str:
    """Put what exists in the place of ids that fit, and let nothing wait. Returns who asks."""
    real = {**world.ids_for("owner"), "user_id": world.people["another user"].user_id}
    real |= {"from": world.participants["owner"], "to": world.participants["participant"]}
    real |= {"replaces": world.participants["owner"]}
    case.path_parameters = _settled(case.path_parameters, real)
    actor = "owner"
    if "{invitation_id}" in case.path and case.path.endswith(("accept", "reject", "propose")):
        actor = "invited"
    if "{participant_id}" in case.path and case.path.endswith(("{participant_id}", "leave", "whip", "whep")):
        actor = "participant"
    if "{message_id}" in case.path and case.method in ("PATCH", "DELETE"):
        actor = "participant"
    real["participant_id"] = world.participants["owner"]
    case.query = _settled(case.query, real)
    case.body = _settled(case.body, real)
    if case.query and _would_wait(case.query.get("wait")):
        case.query["wait"] = 0
    if case.headers and "If-Match" in case.headers:
        case.headers["If-Match"] = '"1", "2", "3"'
    return actor


def _would_wait(given: Any) -> bool:
    """Text too: in an address they are the same."""
    try:
        return 0 <= float(given[0] if isinstance(given, list) and len(given) == 1 else given) <= 55
    except (TypeError, ValueError):
        return False


def _settled(part: Any, real: dict[str, str]) -> Any:
    if isinstance(part, dict):
        return {
            key: real[key]
            if key in real and isinstance(value, str) and UUID.fullmatch(value)
            else _settled(value, real)
            for key, value in part.items()
        }
    return [_settled(one, real) for one in part] if isinstance(part, list) else part
