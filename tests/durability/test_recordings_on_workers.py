"""What a media worker records is there in the end, whoever is killed and whatever is away meanwhile: API, jobs process
and media worker are real, and so is what is sent.
"""

import hashlib
import io
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import av
import numpy
import pytest
from sqlalchemy import text

from app.core.ids import new_id
from media_worker.recording.track_file import Manifest
from tests.durability.device import register
from tests.durability.encoder import HZ, Encoder
from tests.durability.processes import Api, Http, Jobs, Parley, Worker
from tests.durability.test_recordings import download, select, told_of
from tests.support.tracks import GREEN, audio_file, flat, times, tone, video_file
from tests.support.waiting import eventually

SAMPLE_RATE = 48_000
PART_BYTES = 5 * 1024 * 1024

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


class Anna:
    """Host of a meeting that is recorded."""

    def __init__(self, parley: Parley) -> None:
        self.parley = parley
        self.token = register(parley.port, "anna")
        self.http = Http(parley.port, self.token)
        meeting = self.http.ok("POST", "/meetings", {"title": "Durability", "media_mode": "sfu"})
        self.meeting_id = meeting["id"]
        self.participant_id = self.http.ok("POST", f"/meetings/{self.meeting_id}/join", {"device": "laptop"})[
            "participant"
        ]["id"]

    def record(self) -> str:
        recording_id: str = self.http.ok("POST", f"/meetings/{self.meeting_id}/recordings", {})["id"]
        eventually(lambda: self.recording(recording_id)["state"] == "recording", "the worker to record")
        return recording_id

    def goes_on(self) -> bool:
        """Whether the next worker records."""
        return select(self.parley, "SELECT epoch FROM recordings WHERE confirmed_at IS NOT NULL") == [2]

    def recording(self, recording_id: str) -> Any:
        return self.http.ok("GET", f"/recordings/{recording_id}")

    def stop(self, recording_id: str) -> None:
        self.http.ok("POST", f"/recordings/{recording_id}/stop")

    def made(self, recording_id: str) -> Any:
        """It, once it is ready, or failed."""
        return eventually(
            lambda: (found := self.recording(recording_id))["state"] in ("ready", "failed") and found,
            "the recording to be ready",
            90.0,
        )


@contextmanager
def everything(parley: Parley) -> Iterator[tuple[Api, Jobs, Worker]]:
    with ExitStack() as stack:
        yield stack.enter_context(Api(parley)), stack.enter_context(Jobs(parley)), stack.enter_context(Worker(parley))


def sound_of(film: bytes) -> numpy.ndarray[Any, Any]:
    """By its times: what is missing is silence."""
    samples = numpy.zeros(0, numpy.float32)
    with av.open(io.BytesIO(film)) as container:
        resampler = av.AudioResampler("flt", "mono", SAMPLE_RATE)
        for frame in container.decode(audio=0):
            for part in resampler.resample(frame):
                begins = max(0, round(float(part.pts * part.time_base) * SAMPLE_RATE))
                samples = numpy.pad(samples, (0, max(0, begins - len(samples))))
                samples = numpy.concatenate([samples[:begins], part.to_ndarray()[0]])
    return samples


def tone_in(film: bytes) -> tuple[float, float]:
    """From and until, in seconds; it has to be the one that was sent."""
    samples = sound_of(film)
    spectrum = numpy.abs(numpy.fft.rfft(samples))
    assert abs(spectrum.argmax() * SAMPLE_RATE / len(samples) - HZ) < 5
    loud = numpy.nonzero(numpy.abs(samples) > 0.05)[0]
    return float(loud[0]) / SAMPLE_RATE, float(loud[-1]) / SAMPLE_RATE


def what_is_stored(parley: Parley) -> list[str]:
    """Folder and name of every object. (What was being written when somebody was killed is none, and is swept.)"""
    found = [path.relative_to(parley.storage) for path in (parley.storage / "objects").rglob("*") if path.is_file()]
    objects = [path for path in found if not any(part.startswith(".") for part in path.parts)]
    return sorted(f"{path.parent.name}/{path.name}" for path in objects)


def left_behind(anna: Anna, recording_id: str, padding: int = 0) -> list[str]:
    """Two tracks of four seconds in the spool, as a worker leaves them that was killed; the ids of their files. The
    recording has run for as long, then.

    `padding`: bytes without a meaning at the end of the first, so that sending it takes more than a moment.
    """
    folder, ids = anna.parley.spool / new_id(), [new_id(), new_id()]
    folder.mkdir(parents=True)
    began = datetime.now(UTC) - timedelta(seconds=4)
    with anna.parley.connection() as connection:
        connection.execute(text("UPDATE recordings SET created_at = :at, started_at = :at"), {"at": str(began)[:26]})
    files = (
        ("audio", "microphone", "opus", audio_file(folder / f"{ids[0]}.webm", [(0, tone(HZ, 4))])),
        ("video", "camera", "vp8", video_file(folder / f"{ids[1]}.webm", [(at, flat(GREEN)) for at in times(0, 4)])),
    )
    with files[0][3].open("ab") as file:  # EBML Void (RFC 8794 §11.3.3)
        file.write(b"\xec" + (1 << 56 | padding).to_bytes(8, "big") + bytes(padding) if padding else b"")
    for track_id, (kind, source, codec, path) in zip(ids, files, strict=True):
        manifest = Manifest(
            recording_id, anna.meeting_id, 1, track_id, anna.participant_id, new_id(), kind, source, codec
        )
        manifest.file_name, manifest.content_type = path.name, f"{kind}/webm"
        manifest.origin, manifest.duration_s = began.timestamp(), 4.0
        path.with_suffix(".jsonl").write_text(json.dumps(asdict(manifest)) + "\n")
    return ids


def test_when_everything_is_killed_while_a_meeting_is_recorded_no_more_than_two_seconds_are_lost(
    parley: Callable[..., Parley], record_property: Callable[[str, object], None]
) -> None:
    here = parley()
    with everything(here) as processes:
        api, jobs, worker = processes
        anna = Anna(here)
        with Encoder(here.port, anna.token, anna.meeting_id):
            recording_id = anna.record()
            eventually(lambda: len(anna.recording(recording_id)["tracks"]) == 2, "sound and pictures to be written")
            time.sleep(4)  # is recorded
            for process in processes:
                process.kill()
            killed_at = datetime.now(UTC)
        for process in (api, jobs, worker):
            process.start()
        anna.http = Http(here.port, anna.token)
        eventually(
            lambda: {track["state"] for track in anna.recording(recording_id)["tracks"]} == {"uploaded"},
            "what was left behind to be sent",
        )
        anna.stop(recording_id)
        made = anna.made(recording_id)
        assert (made["state"], made["outcome"], made["end_reason"]) == ("ready", "recovered", "stopped")
        assert [track["recovered"] for track in made["tracks"]] == [True, True]
        _, until = tone_in(download(here, anna.token, recording_id))
        lost = (killed_at - datetime.fromisoformat(made["started_at"])).total_seconds() - until
        assert -0.2 < lost <= 2
    assert list(here.spool.glob("*/*.webm")) == []
    record_property("figure: seconds of a recording that were lost when every process was killed", round(lost, 2))


def test_a_track_is_sent_and_a_film_composed_once_though_the_api_and_the_jobs_process_are_killed_meanwhile(
    parley: Callable[..., Parley],
) -> None:
    here = parley(UPLOAD_PART_BYTES=str(PART_BYTES))
    with everything(here) as (api, jobs, worker):
        anna = Anna(here)
        recording_id = anna.record()
        worker.kill()
        ids = left_behind(anna, recording_id, padding=9 * PART_BYTES)
        worker.start()
        parts = here.storage / "objects" / ".uploads"
        eventually(lambda: list(parts.glob("*/00002")), "some of a file's parts to arrive")
        api.kill()
        api.start()
        anna.http = Http(here.port, anna.token)
        eventually(anna.goes_on, "the meeting to be recorded on")
        anna.stop(recording_id)
        eventually(lambda: is_composed(anna, recording_id, attempt=1), "the film to be composed")
        jobs.kill()
        jobs.start()
        eventually(lambda: is_composed(anna, recording_id, attempt=2), "it to be composed again")
        jobs.kill()
        jobs.start()
        made = anna.made(recording_id)
        assert (made["state"], made["outcome"], made["error"]) == ("ready", "recovered", None)
        [rendition] = made["renditions"]
        assert rendition["attempts"] >= 3  # more where a machine stood still for longer than a lease
        film = download(here, anna.token, recording_id)
        assert hashlib.sha256(film).hexdigest() == made["sha256"]
        since, until = tone_in(film)
        assert (since, until) == pytest.approx((0, 4), abs=0.2)
        assert told_of(anna.http, [recording_id])[recording_id][-1] == "ready"
        completed = "SELECT payload ->> 'recording_id' FROM events WHERE name = 'recording.completed'"
        assert select(here, completed) == [recording_id]
        eventually(lambda: not list(here.spool.glob("*/*.webm")), "the worker to let go of the files")
        jobs.terminate()
        eventually(lambda: not select(here, "SELECT id FROM jobs WHERE state = 'running'"), "no job to be left running")
    made_of = [f"tracks/{track_id}.webm" for track_id in ids]
    beside = [f"{rendition['attempts']}/{name}" for name in ("poster.jpg", "recording.mp4", "waveform.json")]
    assert what_is_stored(here) == sorted(made_of + beside)
    assert not list((here.storage / "spool").glob(f"{rendition['id']}*"))


def is_composed(anna: Anna, recording_id: str, attempt: int) -> bool:
    """Whether that run is under way, or a later one."""
    renditions = anna.recording(recording_id)["renditions"]
    return bool(renditions) and renditions[0]["state"] == "processing" and renditions[0]["attempts"] >= attempt


def test_while_the_object_store_is_away_tracks_stay_with_the_worker_and_are_sent_when_it_is_back(
    parley: Callable[..., Parley],
) -> None:
    here = parley()
    objects, away = here.storage / "objects", here.storage / "objects-away"
    with everything(here) as (_, _, worker):
        anna = Anna(here)
        recording_id = anna.record()
        worker.kill()
        left_behind(anna, recording_id)
        objects.mkdir(exist_ok=True)
        objects.rename(away)
        objects.touch()  # no folder: nothing in it can be read or written, not even by root
        worker.start()
        eventually(anna.goes_on, "the meeting to be recorded on")
        anna.stop(recording_id)
        eventually(lambda: here.log.read_text().count("parley_cannot_answer") > 4, "several tries")
        assert anna.recording(recording_id)["state"] == "stopping"
        assert {track["state"] for track in anna.recording(recording_id)["tracks"]} == {"spooled"}
        assert len(list(here.spool.glob("*/*.webm"))) == 2
        objects.unlink()
        away.rename(objects)
        made = anna.made(recording_id)
        assert (made["state"], made["outcome"]) == ("ready", "recovered")
        eventually(lambda: not list(here.spool.glob("*/*.webm")), "the worker to let go of the files")
        for track in made["tracks"]:
            stored = objects / "recordings" / anna.meeting_id / recording_id / "tracks" / f"{track['id']}.webm"
            assert hashlib.sha256(stored.read_bytes()).hexdigest() == track["sha256"]
