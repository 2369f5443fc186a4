from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.people import Call, Person, ok

Says = Callable[..., dict[str, Any]]


@pytest.fixture
def says(call: Call) -> Says:
    """`says(call.guest, "Hello")` writes into the chat of the call's meeting; the message as it was answered."""

    def say(who: Person, text: str, **fields: Any) -> dict[str, Any]:
        path = f"/meetings/{call.meeting['id']}/messages"
        message: dict[str, Any] = ok(who.post(path, {"text": text, **fields}), 201)
        return message

    return say


def chat_of(who: Person, meeting: dict[str, Any], **query: Any) -> dict[str, Any]:
    """A page of the chat, as `who` reads it."""
    page: dict[str, Any] = ok(who.get(f"/meetings/{meeting['id']}/messages", **query))
    return page


def texts(page: dict[str, Any]) -> list[str]:
    """What people wrote, without lines of the system."""
    return [message["text"] for message in page["items"] if message["type"] != "system"]


def lines(page: dict[str, Any]) -> list[str]:
    """What the system wrote."""
    return [message["text"] for message in page["items"] if message["type"] == "system"]


def told(who: Person, participant: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """What an inbox holds of the chat, unacknowledged."""
    messages = who.poll(participant, limit=200)["messages"]
    return [message for message in messages if message["type"].startswith("chat.")]
