"""Events held against their schemas."""

from functools import cache
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

from app.events.catalogue import KINDS, envelope


@cache
def _validator(name: str) -> Draft202012Validator:
    schema = envelope(KINDS[name])
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=FormatChecker())


def check(event: dict[str, Any]) -> None:
    """:raises jsonschema.ValidationError: it is not what the catalogue says of its name."""
    _validator(event["name"]).validate(event)


def check_payload(name: str, payload: dict[str, Any]) -> None:
    _validator(name).evolve(schema=envelope(KINDS[name])["properties"]["payload"]).validate(payload)
