"""What becomes of a recording's file: made, stored, verified, tried again, given up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import av
import pytest

from app.core.clock import ManualClock
from app.core.jobs.leased import LeasedJobs
from app.core.objects.base import ObjectInfo, ObjectStore, StoreUnusable
from app.core.objects.memory import MemoryObjectStore
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.meetings.models import Meeting
from app.recordings import tasks
from app.recordings.models import Recording
from app.recordings.recorders.base import ProducedFile, Recorder, RecorderUnusable, RecordingFailed
from app.recordings.recorders.mock import MOCK_MAX_S, MockRecorder
from tests.support.people import Call, Person, ok, problem

Record = Callable[..., dict[str, Any]]
Objects = Callable[[], list[ObjectInfo]]
Spool = Callable[[], list[Path]]


class TroubledRecorder(MockRecorder):
    """Fails as often as it has `failures`, and then works."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)

    def produce(
        self,
        recording_id: str,
        participants: Sequence[str],
        duration_s: float,
        audio_only: bool,
        destination: Path,
    ) -> ProducedFile:
        if self.failures:
            raise self.failures.pop(0)
        return super().produce(recording_id, participants, duration_s, audio_only, destination)


class CorruptingStore(MemoryObjectStore):
    """Stores other bytes than it was given."""

    def put_file(self, key: str, source: Path | BinaryIO, content_type: str) -> ObjectInfo:
        return super().put_file(key, BytesIO(b"rubbish"), content_type)


class LostStore(MemoryObjectStore):
    def put_file(self, key: str, source: Path | BinaryIO, content_type: str) -> ObjectInfo:
        raise StoreUnusable("[Errno 5] Input/output error: '/mnt/secret-place'")


def again(runtime: Runtime, recording: dict[str, Any]) -> None:
    """Run the job once more, as a retry does."""
    tasks.produce(runtime, {"recording_id": recording["id"], "meeting_id": recording["meeting_id"]})


def read(call: Call, recording: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = ok(call.owner.get(f"/recordings/{recording['id']}"))
    return body


def decoded(call: Call, recording: dict[str, Any]) -> dict[str, tuple[str, float]]:
    """Codec and length in seconds of every stream of the downloaded file, by what really decodes."""
    found = {}
    content = call.owner.get(f"/recordings/{recording['id']}/download").data
    for kind in ("video", "audio"):
        with av.open(BytesIO(content)) as container:
            for stream in getattr(container.streams, kind):
                frames = list(container.decode(stream))
                length_s = sum(float(frame.duration * frame.time_base) for frame in frames)
                found[kind] = (stream.codec_context.name, length_s)
    return found


class TestTheFile:
    def test_it_decodes_for_as_long_as_the_recording_says(self, call: Call, record: Record) -> None:
        recording = record()
        streams = decoded(call, recording)
        assert {kind: codec for kind, (codec, _) in streams.items()} == {"video": "h264", "audio": "aac"}
        assert streams["video"][1] == pytest.approx(recording["duration_s"], abs=0.1)
        assert streams["audio"][1] == pytest.approx(recording["duration_s"], abs=0.1)

    def test_a_long_recording_says_how_short_the_mocks_file_is(self, record: Record) -> None:
        assert record()["duration_s"] == MOCK_MAX_S

    def test_an_audio_recording_has_no_picture(self, call: Call, record: Record) -> None:
        recording = record(audio_only=True)
        assert recording["content_type"] == "audio/mp4"
        assert recording["file_path"].endswith(".m4a")
        assert set(decoded(call, recording)) == {"audio"}

    def test_nothing_stays_in_the_spool(self, record: Record, spool: Spool) -> None:
        assert record()["state"] == "ready"
        assert spool() == []


class TestTrouble:
    def test_a_recorder_that_fails_is_tried_again_and_says_so_meanwhile(
        self, call: Call, record: Record, runtime: Runtime
    ) -> None:
        runtime.drivers[Recorder] = TroubledRecorder(RecordingFailed("x264 says no"))
        recording = record()
        assert (recording["state"], recording["outcome"]) == ("processing", None)
        assert recording["error"] == "The recorder could not make the file."
        again(runtime, recording)
        ready = read(call, recording)
        assert (ready["state"], ready["outcome"], ready["error"]) == ("ready", "complete", None)

    def test_a_full_store_is_said_to_be_full_and_nothing_stays_behind(
        self, call: Call, record: Record, runtime: Runtime, spool: Spool
    ) -> None:
        runtime.drivers[ObjectStore] = full = MemoryObjectStore(capacity_bytes=1000)
        recording = record()
        assert (recording["state"], recording["error"]) == ("processing", "There is no room left to store the file.")
        assert (list(full.list()), spool()) == ([], [])
        runtime.drivers[ObjectStore] = MemoryObjectStore()
        again(runtime, recording)
        assert read(call, recording)["state"] == "ready"

    def test_an_object_that_is_not_the_file_is_taken_away(self, record: Record, runtime: Runtime) -> None:
        runtime.drivers[ObjectStore] = store = CorruptingStore()
        recording = record()
        assert (recording["state"], recording["error"]) == ("processing", "The file could not be made.")
        assert list(store.list()) == []

    def test_what_goes_wrong_on_the_server_names_no_place_on_it(self, record: Record, runtime: Runtime) -> None:
        runtime.drivers[ObjectStore] = LostStore()
        assert record()["error"] == "The store of files can't be written."

    def test_a_recorder_that_cannot_work_at_all_fails_at_once(self, record: Record, runtime: Runtime) -> None:
        runtime.drivers[Recorder] = TroubledRecorder(RecorderUnusable("no libx264"))
        recording = record()
        assert (recording["state"], recording["outcome"]) == ("failed", "failed")
        assert recording["error"] == "The recorder can't work on this server."
        assert recording["download_url"] is None

    def test_everybody_is_told_of_a_failure(self, call: Call, record: Record, runtime: Runtime) -> None:
        runtime.drivers[Recorder] = TroubledRecorder(RecorderUnusable("no libx264"))
        record()
        last = call.guest.poll(call.guests)["messages"][-1]
        assert (last["type"], last["payload"]["recording"]["state"]) == ("recording.state", "failed")


class TestRepeating:
    def test_a_job_that_runs_twice_changes_nothing(
        self, call: Call, record: Record, runtime: Runtime, objects: Objects
    ) -> None:
        recording, before = record(), objects()
        again(runtime, recording)
        assert (read(call, recording), objects()) == (recording, before)

    def test_a_file_that_was_made_for_a_recording_deleted_meanwhile_is_taken_away(
        self, call: Call, record: Record, runtime: Runtime, objects: Objects
    ) -> None:
        class SlowRecorder(MockRecorder):
            def produce(self, recording_id: str, *arguments: Any) -> ProducedFile:
                made = super().produce(recording_id, *arguments)
                assert call.owner.delete(f"/recordings/{recording_id}").status_code == 204
                return made

        runtime.drivers[Recorder] = SlowRecorder()
        recording = ok(call.owner.post(f"/meetings/{call.meeting['id']}/recordings", {}), 201)
        ok(call.owner.post(f"/recordings/{recording['id']}/stop"), 202)
        assert call.owner.get(f"/recordings/{recording['id']}").status_code == 404
        assert objects() == []

    def test_what_a_killed_run_stored_of_a_recording_deleted_since_is_taken_away(
        self, call: Call, record: Record, runtime: Runtime, objects: Objects
    ) -> None:
        recording = record()
        with runtime.writing() as work:  # past the service, which would delete the object
            work.delete(work.get_one(Recording, recording["id"]))
        again(runtime, recording)
        assert objects() == []


class TestSweeping:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"access_token_min": 1440})  # time passes here

    def test_a_recording_is_given_up_half_an_hour_after_the_first_try(
        self, call: Call, record: Record, runtime: Runtime, clock: ManualClock
    ) -> None:
        runtime.drivers[ObjectStore] = MemoryObjectStore(capacity_bytes=1000)
        recording = record()
        clock.advance(minutes=29)
        tasks.sweep(runtime, {})
        assert read(call, recording)["state"] == "processing"
        clock.advance(minutes=2)
        tasks.sweep(runtime, {})
        failed = read(call, recording)
        assert (failed["state"], failed["outcome"]) == ("failed", "failed")
        assert failed["error"] == "There is no room left to store the file."

    def test_a_late_retry_does_not_revive_it(
        self, call: Call, record: Record, runtime: Runtime, clock: ManualClock
    ) -> None:
        runtime.drivers[ObjectStore] = MemoryObjectStore(capacity_bytes=1000)
        recording = record()
        clock.advance(minutes=31)
        tasks.sweep(runtime, {})
        runtime.drivers[ObjectStore] = store = MemoryObjectStore()
        again(runtime, recording)
        assert read(call, recording)["state"] == "failed"
        assert list(store.list()) == []

    def test_a_recording_whose_job_was_lost_gets_another(
        self, call: Call, runtime: Runtime, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        recording = ok(call.owner.post(f"/meetings/{call.meeting['id']}/recordings", {}), 201)
        with monkeypatch.context() as patched:  # the process dies between the commit and the job
            patched.setattr(runtime.jobs, "enqueue", lambda *_, **__: None)
            ok(call.owner.post(f"/recordings/{recording['id']}/stop"), 202)
        clock.advance(seconds=30)
        tasks.sweep(runtime, {})
        assert read(call, recording)["state"] == "stopping"  # its job may only be late
        clock.advance(seconds=31)
        tasks.sweep(runtime, {})
        assert read(call, recording)["state"] == "ready"

    def test_running_recordings_are_left_alone(self, call: Call, runtime: Runtime, clock: ManualClock) -> None:
        recording = ok(call.owner.post(f"/meetings/{call.meeting['id']}/recordings", {}), 201)
        clock.advance(hours=3)
        tasks.sweep(runtime, {})
        assert read(call, recording)["state"] == "recording"


class TestKeeping:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"access_token_min": 60 * 24 * 20, "recording_keep_days": 7})

    def test_what_was_kept_long_enough_is_deleted_with_its_file(
        self, call: Call, record: Record, runtime: Runtime, clock: ManualClock, objects: Objects
    ) -> None:
        old = record()
        clock.advance(hours=7 * 24 - 1)
        new = record()
        tasks.sweep(runtime, {})
        assert read(call, old)["state"] == "ready"
        clock.advance(hours=2)
        tasks.sweep(runtime, {})
        assert call.owner.get(f"/recordings/{old['id']}").status_code == 404
        assert [info.key for info in objects()] == [new["file_path"]]

    def test_a_meeting_may_keep_its_recordings_for_less_and_says_until_when(
        self, call: Call, record: Record, runtime: Runtime, clock: ManualClock, objects: Objects
    ) -> None:
        meeting = ok(call.owner.get(f"/meetings/{call.meeting['id']}"))
        path, version = f"/meetings/{meeting['id']}", meeting["version"]
        [wrong] = problem(call.owner.patch(path, {"recordings_keep_days": 8}, version), 422, "validation_failed")[
            "errors"
        ]
        assert (wrong["field"], wrong["message"]) == ("recordings_keep_days", "At most 7 days here.")
        recording = record()
        assert recording["kept_until"] == "2026-11-27T10:00:20.000000Z"
        ok(call.owner.patch(path, {"recordings_keep_days": 2}, version))
        assert read(call, recording)["kept_until"] == "2026-11-22T10:00:20.000000Z"
        clock.advance(hours=47)
        tasks.sweep(runtime, {})
        assert len(objects()) == 1
        clock.advance(hours=2)
        tasks.sweep(runtime, {})
        assert objects() == []

    def test_what_was_allowed_before_the_server_kept_less_is_kept_no_longer(
        self, call: Call, record: Record, runtime: Runtime, clock: ManualClock, objects: Objects
    ) -> None:
        recording = record()
        with runtime.writing() as work:
            work.get_one(Meeting, call.meeting["id"]).recordings_keep_days = 30
        assert read(call, recording)["kept_until"] == "2026-11-27T10:00:20.000000Z"
        clock.advance(days=8)
        tasks.sweep(runtime, {})
        assert objects() == []


class TestWithJobsOfTheirOwnProcess:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"jobs": "leased"})

    def test_the_file_is_made_after_two_failures_without_anybody_asking(
        self, call: Call, record: Record, runtime: Runtime, clock: ManualClock, anna: Person
    ) -> None:
        runtime.drivers[Recorder] = TroubledRecorder(RecordingFailed("no"), RecordingFailed("no"))
        recording = record()
        assert recording["state"] == "stopping"
        jobs = runtime.jobs
        assert isinstance(jobs, LeasedJobs)
        for state in ("processing", "processing", "ready"):
            jobs.run_due(runtime)
            assert read(call, recording)["state"] == state
            clock.advance(minutes=1)
