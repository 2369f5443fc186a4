"""The history in both directions, and how far it was read."""

from __future__ import annotations

import pytest

from tests.chat.conftest import Says, chat_of, texts, told
from tests.support.people import Call, ok, problem


def mark(who, call: Call, up_to: int):  # type: ignore[no-untyped-def]
    return who.request("PUT", f"/meetings/{call.meeting['id']}/messages/read", {"up_to": up_to})


def test_the_newest_page_comes_first_and_older_ones_before_it(call: Call, says: Says) -> None:
    for number in range(7):
        says(call.guest, str(number))
    newest = chat_of(call.owner, call.meeting, limit=3)
    older = chat_of(call.owner, call.meeting, limit=3, before=newest["next_cursor"])
    oldest = chat_of(call.owner, call.meeting, limit=10, before=older["next_cursor"])
    assert [texts(page) for page in (newest, older, oldest)] == [["4", "5", "6"], ["1", "2", "3"], ["0"]]
    assert oldest["next_cursor"] is None


def test_what_came_since_is_read_forwards(call: Call, says: Says) -> None:
    known = says(call.guest, "known")["number"]
    for number in range(5):
        says(call.guest, str(number))
    first = chat_of(call.owner, call.meeting, after=known, limit=3)
    rest = chat_of(call.owner, call.meeting, after=first["next_cursor"], limit=3)
    assert [texts(first), texts(rest)] == [["0", "1", "2"], ["3", "4"]]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize("query", [{"before": 1, "after": 1}, {"after": "x"}, {"before": -1}, {"limit": 201}])
def test_a_page_that_makes_no_sense_is_refused(call: Call, query: dict[str, object]) -> None:
    problem(call.owner.get(f"/meetings/{call.meeting['id']}/messages", **query), 422, "validation_failed")


def test_unread_are_messages_of_others_that_still_say_something(call: Call, says: Says) -> None:
    says(call.owner, "My own")
    says(call.guest, "One")
    taken_back = says(call.guest, "Two")
    ok(call.guest.delete(f"/messages/{taken_back['id']}"), 204)
    last = says(call.guest, "Three")
    page = chat_of(call.owner, call.meeting)
    assert (page["read_up_to"], page["unread"], page["head"]) == (0, 2, last["number"])
    assert ok(call.owner.get(f"/meetings/{call.meeting['id']}"))["unread_messages"] == 2
    assert ok(mark(call.owner, call, last["number"] - 1))["unread"] == 1
    assert ok(mark(call.owner, call, last["number"])) == {
        "head": last["number"],
        "read_up_to": last["number"],
        "unread": 0,
    }
    assert [one["unread_messages"] for one in ok(call.owner.get("/meetings"))["items"]] == [0]


def test_a_read_mark_never_goes_back_and_is_told_to_the_own_devices_only(call: Call, says: Says) -> None:
    head = says(call.guest, "One")["number"]
    ok(mark(call.owner, call, head))
    assert ok(mark(call.owner, call, 1))["read_up_to"] == head
    [event] = told(call.owner)
    assert event["type"] == "chat.read"
    assert event["payload"] == {"meeting_id": call.meeting["id"], "head": head, "read_up_to": head, "unread": 0}
    assert "chat.read" not in [event["type"] for event in told(call.guest, call.guests)]


def test_nobody_has_read_what_is_not_written_yet(call: Call, says: Says) -> None:
    head = says(call.guest, "One")["number"]
    assert problem(mark(call.owner, call, head + 1), 409, "cursor_ahead")["head"] == head
