"""All tracks of a recording as one ZIP: ordered, made once, downloaded, replaced, deleted. What is in it is judged by
what is heard.
"""

from __future__ import annotations

import io
import wave
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.core.clock import ManualClock
from app.core.flask_app import ParleyApp
from app.core.jobs.leased import LeasedJobs
from app.core.objects.base import ObjectInfo
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.recordings import exports, exports_task, service, tasks
from app.recordings.recorders.base import RecordingFailed
from tests.media.rest_worker import RestWorker, service_key
from tests.recordings.recording_worker import RecordingWorker, track_of
from tests.support.people import Call, Person, ok, problem, start_call
from tests.support.tracks import Floats, audio_file, level, strongest_hz, tone

Objects = Callable[[], list[ObjectInfo]]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"jobs": "leased", "access_token_min": 1440})


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
def recording(
    call: Call, worker: RecordingWorker, run_jobs: Callable[[], None], clock: ManualClock, tmp_path: Path
) -> dict[str, Any]:
    """Of 8 s: Anna's soft tone from its start on, Ben's loud one from its third second on."""
    begun = ok(call.owner.post(f"/meetings/{call.meeting['id']}/recordings", {"mode": "tracks"}), 201)
    ok(worker.report(begun, "recording"))
    sent = []
    for who, begins, sound in ((call.owners, "00", tone(440, 8, 0.03)), (call.guests, "03", tone(1000, 5, 0.4))):
        track = track_of(who, f"2026-11-20T10:00:{begins}.000000Z")
        ok(worker.put(begun, track))
        sent.append((track, audio_file(tmp_path / f"{begins}.webm", [(0.0, sound)]).read_bytes()))
    clock.advance(seconds=8)
    ok(call.owner.post(f"/recordings/{begun['id']}/stop"), 202)
    for track, content in sent:
        upload_id = worker.send(content)
        run_jobs()
        ok(worker.put(begun, track, state="uploaded", upload_id=upload_id))
    ok(worker.report(begun, "stopped"))
    run_jobs()
    read: dict[str, Any] = ok(call.owner.get(f"/recordings/{begun['id']}"))
    assert read["state"] == "ready"
    return read


def order(person: Person, recording: dict[str, Any], **fields: Any) -> dict[str, Any]:
    made: dict[str, Any] = ok(person.post(f"/recordings/{recording['id']}/exports", fields), 202)
    return made


def read(person: Person, export: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = ok(person.get(f"/recordings/{export['recording_id']}/exports/{export['id']}"))
    return found


def heard(content: bytes) -> dict[str, Floats]:
    found = {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.namelist():
            with wave.open(io.BytesIO(archive.read(name))) as file:
                samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
            found[name] = samples.astype(np.float32) / 32768
    return found


def test_an_export_has_everybody_from_the_start_and_is_downloaded_in_ranges(
    call: Call, recording: dict[str, Any], run_jobs: Callable[[], None]
) -> None:
    ordered = order(call.owner, recording, format="wav", clean="loudness")
    assert (ordered["state"], ordered["progress"], ordered["download_url"]) == ("queued", 0.0, None)
    path = f"/recordings/{recording['id']}/exports/{ordered['id']}/download"
    assert problem(call.owner.get(path), 409, "recording_state_conflict")["state"] == "queued"
    call.owner.poll()
    run_jobs()
    ready = read(call.owner, ordered)
    assert (ready["state"], ready["progress"], ready["error"], ready["warnings"]) == ("ready", 1.0, None, [])
    told = [m["payload"]["export"] for m in call.owner.poll()["messages"] if m["type"] == "recording.export"]
    assert [one["state"] for one in told] == ["ready"]
    whole = call.owner.get(path)
    assert (whole.status_code, len(whole.data)) == (200, ready["bytes"])
    part = call.owner.request("GET", path, headers={"Range": "bytes=100-"})
    assert (part.status_code, part.data) == (206, whole.data[100:])
    assert whole.headers["Content-Type"] == "application/zip"
    signed = ready["signed_url"].partition("/api/v1")[2]
    assert call.guest.app.test_client().get(f"/api/v1{signed}").data == whole.data
    sounds = heard(whole.data)
    assert {name: len(sound) for name, sound in sounds.items()} == {"Anna.wav": 384_000, "Ben.wav": 384_000}
    anna, ben = sounds["Anna.wav"], sounds["Ben.wav"]
    assert [strongest_hz(anna, 4, 7), strongest_hz(ben, 4, 7)] == pytest.approx([440, 1000], abs=5)
    assert level(ben, 0, 2.9) < 0.0005
    assert level(anna, 4, 7) / level(ben, 4, 7) == pytest.approx(1, abs=0.15)  # they were 1 : 13


def test_asking_again_gives_the_same_export_and_makes_it_once(
    call: Call, recording: dict[str, Any], run_jobs: Callable[[], None], objects: Objects
) -> None:
    first = order(call.owner, recording, format="original")
    assert order(call.owner, recording, format="original")["id"] == first["id"]
    run_jobs()
    ready = order(call.owner, recording, format="original")
    run_jobs()
    assert (ready["id"], ready["state"]) == (first["id"], "ready")
    assert len([info for info in objects() if "/exports/" in info.key]) == 1
    other = order(call.owner, recording, format="wav")
    listed = ok(call.owner.get(f"/recordings/{recording['id']}/exports"))["items"]
    assert [one["id"] for one in listed] == [other["id"], first["id"]]


def test_an_export_of_other_tracks_takes_the_place_of_the_old_one(
    call: Call,
    worker: RecordingWorker,
    recording: dict[str, Any],
    run_jobs: Callable[[], None],
    objects: Objects,
    tmp_path: Path,
) -> None:
    old = order(call.owner, recording)
    run_jobs()
    track = track_of(call.guests, "2026-11-20T10:00:00.000000Z")
    upload_id = worker.send(audio_file(tmp_path / "late.webm", [(0.0, tone(700, 1))]).read_bytes())
    run_jobs()
    ok(worker.put(recording, track, state="uploaded", upload_id=upload_id))
    new = order(call.owner, recording)
    run_jobs()
    assert new["id"] != old["id"]
    assert read(call.owner, new)["state"] == "ready"
    problem(call.owner.get(f"/recordings/{recording['id']}/exports/{old['id']}"), 404, "not_found")
    assert len([info for info in objects() if "/exports/" in info.key]) == 1
    content = call.owner.get(f"/recordings/{recording['id']}/exports/{new['id']}/download").data
    assert strongest_hz(heard(content)["Ben.wav"], 0.2, 0.8) == pytest.approx(700, abs=5)


def test_what_fails_is_tried_again_says_why_and_can_be_asked_for_again(
    call: Call,
    recording: dict[str, Any],
    run_jobs: Callable[[], None],
    clock: ManualClock,
    objects: Objects,
    spool: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RecordingFailed("no")

    monkeypatch.setattr("app.recordings.composing.export.export_sound", fail)
    ordered = order(call.owner, recording)
    run_jobs()
    tried = read(call.owner, ordered)
    assert (tried["state"], tried["error"]) == ("processing", "The tracks could not be exported.")
    for _ in range(5):
        clock.advance(minutes=5)
        run_jobs()
    failed = read(call.owner, ordered)
    assert (failed["state"], failed["error"]) == ("failed", "The tracks could not be exported.")
    assert [info for info in objects() if "/exports/" in info.key] == []
    assert spool() == []
    monkeypatch.undo()
    again = order(call.owner, recording)
    run_jobs()
    assert again["id"] != ordered["id"]
    assert read(call.owner, again)["state"] == "ready"


def test_a_run_that_was_taken_over_leaves_nothing_and_the_last_one_counts(
    call: Call, recording: dict[str, Any], run_jobs: Callable[[], None], runtime: Runtime, objects: Objects,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    ordered = order(call.owner, recording, format="original")
    runs = []

    def taken_over(files: Any, path: Path, progress: Any) -> None:
        with runtime.writing() as work:
            held = service.hold(work, recording["id"])
            assert held is not None
            taken = exports.begin(work, ordered["id"])
            assert taken is not None
            runs.append(taken.attempts)
        path.write_bytes(b"of the first run")

    monkeypatch.setattr("app.recordings.composing.export.export_files", taken_over)
    run_jobs()
    assert runs == [2]
    assert read(call.owner, ordered)["state"] == "processing"
    assert [info for info in objects() if "/exports/" in info.key] == []
    monkeypatch.undo()
    payload = {"export_id": ordered["id"], "recording_id": recording["id"], "meeting_id": call.meeting["id"]}
    exports_task.export(runtime, payload)  # as of a job whose runner died
    assert read(call.owner, ordered)["state"] == "ready"
    [info] = [info for info in objects() if "/exports/" in info.key]
    assert "/3/" in info.key


def test_what_is_deleted_takes_its_files_along(
    call: Call, recording: dict[str, Any], run_jobs: Callable[[], None], objects: Objects
) -> None:
    ordered = order(call.owner, recording)
    run_jobs()
    ok(call.owner.delete(f"/recordings/{recording['id']}/exports/{ordered['id']}"), 204)
    run_jobs()
    assert [info for info in objects() if "/exports/" in info.key] == []
    order(call.owner, recording)
    run_jobs()
    ok(call.owner.delete(f"/recordings/{recording['id']}"), 204)
    run_jobs()
    assert objects() == []


def test_a_recording_that_is_deleted_while_it_is_exported_leaves_nothing(
    call: Call,
    recording: dict[str, Any],
    run_jobs: Callable[[], None],
    objects: Objects,
    spool: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def deleted(files: Any, path: Path, progress: Any) -> None:
        ok(call.owner.delete(f"/recordings/{recording['id']}"), 204)
        path.write_bytes(b"of nothing")

    monkeypatch.setattr("app.recordings.composing.export.export_files", deleted)
    order(call.owner, recording, format="original")
    run_jobs()
    assert (objects(), spool()) == ([], [])


def test_an_export_that_nothing_is_heard_of_has_failed(
    call: Call, recording: dict[str, Any], runtime: Runtime, clock: ManualClock
) -> None:
    ordered = order(call.owner, recording)
    clock.advance(minutes=121)
    tasks.sweep(runtime, {})
    failed = read(call.owner, ordered)
    assert (failed["state"], failed["error"]) == ("failed", "The file could not be made.")


def test_what_cannot_be_exported_is_refused_with_the_reason(
    call: Call, recording: dict[str, Any], worker: RecordingWorker
) -> None:
    path = f"/recordings/{recording['id']}/exports"
    wrong = problem(call.owner.post(path, {"format": "original", "clean": "denoise"}), 422, "validation_failed")
    assert wrong["errors"][0]["field"] == "clean"
    problem(call.guest.post(path, {}), 403, "forbidden")
    running = ok(call.owner.post(f"/meetings/{call.meeting['id']}/recordings", {}), 201)
    refused = problem(call.owner.post(f"/recordings/{running['id']}/exports", {}), 409, "recording_state_conflict")
    assert refused["detail"] == "Only what was stopped can be exported."
