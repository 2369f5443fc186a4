"""Notes of meetings over HTTP: asked for, written in the background, read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.core.clock import ManualClock
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.events.models import Event
from app.notes import pipeline, stage_task, tasks
from app.notes.analysts.base import AnalysisContext, AnalysisFailed, Analyst
from app.notes.analysts.mock import MockAnalyst
from app.notes.models import Notes, Stage
from app.notes.schemas import AnalysisOut, NotesOut, TranscriptOut
from app.notes.shapes import CLAIM_KINDS, Analysis, Transcript
from app.notes.transcribers.base import (
    Transcriber,
    TranscriptionFailed,
    TranscriptionRequest,
    UnsupportedLanguage,
)
from app.notes.transcribers.mock import MockTranscriber
from tests.support.people import PASSWORD, Call, Person, ok, problem, start_call, types_of


def ask(call: Call) -> dict[str, Any]:
    asked: dict[str, Any] = ok(call.owner.post(f"/meetings/{call.meeting['id']}/notes", {}), 202)
    return asked


def read(call: Call) -> dict[str, Any]:
    notes: dict[str, Any] = ok(call.guest.get(f"/meetings/{call.meeting['id']}/notes"))
    return notes


def stages_of(runtime: Runtime, notes_id: str) -> list[Stage]:
    with runtime.reading() as work:
        return pipeline.stages_of(work, notes_id)


def labels(notes: dict[str, Any]) -> list[str]:
    """Speakers in the order in which they first spoke."""
    return list(dict.fromkeys(segment["speaker"]["label"] for segment in notes["transcript"]["segments"]))


class HeardTranscriber(MockTranscriber):
    """Keeps what it was asked."""

    def __init__(self) -> None:
        self.request: TranscriptionRequest | None = None

    def transcribe(self, request: TranscriptionRequest) -> Transcript:
        self.request = request
        return super().transcribe(request)


class FailingTranscriber(MockTranscriber):
    def __init__(self, failure: Exception) -> None:
        self.failure = failure

    def transcribe(self, request: TranscriptionRequest) -> Transcript:
        raise self.failure


class FailingAnalyst(MockAnalyst):
    def analyse(self, transcript: Transcript, context: AnalysisContext) -> Analysis:
        raise AnalysisFailed("the model at http://10.0.0.7 said 500")


class InventiveAnalyst(MockAnalyst):
    """Makes up a claim that nobody made."""

    def analyse(self, transcript: Transcript, context: AnalysisContext) -> Analysis:
        analysis = super().analyse(transcript, context)
        analysis["decisions"].append({"text": "Everybody gets a raise.", "evidence": ["s999"]})
        return analysis


class TestAsking:
    def test_the_answer_is_a_pending_version_that_says_it_will_be_a_mock(self, call: Call) -> None:
        asked = ask(call)
        assert (asked["state"], asked["version"], asked["ready_at"]) == ("pending", 1, None)
        assert (asked["provider"], asked["is_mock"]) == ("mock", True)
        unknown = ("transcript_text", "sentiment", "transcript", "analysis", "error")
        assert all(asked[name] is None for name in unknown)
        assert asked["key_points"] == []

    def test_asking_again_makes_the_next_version(self, call: Call) -> None:
        assert [ask(call)["version"] for _ in range(3)] == [1, 2, 3]
        assert read(call)["version"] == 3

    def test_a_repeat_with_the_same_key_makes_no_other_version(self, call: Call) -> None:
        key = {"headers": {"Idempotency-Key": "n1"}}
        answers = [call.owner.post(f"/meetings/{call.meeting['id']}/notes", {}, **key) for _ in range(2)]
        assert [ok(answer, 202)["version"] for answer in answers] == [1, 1]

    def test_a_meeting_that_has_not_begun_has_nothing_to_transcribe(self, anna: Person) -> None:
        meeting = anna.create_meeting()
        problem(anna.post(f"/meetings/{meeting['id']}/notes", {}), 409, "nothing_to_transcribe")

    def test_a_cancelled_meeting_has_nothing_to_transcribe(self, anna: Person) -> None:
        meeting = anna.create_meeting()
        ok(anna.post(f"/meetings/{meeting['id']}/cancel"))
        problem(anna.post(f"/meetings/{meeting['id']}/notes", {}), 409, "nothing_to_transcribe")

    def test_an_end_to_end_encrypted_meeting_has_no_notes(self, anna: Person, ben: Person) -> None:
        call = start_call(anna, ben, e2ee=True)
        problem(anna.post(f"/meetings/{call.meeting['id']}/notes", {}), 409, "end_to_end_encrypted")

    def test_what_cannot_be_asked_for_is_refused(self, call: Call) -> None:
        body = {"provider": "better"}
        problem(call.owner.post(f"/meetings/{call.meeting['id']}/notes", body), 422, "validation_failed")


class TestTheNotes:
    def test_they_are_ready_in_the_shapes_of_the_contract(self, call: Call, clock: ManualClock) -> None:
        ask(call)
        notes = read(call)
        assert (notes["state"], notes["error"], notes["is_mock"]) == ("ready", None, True)
        assert notes["ready_at"] == "2026-11-20T10:00:00.000000Z"
        assert notes.keys() == NotesOut().fields.keys()
        assert notes["transcript"].keys() == TranscriptOut().fields.keys()
        assert notes["analysis"].keys() == AnalysisOut().fields.keys()
        assert notes["sentiment"] == notes["analysis"]["sentiment"]["overall"]
        assert notes["key_points"] == notes["analysis"]["key_points"] != []
        assert notes["transcript_text"].count("\n") == len(notes["transcript"]["segments"]) - 1

    def test_nothing_that_a_provider_gives_is_lost_on_the_way(self, call: Call, runtime: Runtime) -> None:
        runtime.drivers[Transcriber] = heard = HeardTranscriber()
        ask(call)
        notes = read(call)
        assert heard.request is not None
        transcript = heard.transcribe(heard.request)
        context = AnalysisContext(heard.request.meeting_id, heard.request.title, None)
        analysis = MockAnalyst().analyse(transcript, context)
        assert notes["transcript"] == transcript
        undated = [item | {"due": None} for item in notes["analysis"]["action_items"]]
        assert notes["analysis"] | {"action_items": undated} == analysis

    def test_every_claim_cites_what_was_said(self, call: Call) -> None:
        ask(call)
        notes = read(call)
        said = {segment["id"] for segment in notes["transcript"]["segments"]}
        claims = [claim for kind in CLAIM_KINDS for claim in notes["analysis"][kind]]
        assert claims
        assert all(claim["evidence"] and said.issuperset(claim["evidence"]) for claim in claims)

    def test_a_claim_that_cites_nothing_is_dropped(self, call: Call, runtime: Runtime) -> None:
        runtime.drivers[Analyst] = InventiveAnalyst()
        ask(call)
        analysis = read(call)["analysis"]
        assert "Everybody gets a raise." not in [claim["text"] for claim in analysis["decisions"]]
        assert any("dropped" in warning for warning in analysis["warnings"])

    def test_they_are_the_same_each_time(self, call: Call, clock: ManualClock) -> None:
        ask(call)
        first = read(call)
        clock.advance(minutes=3)
        ask(call)
        same = ("transcript_text", "key_points", "sentiment", "transcript", "analysis")
        assert {name: read(call)[name] for name in same} == {name: first[name] for name in same}

    def test_dates_are_counted_from_the_day_in_the_meetings_own_zone(
        self, anna: Person, ben: Person, clock: ManualClock, runtime: Runtime
    ) -> None:
        class DatedAnalyst(MockAnalyst):
            held_on: object = None

            def analyse(self, transcript: Transcript, context: AnalysisContext) -> Analysis:
                self.held_on = context.held_on
                return super().analyse(transcript, context)

        runtime.drivers[Analyst] = analyst = DatedAnalyst()
        clock.advance(hours=5.5)  # 15:30 UTC is half past midnight of the next day in Tokyo
        anna.tokens = ok(anna.app.test_client().post("/api/v1/auth/login", json=credentials(anna)))
        ben.tokens = ok(ben.app.test_client().post("/api/v1/auth/login", json=credentials(ben)))
        ask(start_call(anna, ben, time_zone="Asia/Tokyo"))
        assert str(analyst.held_on) == "2026-11-21"


def credentials(person: Person) -> dict[str, str]:
    return {"email": person.email, "password": PASSWORD}


class TestWhoSpeaks:
    def test_everybody_who_was_there_speaks_under_their_name_there(self, call: Call, cleo: Person) -> None:
        call.owner.invite(call.meeting, cleo)
        cleo.join(call.meeting, display_name="Dr. Cleo")
        ask(call)
        assert sorted(labels(read(call))) == ["Anna", "Ben", "Dr. Cleo"]

    def test_somebody_who_came_twice_is_one_speaker(self, call: Call, clock: ManualClock, runtime: Runtime) -> None:
        runtime.drivers[Transcriber] = heard = HeardTranscriber()
        ok(call.guest.post(f"/participants/{call.guests['id']}/leave"))
        clock.advance(seconds=5)
        call.guest.join(call.meeting, device="phone")
        ask(call)
        assert heard.request is not None
        assert [speaker.label for speaker in heard.request.speakers] == ["Anna", "Ben"]

    def test_the_media_server_says_nothing(self, anna: Person, ben: Person) -> None:
        call = start_call(anna, ben, media_mode="mock")
        ask(call)
        assert sorted(labels(read(call))) == ["Anna", "Ben"]

    def test_where_nobody_came_those_who_belong_to_the_meeting_speak(self, anna: Person, ben: Person) -> None:
        meeting = anna.create_meeting()
        ben.accept(anna.invite(meeting, ben)[0])
        ok(anna.post(f"/meetings/{meeting['id']}/start"))
        ok(anna.post(f"/meetings/{meeting['id']}/notes", {}), 202)
        notes = ok(ben.get(f"/meetings/{meeting['id']}/notes"))
        assert sorted(labels(notes)) == ["Anna", "Ben"]

    def test_in_a_meeting_that_is_over_nobody_speaks_longer_than_it_lasted(
        self, call: Call, clock: ManualClock
    ) -> None:
        clock.advance(seconds=9)
        ok(call.owner.post(f"/meetings/{call.meeting['id']}/end"))
        ask(call)
        assert 0 < read(call)["transcript"]["segments"][-1]["end_s"] <= 9

    def test_a_meeting_that_was_over_at_once_has_notes_all_the_same(self, call: Call) -> None:
        ok(call.owner.post(f"/meetings/{call.meeting['id']}/end"))
        ask(call)
        segments = read(call)["transcript"]["segments"]
        assert all(segment["start_s"] < segment["end_s"] for segment in segments)


class TestTelling:
    def test_everybody_who_belongs_to_the_meeting_learns_that_they_are_ready(self, call: Call) -> None:
        asked = ask(call)
        expected = {"meeting_id": call.meeting["id"], "notes_id": asked["id"], "version": 1}
        for person in (call.owner, call.guest):
            last = person.poll()["messages"][-1]
            assert (last["type"], last["payload"], last["meeting_id"]) == ("notes.ready", expected, call.meeting["id"])

    def test_who_has_not_accepted_learns_nothing(self, call: Call, cleo: Person) -> None:
        call.owner.invite(call.meeting, cleo)
        ask(call)
        assert "notes.ready" not in types_of(cleo.poll())

    def test_the_outbox_has_it(self, call: Call, runtime: Runtime) -> None:
        asked = ask(call)
        with runtime.reading() as work:
            event = work.query(Event).where(Event.name == "notes.ready").one()
        told = {"call_id": None, "notes_id": asked["id"], "version": 1}
        assert (event.meeting_id, event.payload) == (call.meeting["id"], told)


class TestReading:
    def test_before_anybody_has_asked_there_are_none(self, call: Call) -> None:
        problem(call.guest.get(f"/meetings/{call.meeting['id']}/notes"), 404, "notes_missing")
        problem(call.guest.get(f"/meetings/{call.meeting['id']}/transcript"), 404, "notes_missing")

    def test_the_transcript_can_be_read_alone(self, call: Call) -> None:
        ask(call)
        assert ok(call.guest.get(f"/meetings/{call.meeting['id']}/transcript")) == read(call)["transcript"]

    def test_canned_talk_is_read_in_the_time_of_each_recording_into_which_it_falls(
        self, anna: Person, ben: Person, clock: ManualClock
    ) -> None:
        call = start_call(anna, ben, media_mode="mock")
        path = f"/meetings/{call.meeting['id']}"
        clock.advance(seconds=2)
        recordings = []
        for lasts in (5, 7):
            recordings.append(ok(anna.post(f"{path}/recordings", {}), 201)["id"])
            clock.advance(seconds=lasts)
            ok(anna.post(f"/recordings/{recordings[-1]}/stop"), 202)
        ok(anna.post(f"{path}/end"))
        ask(call)
        whole = read(call)["transcript"]["segments"]
        first, second = (ok(ben.get(f"{path}/transcript", recording_id=one))["segments"] for one in recordings)
        assert [one["id"] for one in first] == [one["id"] for one in whole if 2 <= one["start_s"] < 7]
        assert [one["id"] for one in second] == [one["id"] for one in whole if one["start_s"] >= 7]
        assert second[0]["start_s"] == pytest.approx(whole[-len(second)]["start_s"] - 7, abs=0.001)

    def test_to_an_outsider_there_is_no_such_meeting(self, call: Call, cleo: Person) -> None:
        ask(call)
        for path in ("notes", "transcript"):
            problem(cleo.get(f"/meetings/{call.meeting['id']}/{path}"), 404, "not_found")
        problem(cleo.post(f"/meetings/{call.meeting['id']}/notes", {}), 404, "not_found")

    def test_who_was_asked_and_has_not_answered_may_not_read_them(self, call: Call, cleo: Person) -> None:
        ask(call)
        call.owner.invite(call.meeting, cleo)
        for path in ("notes", "transcript"):
            problem(cleo.get(f"/meetings/{call.meeting['id']}/{path}"), 403, "forbidden")

    def test_who_accepted_may_read_and_not_ask(self, call: Call) -> None:
        problem(call.guest.post(f"/meetings/{call.meeting['id']}/notes", {}), 403, "forbidden")

    def test_they_go_with_the_meeting(self, call: Call) -> None:
        ask(call)
        ok(call.owner.post(f"/meetings/{call.meeting['id']}/end"))
        assert call.owner.delete(f"/meetings/{call.meeting['id']}").status_code == 204
        problem(call.owner.get(f"/meetings/{call.meeting['id']}/notes"), 404, "not_found")


class TestTrouble:
    @pytest.mark.parametrize(
        ("failure", "error"),
        [
            (TranscriptionFailed("no luck at /models/x"), "The meeting could not be transcribed."),
            (ZeroDivisionError(), "The meeting could not be transcribed."),
            (UnsupportedLanguage("tlh"), "There is no transcriber for the language tlh."),
        ],
    )
    def test_notes_that_fail_say_why(self, call: Call, runtime: Runtime, failure: Exception, error: str) -> None:
        runtime.drivers[Transcriber] = FailingTranscriber(failure)
        ask(call)
        notes = read(call)
        assert (notes["state"], notes["error"], notes["ready_at"]) == ("failed", error, None)
        problem(call.guest.get(f"/meetings/{call.meeting['id']}/transcript"), 404, "notes_missing")
        assert "notes.ready" not in types_of(call.guest.poll())

    def test_an_analysis_that_fails_hides_no_transcript(self, call: Call, runtime: Runtime) -> None:
        runtime.drivers[Analyst] = FailingAnalyst()
        ask(call)
        notes = read(call)
        assert (notes["state"], notes["error"]) == ("failed", "The transcript could not be analysed.")
        assert notes["analysis"] is None
        assert ok(call.guest.get(f"/meetings/{call.meeting['id']}/transcript")) == notes["transcript"]

    def test_after_a_failure_one_can_ask_again(self, call: Call, runtime: Runtime) -> None:
        runtime.drivers[Transcriber] = FailingTranscriber(TranscriptionFailed("no"))
        ask(call)
        runtime.drivers[Transcriber] = MockTranscriber()
        ask(call)
        assert (read(call)["state"], read(call)["version"]) == ("ready", 2)

    def test_a_failed_version_leaves_the_transcript_of_the_one_before(self, call: Call, runtime: Runtime) -> None:
        ask(call)
        before = ok(call.guest.get(f"/meetings/{call.meeting['id']}/transcript"))
        runtime.drivers[Transcriber] = FailingTranscriber(TranscriptionFailed("no"))
        ask(call)
        assert read(call)["state"] == "failed"
        assert ok(call.guest.get(f"/meetings/{call.meeting['id']}/transcript")) == before

    def test_a_job_that_runs_twice_changes_nothing(self, call: Call, runtime: Runtime) -> None:
        ask(call)
        notes = read(call)
        for stage in stages_of(runtime, notes["id"]):
            stage_task.run(runtime, {"notes_id": notes["id"], "stage_id": stage.id})
        assert read(call) == notes
        assert types_of(call.guest.poll()).count("notes.ready") == 1


class TestNotesThatNobodyWrites:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"jobs": "leased", "access_token_min": 2880})

    def test_they_fail_after_half_a_day(self, call: Call, runtime: Runtime, clock: ManualClock) -> None:
        ask(call)
        clock.advance(hours=11, minutes=59)
        tasks.sweep(runtime, {})
        assert read(call)["state"] == "pending"
        clock.advance(minutes=2)
        tasks.sweep(runtime, {})
        assert (read(call)["state"], read(call)["error"]) == ("failed", "The notes were not written in time.")

    def test_a_job_that_comes_later_than_that_changes_nothing(
        self, call: Call, runtime: Runtime, clock: ManualClock
    ) -> None:
        asked = ask(call)
        clock.advance(hours=13)
        tasks.sweep(runtime, {})
        stage_task.run(runtime, {"notes_id": asked["id"], "stage_id": stages_of(runtime, asked["id"])[0].id})
        assert read(call)["state"] == "failed"


def test_the_shapes_stand_whole_in_the_openapi_document(client: Any) -> None:
    schemas = client.get("/openapi.json").json["components"]["schemas"]
    for name in ("Notes", "Transcript", "Segment", "Word", "Analysis", "ActionItem", "Recording"):
        for field, described in schemas[name]["properties"].items():
            assert described.keys() & {"type", "$ref", "allOf", "anyOf", "items"}, f"{name}.{field} has no type"
        assert set(schemas[name]["required"]) == schemas[name]["properties"].keys()


class TestWishes:
    def test_who_is_not_transcribed_is_neither_asked_for_nor_named(
        self, call: Call, cleo: Person, runtime: Runtime
    ) -> None:
        transcriber = runtime.drivers[Transcriber] = HeardTranscriber()
        cleo.accept(call.owner.invite(call.meeting, cleo)[0])
        cleo.join(call.meeting)
        cleo.join(call.meeting, device="phone", ai={"transcribe": False})
        ask(call)
        assert transcriber.request is not None
        assert [one.label for one in transcriber.request.speakers] == ["Anna", "Ben"]
        notes = read(call)
        assert notes["state"] == "ready"
        assert "Cleo" not in json.dumps(notes)

    def test_of_whom_nothing_is_analysed_every_word_is_transcribed_and_none_is_cited(self, call: Call) -> None:
        call.guest.join(call.meeting, device="phone", ai={"analyse": False})
        ask(call)
        notes = read(call)
        said = {one["id"]: one["speaker"]["label"] for one in notes["transcript"]["segments"]}
        assert set(said.values()) == {"Anna", "Ben"}
        claims = [claim for kind in CLAIM_KINDS for claim in notes["analysis"][kind]]
        assert claims
        assert {said[segment] for claim in claims for segment in claim["evidence"]} == {"Anna"}
        assert [one["speaker"] for one in notes["analysis"]["talk"]] == ["Anna"]
        assert list(notes["analysis"]["sentiment"]["by_speaker"]) == ["Anna"]

    def test_where_nobody_is_to_be_analysed_there_is_a_transcript_all_the_same(self, call: Call) -> None:
        for person in (call.owner, call.guest):
            person.join(call.meeting, device="phone", ai={"analyse": False})
        ask(call)
        notes = read(call)
        assert notes["state"] == "ready"
        assert notes["transcript"]["segments"]
        assert [claim for kind in CLAIM_KINDS for claim in notes["analysis"][kind]] == []

    def test_where_nobody_is_to_be_transcribed_there_is_nothing(self, call: Call) -> None:
        for person in (call.owner, call.guest):
            person.join(call.meeting, device="phone", ai={"transcribe": False})
        told = problem(call.owner.post(f"/meetings/{call.meeting['id']}/notes", {}), 409, "nothing_to_transcribe")
        assert told["detail"] == "Everybody who was there has switched transcription off."

    def test_a_wish_counts_until_the_notes_are_written(self, call: Call, runtime: Runtime) -> None:
        asked = ask(call)
        with runtime.writing() as work:
            work.get_one(Notes, asked["id"]).state = "pending"
            for stage in pipeline.stages_of(work, asked["id"]):
                stage.state, stage.attempts = "queued" if stage.name == "ingest" else "waiting", 0
        for person in (call.owner, call.guest):
            person.join(call.meeting, device="phone", ai={"transcribe": False})
        stage_task.run(runtime, {"notes_id": asked["id"], "stage_id": stages_of(runtime, asked["id"])[0].id})
        notes = read(call)
        assert (notes["state"], notes["error"]) == (
            "failed",
            "Everybody who was there has switched transcription off.",
        )
