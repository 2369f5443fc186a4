"""Starting, stopping, reading and deleting recordings over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app.core.clock import ManualClock
from app.core.objects.base import ObjectInfo
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.events.models import Event
from app.recordings.states import TRANSITIONS
from tests.support.people import Call, Person, ok, problem, start_call, types_of

Record = Callable[..., dict[str, Any]]
Objects = Callable[[], list[ObjectInfo]]


def start(call: Call, **fields: Any) -> dict[str, Any]:
    recording: dict[str, Any] = ok(call.owner.post(f"/meetings/{call.meeting['id']}/recordings", fields), 201)
    return recording


def states_told(person: Person, participant: dict[str, Any] | None = None) -> list[str]:
    messages = person.poll(participant, limit=200)["messages"]
    return [m["payload"]["recording"]["state"] for m in messages if m["type"] == "recording.state"]


class TestStarting:
    def test_a_recording_begins_with_a_snapshot_of_those_who_are_there(self, call: Call) -> None:
        recording = start(call)
        assert recording["state"] == "recording"
        assert recording["started_at"] == "2026-11-20T10:00:00.000000Z"
        assert recording["started_by"] == {"user_id": call.owner.user_id, "display_name": "Anna"}
        assert recording["participants"] == [
            {
                "participant_id": call.owners["id"],
                "user_id": call.owner.user_id,
                "display_name": "Anna",
                "kind": "user",
            },
            {"participant_id": call.guests["id"], "user_id": call.guest.user_id, "display_name": "Ben", "kind": "user"},
        ]
        unknown = ("outcome", "ended_at", "duration_s", "file_path", "content_type", "bytes", "sha256", "download_url")
        assert all(recording[name] is None for name in (*unknown, "error"))

    def test_it_says_that_it_is_a_mock(self, call: Call) -> None:
        recording = start(call)
        assert (recording["driver"], recording["is_mock"]) == ("mock", True)

    def test_who_comes_later_is_not_in_the_snapshot(self, call: Call, cleo: Person) -> None:
        recording = start(call)
        call.owner.invite(call.meeting, cleo)
        cleo.join(call.meeting)
        assert [p["display_name"] for p in ok(cleo.get(f"/recordings/{recording['id']}"))["participants"]] == [
            "Anna",
            "Ben",
        ]

    def test_what_was_asked_for_is_kept(self, call: Call) -> None:
        recording = start(call, mode="both", audio_only=True)
        assert (recording["mode"], recording["audio_only"]) == ("both", True)

    def test_the_answer_says_where_the_recording_is(self, call: Call) -> None:
        response = call.owner.post(f"/meetings/{call.meeting['id']}/recordings", {})
        assert response.headers["Location"] == f"/api/v1/recordings/{ok(response, 201)['id']}"

    def test_a_repeat_with_the_same_key_starts_nothing_more(self, call: Call) -> None:
        key = {"headers": {"Idempotency-Key": "r1"}}
        first, second = (call.owner.post(f"/meetings/{call.meeting['id']}/recordings", {}, **key) for _ in range(2))
        assert ok(first, 201)["id"] == ok(second, 201)["id"]

    @pytest.mark.parametrize("body", [{"mode": "everything"}, {"audio_only": "maybe"}, {"layout": "grid"}])
    def test_what_makes_no_sense_is_refused(self, call: Call, body: dict[str, Any]) -> None:
        problem(call.owner.post(f"/meetings/{call.meeting['id']}/recordings", body), 422, "validation_failed")

    def test_only_a_live_meeting_can_be_recorded(self, anna: Person) -> None:
        meeting = anna.create_meeting(media_mode="mock")
        path = f"/meetings/{meeting['id']}/recordings"
        assert problem(anna.post(path, {}), 409, "meeting_state_conflict")["state"] == "scheduled"
        ok(anna.post(f"/meetings/{meeting['id']}/start"))
        ok(anna.post(f"/meetings/{meeting['id']}/end"))
        assert problem(anna.post(path, {}), 409, "meeting_state_conflict")["state"] == "ended"

    def test_an_end_to_end_encrypted_meeting_cannot_be_recorded(self, anna: Person, ben: Person) -> None:
        call = start_call(anna, ben, media_mode="mock", e2ee=True)
        problem(anna.post(f"/meetings/{call.meeting['id']}/recordings", {}), 409, "end_to_end_encrypted")

    def test_a_second_recording_at_the_same_time_is_refused(self, call: Call) -> None:
        first = start(call)
        refused = problem(call.owner.post(f"/meetings/{call.meeting['id']}/recordings", {}), 409, "already_recording")
        assert refused["recording_id"] == first["id"]

    def test_a_second_recording_after_the_first_is_fine(self, call: Call, record: Record) -> None:
        assert record()["id"] != record()["id"]


class TestStartingWithTheMockRecorderEverywhere:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"mock_recorder": True})

    def test_a_meeting_peer_to_peer_can_be_recorded(self, anna: Person, ben: Person) -> None:
        call = start_call(anna, ben, media_mode="p2p")
        assert start(call)["is_mock"] is True


class TestStopping:
    def test_a_stopped_recording_becomes_ready_with_all_that_is_known_of_its_file(
        self, call: Call, clock: ManualClock, objects: Objects
    ) -> None:
        recording = start(call)
        clock.advance(seconds=20)
        stopped = ok(call.owner.post(f"/recordings/{recording['id']}/stop"), 202)
        assert stopped["state"] == "stopping"
        assert stopped["ended_at"] == "2026-11-20T10:00:20.000000Z"
        ready = ok(call.guest.get(f"/recordings/{recording['id']}"))
        (stored,) = objects()
        assert (ready["state"], ready["outcome"], ready["error"]) == ("ready", "complete", None)
        key = f"recordings/{call.meeting['id']}/{recording['id']}/recording.mp4"
        assert (ready["file_path"], ready["content_type"]) == (key, "video/mp4")
        assert (stored.key, stored.size, stored.sha256) == (key, ready["bytes"], ready["sha256"])
        assert ready["download_url"] == f"http://127.0.0.1:8080/api/v1/recordings/{recording['id']}/download"

    def test_stopping_twice_changes_nothing(self, call: Call, clock: ManualClock, record: Record) -> None:
        ready = record()
        clock.advance(seconds=5)
        again = ok(call.owner.post(f"/recordings/{ready['id']}/stop"), 202)
        assert ready | again == ready

    def test_the_end_of_the_meeting_stops_its_recording(self, call: Call, clock: ManualClock) -> None:
        recording = start(call)
        clock.advance(seconds=7)
        ok(call.owner.post(f"/meetings/{call.meeting['id']}/end"))
        ready = ok(call.owner.get(f"/recordings/{recording['id']}"))
        assert (ready["state"], ready["ended_at"]) == ("ready", "2026-11-20T10:00:07.000000Z")

    def test_a_recording_of_the_former_start_does_not_go_on_when_the_meeting_does(self, call: Call) -> None:
        first = start(call)
        ok(call.owner.post(f"/meetings/{call.meeting['id']}/end"))
        ok(call.owner.post(f"/meetings/{call.meeting['id']}/start"))
        second = start(call)
        assert [r["state"] for r in self._listed(call)] == ["recording", "ready"]
        assert [r["id"] for r in self._listed(call)] == [second["id"], first["id"]]

    @staticmethod
    def _listed(call: Call) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = ok(call.owner.get(f"/meetings/{call.meeting['id']}/recordings"))["items"]
        return items


class TestTelling:
    def test_everybody_in_the_room_learns_of_every_state(self, call: Call, record: Record) -> None:
        record()
        expected = ["recording", "stopping", "processing", "ready"]
        assert states_told(call.owner, call.owners) == expected
        assert states_told(call.guest, call.guests) == expected

    def test_who_accepted_and_is_elsewhere_learns_of_it_too(self, call: Call, cleo: Person, record: Record) -> None:
        cleo.accept(call.owner.invite(call.meeting, cleo)[0])
        record()
        assert states_told(cleo) == ["recording", "stopping", "processing", "ready"]

    def test_who_was_asked_and_has_not_answered_does_not(self, call: Call, cleo: Person, record: Record) -> None:
        call.owner.invite(call.meeting, cleo)
        record()
        assert states_told(cleo) == []

    def test_one_state_has_one_event_id_in_all_inboxes(self, call: Call) -> None:
        start(call)
        polls = [call.guest.poll(call.guests), call.guest.poll(), call.owner.poll(call.owners)]
        ids = {m["event_id"] for poll in polls for m in poll["messages"] if m["type"] == "recording.state"}
        assert len(ids) == 1

    def test_the_room_is_told_that_it_stops_before_its_inboxes_close(self, call: Call) -> None:
        start(call)
        ok(call.owner.post(f"/meetings/{call.meeting['id']}/end"))
        told = types_of(call.guest.poll(call.guests))
        assert told[-2:] == ["meeting.ended", "recording.state"]
        assert states_told(call.guest) == ["recording", "stopping", "processing", "ready"]

    def test_the_outbox_has_its_beginning_and_its_completion(
        self, call: Call, record: Record, runtime: Runtime
    ) -> None:
        recording = record()
        with runtime.reading() as work:
            events = work.query(Event).where(Event.name.startswith("recording.")).order_by(Event.seq).all()
        assert [event.name for event in events] == ["recording.started", "recording.stopped", "recording.completed"]
        assert {event.payload["recording_id"] for event in events} == {recording["id"]}
        assert {event.meeting_id for event in events} == {call.meeting["id"]}
        stored = events[-1].payload["object"]
        assert (stored["bucket"], stored["key"], stored["bytes"]) == (None, recording["file_path"], recording["bytes"])


class TestReading:
    def test_a_meetings_recordings_are_listed_newest_first_in_pages(self, call: Call, record: Record) -> None:
        made = [record()["id"] for _ in range(3)]
        path = f"/meetings/{call.meeting['id']}/recordings"
        first = ok(call.guest.get(path, limit=2))
        rest = ok(call.guest.get(path, limit=2, cursor=first["next_cursor"]))
        assert [r["id"] for r in first["items"] + rest["items"]] == made[::-1]
        assert rest["next_cursor"] is None

    def test_ones_own_list_has_the_recordings_of_meetings_that_one_owns_or_accepted(
        self, call: Call, cleo: Person, person: Callable[[str], Person], record: Record
    ) -> None:
        recording = record()
        call.owner.invite(call.meeting, cleo)
        dora = person("Dora")
        listed = {
            p.name: [r["id"] for r in ok(p.get("/recordings"))["items"]] for p in (call.owner, call.guest, cleo, dora)
        }
        assert listed == {"Anna": [recording["id"]], "Ben": [recording["id"]], "Cleo": [], "Dora": []}

    def test_the_lists_refuse_what_they_do_not_know(self, anna: Person) -> None:
        problem(anna.get("/recordings", mode="tracks"), 422, "validation_failed")


class TestDeleting:
    def test_a_deleted_recording_leaves_no_row_and_no_object(
        self, call: Call, record: Record, objects: Objects
    ) -> None:
        kept, deleted = record(), record()
        assert call.owner.delete(f"/recordings/{deleted['id']}").status_code == 204
        problem(call.owner.get(f"/recordings/{deleted['id']}"), 404, "not_found")
        assert [info.key for info in objects()] == [kept["file_path"]]

    def test_a_running_recording_cannot_be_deleted(self, call: Call) -> None:
        recording = start(call)
        refused = problem(call.owner.delete(f"/recordings/{recording['id']}"), 409, "recording_state_conflict")
        assert refused["state"] == "recording"

    def test_an_erased_meeting_leaves_no_object(self, call: Call, record: Record, objects: Objects) -> None:
        recordings = [record(), record()]
        ok(call.owner.post(f"/meetings/{call.meeting['id']}/end"))
        assert call.owner.delete(f"/meetings/{call.meeting['id']}").status_code == 204
        assert objects() == []
        problem(call.owner.get(f"/recordings/{recordings[0]['id']}"), 404, "not_found")


class TestAccess:
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/recordings/{id}"),
            ("GET", "/recordings/{id}/download"),
            ("DELETE", "/recordings/{id}"),
            ("POST", "/recordings/{id}/stop"),
            ("GET", "/meetings/{meeting_id}/recordings"),
        ],
    )
    def test_to_an_outsider_a_recording_does_not_exist(
        self, cleo: Person, record: Record, method: str, path: str
    ) -> None:
        problem(cleo.request(method, path.format_map(record())), 404, "not_found")

    def test_to_somebody_who_has_not_accepted_it_does_not_exist(self, call: Call, cleo: Person, record: Record) -> None:
        recording = record()
        call.owner.invite(call.meeting, cleo)
        problem(cleo.get(f"/recordings/{recording['id']}"), 404, "not_found")
        problem(cleo.get(f"/meetings/{call.meeting['id']}/recordings"), 403, "forbidden")

    def test_who_accepted_may_download_but_not_start_stop_or_delete(self, call: Call, record: Record) -> None:
        recording = record()
        assert call.guest.get(f"/recordings/{recording['id']}/download").status_code == 200
        problem(call.guest.post(f"/meetings/{call.meeting['id']}/recordings", {}), 403, "not_permitted")
        problem(call.guest.post(f"/recordings/{recording['id']}/stop"), 403, "not_permitted")
        problem(call.guest.delete(f"/recordings/{recording['id']}"), 403, "forbidden")

    def test_without_a_token_nothing_is_told(self, client: Any, record: Record) -> None:
        response = client.get(f"/api/v1/recordings/{record()['id']}/download")
        problem(response, 401, "token_missing")


def test_a_recording_goes_through_its_life_in_order_and_ends_for_good() -> None:
    assert TRANSITIONS["ready"] == frozenset()
    assert TRANSITIONS["failed"] == {"processing"}  # where its tracks come after all
    assert {new for news in TRANSITIONS.values() for new in news} | {"requested"} == TRANSITIONS.keys()
