"""Meetings that are to be recorded without anybody asking."""

from __future__ import annotations

from typing import Any

from app.core.clock import ManualClock
from tests.support.people import Person, ok, problem, start_call


def recordings_of(person: Person, meeting: dict[str, Any]) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = ok(person.get(f"/meetings/{meeting['id']}/recordings"))["items"]
    return items


def names(recording: dict[str, Any]) -> list[str]:
    return [person["display_name"] for person in recording["participants"]]


def test_it_begins_with_the_meeting_and_ends_with_it(anna: Person, ben: Person, clock: ManualClock) -> None:
    call = start_call(anna, ben, media_mode="mock", record_automatically=True)
    (recording,) = recordings_of(ben, call.meeting)
    assert recording["state"] == "recording"
    assert recording["started_by"]["display_name"] == "Anna"
    clock.advance(seconds=3)
    ok(anna.post(f"/meetings/{call.meeting['id']}/end"))
    (recording,) = recordings_of(ben, call.meeting)
    assert (recording["state"], recording["duration_s"]) == ("ready", 3.0)


def test_who_starts_the_meeting_by_joining_is_in_the_snapshot_and_so_is_who_waited(
    anna: Person, ben: Person, clock: ManualClock
) -> None:
    meeting = anna.create_meeting(starts_at="2026-11-20T10:30:00Z", media_mode="mock", record_automatically=True)
    ben.accept(anna.invite(meeting, ben)[0])
    assert ben.join(meeting)["participant"]["state"] == "waiting"
    anna.join(meeting)
    (recording,) = recordings_of(anna, meeting)
    assert sorted(names(recording)) == ["Anna", "Ben"]


def test_started_with_nobody_in_the_room_it_notes_the_first_who_comes(anna: Person, ben: Person) -> None:
    meeting = anna.create_meeting(media_mode="mock", record_automatically=True)
    ben.accept(anna.invite(meeting, ben)[0])
    ok(anna.post(f"/meetings/{meeting['id']}/start"))
    assert names(recordings_of(anna, meeting)[0]) == []
    ben.join(meeting)
    anna.join(meeting)
    assert names(recordings_of(anna, meeting)[0]) == ["Ben"]


def test_where_it_cannot_be_recorded_the_meeting_goes_on_without(anna: Person, ben: Person) -> None:
    call = start_call(anna, ben, record_automatically=True, media_mode="mock", e2ee=True)
    assert call.meeting["state"] == "live"
    assert recordings_of(anna, call.meeting) == []


def test_peer_to_peer_its_participants_are_asked_to_record_themselves(anna: Person, ben: Person) -> None:
    call = start_call(anna, ben, record_automatically=True, media_mode="p2p")
    (recording,) = recordings_of(anna, call.meeting)
    assert (recording["driver"], recording["state"], recording["local_tracks"]) == ("clients", "recording", True)


def test_stopped_by_hand_it_does_not_begin_again(anna: Person, ben: Person) -> None:
    call = start_call(anna, ben, media_mode="mock", record_automatically=True)
    (recording,) = recordings_of(anna, call.meeting)
    ok(anna.post(f"/recordings/{recording['id']}/stop"), 202)
    anna.join(call.meeting, device="phone")
    assert [r["id"] for r in recordings_of(anna, call.meeting)] == [recording["id"]]


def test_every_start_of_the_meeting_is_recorded(anna: Person, ben: Person) -> None:
    call = start_call(anna, ben, media_mode="mock", record_automatically=True)
    ok(anna.post(f"/meetings/{call.meeting['id']}/end"))
    ok(anna.post(f"/meetings/{call.meeting['id']}/start"))
    assert [r["state"] for r in recordings_of(anna, call.meeting)] == ["recording", "ready"]


def test_meanwhile_nobody_can_start_another(anna: Person, ben: Person) -> None:
    call = start_call(anna, ben, media_mode="mock", record_automatically=True)
    problem(anna.post(f"/meetings/{call.meeting['id']}/recordings", {}), 409, "already_recording")
