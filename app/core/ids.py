"""Ids and codes: unguessable, made here, never by the database."""

import secrets

from uuid_utils import uuid7

ID_FORM = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"  # a UUID in its usual form
CODE_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # without l, o, 0 and 1, which people mix up


def new_id() -> str:
    """A UUIDv7 (RFC 9562 §5.7) as text: sorted by time, so that indexes stay compact; 74 random bits."""
    return str(uuid7())


def new_code() -> str:
    """A meeting's code such as `k7m-q2xw-8fd`: 10 of 32 letters, 50 random bits."""
    return _spelt("".join(secrets.choice(CODE_LETTERS) for _ in range(10)))


def read_code(typed: str) -> str:
    """A code as `new_code` makes it, of what a person typed: in capitals, with other dashes, blanks or none."""
    return _spelt("".join(letter for letter in typed.casefold() if letter.isalnum()))


def _spelt(letters: str) -> str:
    return f"{letters[:3]}-{letters[3:7]}-{letters[7:]}"
