"""The job that composes: tried again, taken over, cancelled; and once with real files and the real composer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import pytest

from app.core.clock import ManualClock
from app.core.flask_app import ParleyApp
from app.core.jobs.leased import LeasedJobs
from app.core.objects.base import ObjectInfo, ObjectStore
from app.core.objects.s3 import S3ObjectStore
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.recordings import composing_task, renditions, service, tasks
from app.recordings.recorders.base import RecordingFailed
from tests.media.rest_worker import RestWorker, service_key
from tests.recordings.recording_worker import WEBM, RecordingWorker, track_of
from tests.recordings.stand_in_composer import StandIn
from tests.support.people import Call, Person, ok, start_call
from tests.support.small_disk import empty, fill, small_disk
from tests.support.tracks import GREEN, flat, times, video_file

AT = "2026-11-20T10:00:00.000000Z"
Objects = Callable[[], list[ObjectInfo]]
Spool = Callable[[], list[Path]]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    few = {"recording_compose_attempts": 3}  # each of which takes a core for seconds
    return settings.model_copy(update={"jobs": "leased", "access_token_min": 1440, **few})


@pytest.fixture
def worker(app: ParleyApp) -> RecordingWorker:
    return RecordingWorker(RestWorker(app, service_key(app)))


@pytest.fixture
def call(worker: RecordingWorker, anna: Person, ben: Person) -> Call:
    return start_call(anna, ben, media_mode="sfu")


@pytest.fixture
def run_jobs(runtime: Runtime) -> Callable[[], None]:
    jobs = runtime.jobs
    assert isinstance(jobs, LeasedJobs)
    return lambda: jobs.run_due(runtime)


@pytest.fixture
def composer(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    composer = StandIn()
    monkeypatch.setattr("app.recordings.composing.apart.compose", composer)
    return composer


@pytest.fixture
def stopped(
    call: Call, worker: RecordingWorker, run_jobs: Callable[[], None], clock: ManualClock
) -> Callable[..., dict[str, Any]]:
    """`stopped(content)` is a recording of 6 s with one track, and all is ready to compose it."""

    def stopped(content: bytes, **fields: Any) -> dict[str, Any]:
        recording = ok(call.owner.post(f"/meetings/{call.meeting['id']}/recordings", {}), 201)
        ok(worker.report(recording, "recording"))
        track = track_of(call.owners, AT, **fields)
        ok(worker.put(recording, track))
        clock.advance(seconds=6)
        ok(call.owner.post(f"/recordings/{recording['id']}/stop"), 202)
        upload_id = worker.send(content)
        run_jobs()
        ok(worker.put(recording, track, state="uploaded", upload_id=upload_id))
        ok(worker.report(recording, "stopped"))
        assert read(call, recording)["state"] == "processing"
        return read(call, recording)

    return stopped


def read(call: Call, recording: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = ok(call.owner.get(f"/recordings/{recording['id']}"))
    return body


def test_what_fails_is_tried_again_and_says_why_it_takes_so_long(
    call: Call, composer: StandIn, stopped: Any, run_jobs: Callable[[], None], clock: ManualClock, spool: Spool
) -> None:
    recording = stopped(WEBM)
    composer.failures = [RecordingFailed("no"), OSError("No space left on device: /mnt/secret")]
    told = []
    for _ in range(3):
        run_jobs()
        told.append((read(call, recording)["state"], read(call, recording)["error"]))
        clock.advance(minutes=1)
    assert told == [
        ("processing", "The tracks could not be composed."),
        ("processing", "There is no room left to compose the file, or the disk can't be written."),
        ("ready", None),
    ]
    assert [one["attempts"] for one in read(call, recording)["renditions"]] == [3]
    assert spool() == []


@pytest.mark.parametrize(("clean", "asked"), [("none", (False, False)), ("loudness", (True, False))])
def test_a_composition_is_evened_where_that_is_asked_for(
    call: Call, composer: StandIn, stopped: Any, run_jobs: Callable[[], None], clean: str, asked: tuple[bool, bool]
) -> None:
    recording = stopped(WEBM)
    run_jobs()
    ok(call.owner.post(f"/recordings/{recording['id']}/compose", {"layout": "speaker", "clean": clean}), 202)
    run_jobs()
    plan = composer.plans[-1]
    assert (plan.layout, plan.normalise_loudness, plan.reduce_noise) == ("speaker", *asked)
    assert read(call, recording)["renditions"][0]["clean"] == clean


def test_what_fails_for_good_fails_the_recording_and_its_tracks_stay(
    call: Call,
    composer: StandIn,
    stopped: Any,
    run_jobs: Callable[[], None],
    clock: ManualClock,
    objects: Objects,
    settings: Settings,
) -> None:
    recording = stopped(WEBM)
    composer.failures = [RecordingFailed("no")] * 99
    for _ in range(8):
        run_jobs()
        clock.advance(minutes=5)
    failed = read(call, recording)
    assert (failed["state"], failed["outcome"], failed["error"]) == (
        "failed",
        "failed",
        "The tracks could not be composed.",
    )
    assert len(composer.plans) == settings.recording_compose_attempts
    assert [Path(info.key).parent.name for info in objects()] == ["tracks"]
    composer.failures = []
    ok(call.owner.post(f"/recordings/{recording['id']}/compose", {}), 202)
    run_jobs()
    assert read(call, recording)["state"] == "ready"


@pytest.mark.sqlite  # disks are full whatever the database is; and films take long
@pytest.mark.parametrize(
    ("folder", "error"),
    [
        ("objects", "There is no room left to store the file."),
        ("spool", "There is no room left to compose the file, or the disk can't be written."),
    ],
)
def test_a_full_disk_fails_a_composition_after_all_its_tries_and_leaves_nothing_half(
    call: Call,
    stopped: Any,
    run_jobs: Callable[[], None],
    clock: ManualClock,
    objects: Objects,
    settings: Settings,
    tmp_path: Path,
    folder: str,
    error: str,
) -> None:
    content = video_file(tmp_path / "camera.webm", ((at_s, flat(GREEN)) for at_s in times(0, 6))).read_bytes()
    disk = settings.storage_dir / folder
    with small_disk(disk, 4):
        recording = stopped(content, kind="video", source="camera", codec="vp8", content_type="video/webm")
        fill(disk, leave=len(content) + 16_384 if folder == "spool" else 0)
        told = []
        for _ in range(8):
            run_jobs()
            told.append((read(call, recording)["state"], read(call, recording)["error"]))
            clock.advance(minutes=5)
        assert told[0] == ("processing", error)
        assert told[-1] == ("failed", error)
        assert read(call, recording)["renditions"][0]["attempts"] == settings.recording_compose_attempts
        assert [info.size for info in objects()] == [len(content)]
        left = [path for path in settings.storage_dir.rglob("*") if path.suffix in (".mp4", ".jpg", ".json")]
        assert [path for path in left if "renditions" in path.parts or "spool" in path.parts] == []
        empty(disk)
        ok(call.owner.post(f"/recordings/{recording['id']}/compose", {}), 202)
        run_jobs()
        assert (read(call, recording)["state"], read(call, recording)["error"]) == ("ready", None)


def test_while_the_store_is_away_it_is_said_and_tried_again(
    call: Call, composer: StandIn, stopped: Any, run_jobs: Callable[[], None], clock: ManualClock, runtime: Runtime
) -> None:
    recording, store = stopped(WEBM), runtime.drivers[ObjectStore]
    runtime.drivers[ObjectStore] = S3ObjectStore(
        endpoint="http://127.0.0.1:1",  # where nobody listens
        public_endpoint="",
        region="here",
        access_key="key",
        secret_key="secret",
        bucket="parley",
        buckets={},
        origins=[],
        abandoned_after=timedelta(days=1),
        expire={},
    )
    run_jobs()
    waiting = read(call, recording)
    assert (waiting["state"], waiting["error"]) == ("processing", "The store of files can't be read or written.")
    runtime.drivers[ObjectStore] = store
    clock.advance(minutes=1)
    run_jobs()
    assert (read(call, recording)["state"], read(call, recording)["error"]) == ("ready", None)


def test_a_run_that_was_taken_over_says_nothing_and_leaves_nothing(
    call: Call, composer: StandIn, stopped: Any, runtime: Runtime, run_jobs: Callable[[], None], objects: Objects
) -> None:
    recording = stopped(WEBM)
    [rendition] = recording["renditions"]

    def take_over() -> None:
        with runtime.writing() as work:
            held = service.hold(work, recording["id"])
            assert held is not None
            assert renditions.begin(work, rendition["id"], held) is not None

    composer.while_composing = take_over
    run_jobs()
    assert read(call, recording)["state"] == "processing"
    assert [Path(info.key).parent.name for info in objects()] == ["tracks"]


def test_a_recording_that_is_deleted_while_it_is_composed_leaves_nothing(
    call: Call, composer: StandIn, stopped: Any, run_jobs: Callable[[], None], objects: Objects, spool: Spool
) -> None:
    recording = stopped(WEBM)
    composer.while_composing = lambda: call.owner.delete(f"/recordings/{recording['id']}")
    run_jobs()
    assert call.owner.get(f"/recordings/{recording['id']}").status_code == 404
    assert (objects(), spool()) == ([], [])


def test_a_composition_that_nothing_is_heard_of_has_failed(
    call: Call, stopped: Any, runtime: Runtime, clock: ManualClock
) -> None:
    recording = stopped(WEBM)
    clock.advance(minutes=119)
    tasks.sweep(runtime, {})
    assert read(call, recording)["state"] == "processing"
    clock.advance(minutes=2)
    tasks.sweep(runtime, {})
    failed = read(call, recording)
    assert (failed["state"], failed["error"]) == ("failed", "The file could not be made.")


def test_one_is_composed_at_a_time_and_who_waits_is_not_forgotten(
    call: Call, composer: StandIn, stopped: Any, runtime: Runtime, run_jobs: Callable[[], None], clock: ManualClock
) -> None:
    recording = stopped(WEBM)
    with composing_task._one_at_a_time:  # another one is
        for _ in range(20):
            run_jobs()
            clock.advance(minutes=10)
        tasks.sweep(runtime, {})
        assert (read(call, recording)["state"], composer.plans) == ("processing", [])
    run_jobs()
    assert read(call, recording)["state"] == "ready"


@pytest.mark.sqlite
def test_a_film_that_a_worker_sent_becomes_an_mp4_that_plays(
    call: Call, stopped: Any, run_jobs: Callable[[], None], tmp_path: Path
) -> None:
    content = video_file(tmp_path / "camera.webm", ((at_s, flat(GREEN)) for at_s in times(0, 6))).read_bytes()
    recording = stopped(content, kind="video", source="camera", codec="vp8", content_type="video/webm")
    run_jobs()
    ready = read(call, recording)
    assert (ready["state"], ready["error"]) == ("ready", None)
    made = call.guest.get(f"/recordings/{recording['id']}/download").data
    assert hashlib.sha256(made).hexdigest() == ready["sha256"]
    with av.open(BytesIO(made)) as container:
        codecs = {stream.codec_context.name for stream in (*container.streams.video, *container.streams.audio)}
        assert container.duration is not None
        assert abs(container.duration / 1_000_000 - 6) < 0.2
    assert codecs == {"h264", "aac"}
    waveform = ok(call.guest.get(f"/recordings/{recording['id']}/waveform"))
    assert waveform["duration_s"] == pytest.approx(6, abs=0.2)
