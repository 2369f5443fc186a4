"""Sending files as a client does: begin, PUT the parts, complete."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import urlsplit

from werkzeug.test import TestResponse

from tests.support.people import Person, ok

MIB = 1024 * 1024
PART = 5 * MIB


def begin(person: Person, size: int, **fields: Any) -> dict[str, Any]:
    body = {"purpose": "chat_file", "name": "notes.txt", "media_type": "text/plain", "size": size, **fields}
    return ok(person.post("/uploads", body), 201)


def put(person: Person, url: str, content: bytes) -> TestResponse:
    """As anybody does who has the address: without a token."""
    parts = urlsplit(url)
    return person.app.test_client().put(f"{parts.path}?{parts.query}", data=content)


def put_parts(person: Person, begun: dict[str, Any], content: bytes) -> list[dict[str, Any]]:
    size = begun["part_size"]
    return [
        ok(put(person, part["url"], content[(part["number"] - 1) * size : part["number"] * size]))
        for part in begun["parts"]
    ]


def complete(person: Person, begun: dict[str, Any], content: bytes, **fields: Any) -> TestResponse:
    sha256 = hashlib.sha256(content).hexdigest()
    return person.post(f"/uploads/{begun['upload']['id']}/complete", {"sha256": sha256, **fields})


def read(person: Person, begun: dict[str, Any]) -> dict[str, Any]:
    return ok(person.get(f"/uploads/{begun['upload']['id']}"))


def send(person: Person, content: bytes, **fields: Any) -> dict[str, Any]:
    """The whole of it; the upload as it is then."""
    begun = begin(person, len(content), **fields)
    put_parts(person, begun, content)
    ok(complete(person, begun, content), 202)
    return read(person, begun)
