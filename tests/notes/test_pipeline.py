"""Notes of real recordings: stages that are tried again, taken over, skipped, and that outlive what is killed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app.core.clock import ManualClock
from app.core.jobs.leased import LeasedJobs
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.notes import pipeline, stage_task, tasks
from app.notes.analysts.base import AnalysisContext, AnalysisFailed, Analyst
from app.notes.analysts.mock import MockAnalyst
from app.notes.meeting_source import MeetingSource
from app.notes.shapes import Analysis, Transcript
from app.notes.sources import Part, Unreadable
from app.notes.transcribers.base import Transcriber, UnsupportedLanguage
from app.participants.models import Participant
from app.recordings.models import Recording
from tests.notes.hearing import Ears, fails, quick_sound, record
from tests.support.people import Call, ok, problem, types_of

SAID = {
    "Anna": [(1.0, "Good morning Ben."), (9.0, "Please write to Carla by Friday.")],
    "Ben": [(4.0, "Good morning.")],
}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"jobs": "leased", "access_token_min": 4000})


@pytest.fixture
def ears(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Ears:
    monkeypatch.setattr(MeetingSource, "prepare", quick_sound)
    ears = Ears(dict(SAID))
    runtime.drivers[Transcriber] = ears
    return ears


class Reader(MockAnalyst):
    """An analyst that is not mocked, and counts."""

    name = "reader"
    is_mock = False

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.read: list[Transcript] = []
        self.before: Callable[[], None] = lambda: None

    def price(self, transcript: Transcript, context: AnalysisContext) -> float | None:
        return 0.02

    def analyse(self, transcript: Transcript, context: AnalysisContext) -> Analysis:
        self.before()
        self.read.append(transcript)
        if self.failures:
            raise self.failures.pop(0)
        return {
            **super().analyse(transcript, context),
            "provider": self.name,
            "usage": {"cost_usd": 0.01, "input_tokens": 900, "output_tokens": 80},
        }


def path(call: Call, more: str = "notes") -> str:
    return f"/meetings/{call.meeting['id']}/{more}"


def ask(call: Call, **body: Any) -> dict[str, Any]:
    asked: dict[str, Any] = ok(call.owner.post(path(call), body), 202)
    return asked


def read(call: Call) -> dict[str, Any]:
    notes: dict[str, Any] = ok(call.guest.get(path(call)))
    return notes


def lines(notes: dict[str, Any]) -> list[tuple[float, str, str]]:
    segments = (notes["transcript"] or {"segments": []})["segments"]
    return [(one["start_s"], one["speaker"]["label"], one["text"]) for one in segments]


def states(notes: dict[str, Any], name: str) -> list[str]:
    return [stage["state"] for stage in notes["stages"] if stage["name"] == name]


def both(call: Call) -> tuple[str, str]:
    return call.owners["id"], call.guests["id"]


class TestTheWay:
    def test_what_each_said_stands_in_one_transcript_by_its_time(
        self, call: Call, runtime: Runtime, ears: Ears, run_jobs: Callable[[], None]
    ) -> None:
        _, tracks = record(runtime, call, *both(call))
        ask(call)
        run_jobs()
        notes = read(call)
        assert (notes["state"], notes["provider"], notes["is_mock"]) == ("ready", "ears", False)
        assert lines(notes) == [
            (1.0, "Anna", "Good morning Ben."),
            (4.0, "Ben", "Good morning."),
            (9.0, "Anna", "Please write to Carla by Friday."),
        ]
        assert [one["id"] for one in notes["transcript"]["segments"]] == ["s1", "s2", "s3"]
        assert [one["track_id"] for one in notes["transcript"]["segments"]] == [tracks[0], tracks[1], tracks[0]]
        assert notes["analysis"]["summary"]

    def test_stages_are_seen_with_what_they_took_and_cost(
        self, call: Call, runtime: Runtime, ears: Ears, run_jobs: Callable[[], None]
    ) -> None:
        record(runtime, call, *both(call))
        asked = ask(call)
        assert [(one["name"], one["state"]) for one in asked["stages"]] == [
            ("ingest", "queued"),
            ("merge", "waiting"),
            ("analyse", "waiting"),
            ("publish", "waiting"),
        ]
        assert asked["progress"] == 0.0
        run_jobs()
        notes = read(call)
        names = ["ingest", "normalise", "normalise", "transcribe", "transcribe", "merge", "analyse", "publish"]
        assert [one["name"] for one in notes["stages"]] == names
        assert {(one["state"], one["attempts"]) for one in notes["stages"]} == {("done", 1)}
        assert all(one["duration_s"] is not None for one in notes["stages"])
        heard = [one for one in notes["stages"] if one["name"] == "transcribe"]
        assert [(one["speaker"], one["provider"], one["model"]) for one in heard] == [
            ("Anna", "ears", "ears-1"),
            ("Ben", "ears", "ears-1"),
        ]
        assert [one["cost_usd"] for one in heard] == [pytest.approx(0.0001), pytest.approx(0.0001)]
        assert (notes["cost_usd"], notes["progress"]) == (pytest.approx(0.0002), 1.0)

    def test_several_recordings_follow_each_other_in_the_meetings_time(
        self, call: Call, runtime: Runtime, ears: Ears, run_jobs: Callable[[], None]
    ) -> None:
        record(runtime, call, call.owners["id"], after_s=5)
        record(runtime, call, call.guests["id"], after_s=100)
        ask(call)
        run_jobs()
        assert [(start, who) for start, who, _ in lines(read(call))] == [(6.0, "Anna"), (14.0, "Anna"), (104.0, "Ben")]
        words = [one["words"][0]["start_s"] for one in read(call)["transcript"]["segments"]]
        assert words == [6.0, 14.0, 104.0]

    def test_what_is_published_lies_in_the_store_and_the_sounds_do_not(
        self, call: Call, runtime: Runtime, ears: Ears, run_jobs: Callable[[], None], objects: Callable[[], list[str]]
    ) -> None:
        record(runtime, call, *both(call))
        folder = f"transcripts/{call.meeting['id']}/{ask(call)['id']}"
        run_jobs()
        assert objects() == [f"{folder}/{name}" for name in ("analysis.json", "transcript.json", "transcript.vtt")]

    def test_the_owner_learns_how_far_they_are_and_all_that_they_are_ready(
        self, call: Call, runtime: Runtime, ears: Ears, run_jobs: Callable[[], None]
    ) -> None:
        record(runtime, call, *both(call))
        asked = ask(call)
        run_jobs()
        told = call.owner.poll()["messages"]
        (progress,) = (one for one in told if one["type"] == "notes.progress")
        assert progress["payload"] == {
            "meeting_id": call.meeting["id"],
            "notes_id": asked["id"],
            "version": 1,
            "ended": 7,
            "stages": 8,
        }
        assert types_of(call.guest.poll()).count("notes.ready") == 1
        assert "notes.progress" not in types_of(call.guest.poll())


class TestFormats:
    def test_a_transcript_is_read_as_captions_and_as_text(
        self, call: Call, runtime: Runtime, ears: Ears, run_jobs: Callable[[], None]
    ) -> None:
        record(runtime, call, call.guests["id"], after_s=60)
        ask(call)
        run_jobs()
        vtt = call.guest.get(path(call, "transcript"), format="vtt")
        assert vtt.content_type == "text/vtt; charset=utf-8"
        assert "00:01:04.000 --> 00:01:06.000\n<v Ben>Good morning.</v>" in vtt.text
        assert "00:01:04,000 --> 00:01:06,000" in call.guest.get(path(call, "transcript"), format="srt").text
        assert call.guest.get(path(call, "transcript"), format="txt").text.strip() == "Ben: Good morning."
        by_header = call.guest.request("GET", path(call, "transcript"), headers={"Accept": "text/vtt"})
        assert (by_header.text, by_header.headers["ETag"]) == (vtt.text, '"1"')
        problem(call.guest.get(path(call, "transcript"), format="doc"), 422, "validation_failed")

    def test_captions_of_one_recording_are_in_its_time(
        self, call: Call, runtime: Runtime, ears: Ears, run_jobs: Callable[[], None]
    ) -> None:
        record(runtime, call, call.owners["id"])
        second, _ = record(runtime, call, call.guests["id"], after_s=100)
        ask(call)
        run_jobs()
        (said,) = ok(call.guest.get(path(call, "transcript"), recording_id=second))["segments"]
        assert (said["start_s"], said["end_s"], said["words"][0]["start_s"]) == (4.0, 6.0, 4.0)
        problem(call.guest.get(path(call, "transcript"), recording_id=call.meeting["id"]), 404, "not_found")


class TestWhatIsListenedTo:
    def test_without_a_recording_there_is_nothing(self, call: Call, ears: Ears) -> None:
        told = problem(call.owner.post(path(call), {}), 409, "nothing_to_transcribe")
        assert told["detail"] == "The meeting has no recording."

    def test_while_the_only_recording_runs_there_is_nothing(self, call: Call, runtime: Runtime, ears: Ears) -> None:
        record(runtime, call, call.owners["id"], state="recording")
        told = problem(call.owner.post(path(call), {}), 409, "nothing_to_transcribe")
        assert told["detail"] == "The recording is still running; stop it first."

    def test_a_mocked_recording_has_canned_notes_that_say_so(
        self, call: Call, runtime: Runtime, ears: Ears, run_jobs: Callable[[], None]
    ) -> None:
        record(runtime, call, driver="mock")
        runtime.drivers[Analyst] = reader = Reader()
        asked = ask(call)
        assert (asked["provider"], asked["is_mock"]) == ("mock", True)
        run_jobs()
        assert (read(call)["state"], ears.asked, reader.read) == ("ready", [], [])

    def test_who_switched_it_off_is_never_heard(
        self, call: Call, runtime: Runtime, ears: Ears, run_jobs: Callable[[], None]
    ) -> None:
        record(runtime, call, *both(call))
        call.guest.join(call.meeting, device="phone", ai={"transcribe": False})
        ask(call)
        run_jobs()
        assert ears.asked == ["Anna"]
        assert {who for _, who, _ in lines(read(call))} == {"Anna"}

    def test_who_switches_it_off_meanwhile_is_left_out(
        self, call: Call, runtime: Runtime, ears: Ears, run_jobs: Callable[[], None]
    ) -> None:
        record(runtime, call, *both(call))

        def switch_off() -> None:
            with runtime.writing() as work:
                work.get_one(Participant, call.guests["id"]).ai_transcribe = False

        ears.before = switch_off
        ask(call)
        run_jobs()
        notes = read(call)
        assert notes["state"] == "ready"
        assert ears.asked == ["Anna"]
        assert {who for _, who, _ in lines(notes)} == {"Anna"}
        assert "skipped" in states(notes, "transcribe")

    def test_it_waits_for_tracks_that_are_on_their_way(
        self, call: Call, runtime: Runtime, ears: Ears, run_jobs: Callable[[], None]
    ) -> None:
        recording_id, _ = record(runtime, call, *both(call), state="stopping")
        ask(call)
        run_jobs()
        assert read(call)["state"] == "pending"
        assert read(call)["stages"][0]["attempts"] == 0
        with runtime.writing() as work:
            work.get_one(Recording, recording_id).state = "processing"
        run_jobs()
        assert read(call)["state"] == "ready"

    def test_a_track_that_cannot_be_read_is_skipped_and_told(
        self,
        call: Call,
        runtime: Runtime,
        ears: Ears,
        run_jobs: Callable[[], None],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        _, tracks = record(runtime, call, *both(call))

        def broken(source: object, runtime: Runtime, part: Part, folder: Any) -> Any:
            if part.id == tracks[1]:
                raise Unreadable("it has no frames")
            return quick_sound(source, runtime, part, folder)

        monkeypatch.setattr(MeetingSource, "prepare", broken)
        ask(call)
        run_jobs()
        notes = read(call)
        assert (notes["state"], states(notes, "normalise")) == ("ready", ["done", "skipped"])
        told = next(one["error"] for one in notes["stages"] if one["part"] == tracks[1])
        assert told == "The track can't be read: it has no frames"

    def test_where_no_track_can_be_read_the_notes_say_so(
        self,
        call: Call,
        runtime: Runtime,
        ears: Ears,
        run_jobs: Callable[[], None],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def broken(*_: object) -> Any:
            raise Unreadable("it has no frames")

        monkeypatch.setattr(MeetingSource, "prepare", broken)
        record(runtime, call, *both(call))
        ask(call)
        run_jobs()
        notes = read(call)
        told = ("failed", "None of the tracks could be listened to.", "nothing_to_transcribe")
        assert (notes["state"], notes["error"], notes["error_code"]) == told


class TestNothingTwice:
    def test_the_same_sound_is_not_paid_for_again(
        self, call: Call, runtime: Runtime, ears: Ears, run_jobs: Callable[[], None]
    ) -> None:
        runtime.drivers[Analyst] = reader = Reader()
        record(runtime, call, *both(call))
        for _ in range(2):
            ask(call)
            run_jobs()
        notes = read(call)
        assert (notes["version"], notes["state"], notes["cost_usd"]) == (2, "ready", 0.0)
        assert (sorted(ears.asked), len(reader.read)) == (["Anna", "Ben"], 1)
        assert states(notes, "normalise") == ["skipped", "skipped"]
        taken_over = {one["name"] for one in notes["stages"] if one["is_taken_over"]}
        assert taken_over == {"transcribe", "analyse"}

    def test_what_is_new_is_listened_to(
        self, call: Call, runtime: Runtime, ears: Ears, run_jobs: Callable[[], None]
    ) -> None:
        record(runtime, call, *both(call))
        ask(call)
        run_jobs()
        record(runtime, call, call.owners["id"], after_s=100)
        ask(call)
        run_jobs()
        assert sorted(ears.asked) == ["Anna", "Anna", "Ben"]
        assert [start for start, _, _ in lines(read(call))] == [1.0, 4.0, 9.0, 101.0, 109.0]

    def test_in_another_language_it_is_another_transcript(
        self, call: Call, runtime: Runtime, ears: Ears, run_jobs: Callable[[], None]
    ) -> None:
        record(runtime, call, *both(call))
        for language in ("en", "de"):
            ask(call, language=language)
            run_jobs()
        assert len(ears.asked) == 4
        assert read(call)["transcript"]["language"] == "de"


class TestTrouble:
    def test_what_fails_is_tried_again_with_pauses(
        self, call: Call, runtime: Runtime, ears: Ears, run_jobs: Callable[[], None]
    ) -> None:
        ears.failures = fails(2)
        record(runtime, call, call.owners["id"])
        ask(call)
        jobs = runtime.jobs
        assert isinstance(jobs, LeasedJobs)
        jobs.run_due(runtime)
        (stage,) = (one for one in read(call)["stages"] if one["name"] == "transcribe")
        assert (stage["state"], stage["attempts"]) == ("queued", 1)
        assert (stage["error"], stage["error_code"]) == ("The meeting could not be transcribed.", "not_transcribed")
        run_jobs()
        assert read(call)["state"] == "ready"
        (stage,) = (one for one in read(call)["stages"] if one["name"] == "transcribe")
        assert (stage["state"], stage["attempts"], stage["error"]) == ("done", 3, None)

    def test_after_so_many_tries_they_have_failed_and_can_be_gone_on_with(
        self, call: Call, runtime: Runtime, ears: Ears, run_jobs: Callable[[], None]
    ) -> None:
        record(runtime, call, *both(call))
        ears.failures = fails(9)
        ask(call)
        run_jobs()
        assert (read(call)["state"], read(call)["error_code"]) == ("failed", "not_transcribed")
        assert "notes.failed" in types_of(call.guest.poll())
        before = len(ears.asked)
        problem(call.guest.post(path(call, "notes/retry"), {}), 403, "forbidden")
        ok(call.owner.post(path(call, "notes/retry"), {}), 202)
        run_jobs()
        assert read(call)["state"] == "ready"
        assert len(ears.asked) == before + 1, "one had been heard before"

    def test_what_trying_again_cannot_mend_is_not_tried_again(
        self, call: Call, runtime: Runtime, ears: Ears, run_jobs: Callable[[], None]
    ) -> None:
        record(runtime, call, call.owners["id"])
        ears.failures = iter([UnsupportedLanguage("tlh")])
        ask(call)
        run_jobs()
        told = ("failed", "There is no transcriber for the language tlh.", "unsupported_language")
        assert (read(call)["state"], read(call)["error"], read(call)["error_code"]) == told
        assert ears.asked == ["Anna"]

    def test_an_analysis_that_fails_is_asked_for_again_alone(
        self, call: Call, runtime: Runtime, ears: Ears, run_jobs: Callable[[], None], objects: Callable[[], list[str]]
    ) -> None:
        runtime.drivers[Analyst] = Reader(*[AnalysisFailed("500")] * 5)
        record(runtime, call, *both(call))
        ask(call)
        run_jobs()
        notes = read(call)
        assert (notes["state"], notes["error_code"], len(lines(notes))) == ("failed", "not_analysed", 3)
        assert [key.rsplit("/", 1)[1] for key in objects()] == ["transcript.json", "transcript.vtt"]
        ok(call.owner.post(path(call, "notes/retry"), {}), 202)
        run_jobs()
        assert (read(call)["state"], len(ears.asked)) == ("ready", 2)
        assert [key.rsplit("/", 1)[1] for key in objects()] == ["analysis.json", "transcript.json", "transcript.vtt"]

    def test_what_is_pending_or_well_is_not_tried_again(
        self, call: Call, runtime: Runtime, ears: Ears, run_jobs: Callable[[], None]
    ) -> None:
        problem(call.owner.post(path(call, "notes/retry"), {}), 404, "notes_missing")
        record(runtime, call, *both(call))
        ask(call)
        problem(call.owner.post(path(call, "notes/retry"), {}), 409, "notes_state_conflict")
        run_jobs()
        problem(call.owner.post(path(call, "notes/retry"), {}), 409, "notes_state_conflict")
        ok(call.owner.post(path(call, "notes/retry"), {"analyse": True}), 202)

    def test_a_run_that_was_taken_over_counts_for_nothing(
        self, call: Call, runtime: Runtime, ears: Ears, run_jobs: Callable[[], None]
    ) -> None:
        """Its process stood still for so long that another took its job."""
        record(runtime, call, call.owners["id"])
        notes_id = ask(call)["id"]
        others = iter([True])

        def take_over() -> None:
            if next(others, False):
                (stage,) = (one for one in _stages(runtime, notes_id) if one.name == "transcribe")
                stage_task.run(runtime, {"notes_id": notes_id, "stage_id": stage.id})

        ears.before = take_over
        run_jobs()
        notes = read(call)
        (stage,) = (one for one in notes["stages"] if one["name"] == "transcribe")
        assert (notes["state"], stage["attempts"], len(ears.asked)) == ("ready", 2, 2)
        assert types_of(call.guest.poll()).count("notes.ready") == 1

    def test_what_is_broken_off_each_time_fails_in_the_end(
        self, call: Call, runtime: Runtime, ears: Ears, run_jobs: Callable[[], None]
    ) -> None:
        """As by something in a track that ends the process."""
        record(runtime, call, call.owners["id"])
        notes_id = ask(call)["id"]
        with runtime.writing() as work:
            stage = _stages(runtime, notes_id)[0]
            for _ in range(5):
                assert pipeline.begin_run(work, notes_id, stage.id)
        run_jobs()
        assert (read(call)["state"], read(call)["error_code"]) == ("failed", "broken_off")

    def test_stages_that_are_nobodys_any_more_fail_after_half_a_day(
        self, call: Call, runtime: Runtime, ears: Ears, clock: ManualClock
    ) -> None:
        record(runtime, call, call.owners["id"])
        ask(call)
        clock.advance(hours=11)
        tasks.sweep(runtime, {})
        assert read(call)["state"] == "pending"
        clock.advance(hours=2)
        tasks.sweep(runtime, {})
        assert (read(call)["state"], read(call)["error_code"]) == ("failed", "not_in_time")


class TestDeleting:
    def test_all_versions_go_and_all_that_is_stored_of_them(
        self, call: Call, runtime: Runtime, ears: Ears, run_jobs: Callable[[], None], objects: Callable[[], list[str]]
    ) -> None:
        record(runtime, call, *both(call))
        for _ in range(2):
            ask(call)
            run_jobs()
        problem(call.guest.delete(path(call)), 403, "forbidden")
        assert call.owner.delete(path(call)).status_code == 204
        problem(call.owner.get(path(call)), 404, "notes_missing")
        run_jobs()
        assert objects() == []
        assert call.owner.delete(path(call)).status_code == 204

    def test_what_is_deleted_while_it_is_listened_to_leaves_nothing(
        self, call: Call, runtime: Runtime, ears: Ears, run_jobs: Callable[[], None], objects: Callable[[], list[str]]
    ) -> None:
        record(runtime, call, *both(call))
        ears.before = lambda: call.owner.delete(path(call)) and None
        ask(call)
        run_jobs()
        problem(call.owner.get(path(call)), 404, "notes_missing")
        assert objects() == []

    def test_with_the_meeting_its_files_go(
        self, call: Call, runtime: Runtime, ears: Ears, run_jobs: Callable[[], None], objects: Callable[[], list[str]]
    ) -> None:
        record(runtime, call, *both(call))
        ask(call)
        run_jobs()
        assert objects()
        ok(call.owner.post(path(call, "end")))
        assert call.owner.delete(f"/meetings/{call.meeting['id']}").status_code == 204
        run_jobs()
        assert objects() == []


def _stages(runtime: Runtime, notes_id: str) -> list[Any]:
    with runtime.reading() as work:
        return list(pipeline.stages_of(work, notes_id))
