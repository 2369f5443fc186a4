"""Emojis on messages."""

from __future__ import annotations

from typing import Any

from werkzeug.test import TestResponse

from tests.chat.conftest import Says, told
from tests.support.people import Call, Person, ok, problem


def react(who: Person, message: dict[str, Any], emoji: str) -> TestResponse:
    return who.request("PUT", f"/messages/{message['id']}/reactions/{emoji}")


def unreact(who: Person, message: dict[str, Any], emoji: str) -> TestResponse:
    return who.delete(f"/messages/{message['id']}/reactions/{emoji}")


def test_reactions_are_counted_and_ones_own_are_marked(call: Call, says: Says) -> None:
    message = says(call.guest, "Done!")
    for _ in range(2):
        ok(react(call.owner, message, "🎉"))
    ok(react(call.guest, message, "👨‍👩‍👧‍👦"))
    assert ok(react(call.guest, message, "🎉"))["reactions"] == [
        {"emoji": "🎉", "count": 2, "mine": True},
        {"emoji": "👨‍👩‍👧‍👦", "count": 1, "mine": True},
    ]
    for _ in range(2):
        ok(unreact(call.guest, message, "🎉"))
    assert ok(call.guest.get(f"/messages/{message['id']}"))["reactions"] == [
        {"emoji": "🎉", "count": 1, "mine": False},
        {"emoji": "👨‍👩‍👧‍👦", "count": 1, "mine": True},
    ]


def test_the_room_is_told_who_reacted_the_latest_only(call: Call, says: Says) -> None:
    message = says(call.guest, "Done!")
    ok(react(call.owner, message, "🎉"))
    ok(unreact(call.owner, message, "🎉"))
    ok(react(call.owner, message, "👍"))
    events = [event["payload"] for event in told(call.guest, call.guests) if event["type"] == "chat.reaction"]
    by = {"user_id": call.owner.user_id, "display_name": "Anna"}
    shared = {"meeting_id": call.meeting["id"], "message_id": message["id"], "by": by}
    assert events == [
        {**shared, "emoji": "🎉", "count": 0, "added": False},
        {**shared, "emoji": "👍", "count": 1, "added": True},
    ]


def test_what_is_not_one_emoji_is_refused(call: Call, says: Says) -> None:
    wrong = problem(react(call.owner, says(call.guest, "Done!"), "👍👍"), 422, "validation_failed")
    assert wrong["errors"][0]["field"] == "emoji"


def test_a_message_has_so_many_different_reactions_at_most(call: Call, says: Says) -> None:
    message = says(call.guest, "Done!")
    for code_point in range(0x1F600, 0x1F600 + 20):
        ok(react(call.owner, message, chr(code_point)))
    problem(react(call.owner, message, "👍"), 409, "too_many_reactions")
    ok(react(call.guest, message, "😀"))


def test_what_was_deleted_takes_no_reaction(call: Call, says: Says) -> None:
    message = says(call.guest, "Done!")
    ok(call.guest.delete(f"/messages/{message['id']}"), 204)
    problem(react(call.owner, message, "👍"), 409, "message_deleted")
