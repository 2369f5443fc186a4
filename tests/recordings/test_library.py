"""Finding recordings, and giving them titles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.core.flask_app import ParleyApp
from tests.support.people import Call, Person, ok, problem, start_call

Record = Callable[..., dict[str, Any]]


def titles(person: Person, **query: Any) -> list[str]:
    return [one["title"] for one in ok(person.get("/recordings", **query))["items"]]


def test_a_recording_is_called_as_its_meeting_was_and_its_owner_gives_it_another_title(
    call: Call, record: Record
) -> None:
    recording = record()
    assert recording["title"] == call.meeting["title"]
    call.guest.poll()
    renamed = ok(call.owner.request("PATCH", f"/recordings/{recording['id']}", {"title": "  Über Preise  "}))
    assert renamed["title"] == "Über Preise"
    assert ok(call.owner.get(f"/recordings/{recording['id']}"))["title"] == "Über Preise"
    told = [m["payload"]["recording"]["title"] for m in call.guest.poll()["messages"] if m["type"] == "recording.state"]
    assert told[-1] == "Über Preise"
    name = call.guest.get(f"/recordings/{recording['id']}/download").headers["Content-Disposition"]
    assert "%C3%9Cber%20Preise" in name
    problem(call.guest.request("PATCH", f"/recordings/{recording['id']}", {"title": "Mine"}), 403, "forbidden")
    problem(call.owner.request("PATCH", f"/recordings/{recording['id']}", {"title": " "}), 422, "validation_failed")


def test_recordings_are_found_by_a_part_of_their_title_whatever_its_letters_size(call: Call, record: Record) -> None:
    for title in ("Über Preise", "100 % sicher", "Straße_1"):
        ok(call.owner.request("PATCH", f"/recordings/{record()['id']}", {"title": title}))
    assert titles(call.guest) == ["Straße_1", "100 % sicher", "Über Preise"]
    assert titles(call.guest, q="üBER pr") == ["Über Preise"]
    assert titles(call.guest, q="STRASSE") == ["Straße_1"]
    assert titles(call.guest, q="%") == ["100 % sicher"]  # a letter like any other
    assert titles(call.guest, q="e_1") == ["Straße_1"]
    assert titles(call.guest, q="nothing") == []


def test_recordings_are_found_by_state_and_meeting_and_only_where_one_was(
    app: ParleyApp, call: Call, record: Record, cleo: Person, person: Callable[[str], Person]
) -> None:
    record()
    other = start_call(cleo, person("Dora"), media_mode="mock")
    ok(cleo.post(f"/meetings/{other.meeting['id']}/recordings", {}), 201)
    assert len(titles(call.guest)) == 1
    assert titles(call.guest, state="recording") == []
    assert titles(cleo, state="recording") == [other.meeting["title"]]
    assert len(titles(call.guest, meeting_id=call.meeting["id"])) == 1
    assert titles(call.guest, meeting_id=other.meeting["id"]) == []
    problem(call.guest.get("/recordings", state="lost"), 422, "validation_failed")


def test_what_is_found_comes_in_pages(call: Call, record: Record) -> None:
    for number in range(5):
        title = f"Review {number}" if number % 2 == 0 else "Something else"
        ok(call.owner.request("PATCH", f"/recordings/{record()['id']}", {"title": title}))
    first = ok(call.guest.get("/recordings", q="review", limit=2))
    second = ok(call.guest.get("/recordings", q="review", limit=2, cursor=first["next_cursor"]))
    assert [one["title"] for one in first["items"] + second["items"]] == ["Review 4", "Review 2", "Review 0"]
    assert second["next_cursor"] is None
