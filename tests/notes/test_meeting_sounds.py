"""A recorded track as a sound: at its time, and with the participant's own recording before the server's."""

from __future__ import annotations

import hashlib
import wave
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from app.core.objects.base import ObjectStore
from app.core.runtime import Runtime
from app.notes.meeting_sounds import prepare
from app.notes.meeting_source import MeetingSource
from app.notes.sources import Part, Unreadable
from app.recordings.models import RecordingTrack
from tests.notes.hearing import record
from tests.support.people import Call
from tests.support.tracks import audio_file, tone


@pytest.fixture
def put(runtime: Runtime, tmp_path: Path) -> Callable[..., None]:
    """`put(track_id, begins_s, seconds, amplitude)` gives a track a tone that begins so long after the recording."""

    def put(track_id: str, begins_s: float, seconds: float, amplitude: float, **fields: str) -> None:
        path = audio_file(tmp_path / f"{track_id}.webm", [(0.0, tone(440, seconds, amplitude))])
        store: ObjectStore = runtime.drivers[ObjectStore]
        with runtime.writing() as work:
            track = work.get_one(RecordingTrack, track_id)
            store.put_file(track.file_path or "", path, "audio/webm")
            track.sha256, track.bytes = hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size
            track.started_at += timedelta(seconds=begins_s)
            for name, value in fields.items():
                setattr(track, name, value)

    return put


def parts(runtime: Runtime, call: Call) -> list[Part]:
    with runtime.reading() as work:
        return list(MeetingSource().parts(work, call.meeting["id"]))


def loudness(path: Path) -> list[float]:
    """Of each second, 0 to 1."""
    with wave.open(str(path)) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (16_000, 1, 2)
        samples = np.frombuffer(sound.readframes(sound.getnframes()), np.int16) / 32768
    return [round(float(np.abs(second).max()), 2) for second in np.split(samples, range(16_000, len(samples), 16_000))]


def test_it_is_heard_when_it_was_said(call: Call, runtime: Runtime, put: Callable[..., None], tmp_path: Path) -> None:
    _, (track,) = record(runtime, call, call.owners["id"])
    put(track, begins_s=2.0, seconds=1.0, amplitude=0.5)
    (part,) = parts(runtime, call)
    heard = loudness(prepare(runtime, part, tmp_path))
    assert heard[:2] == [0.0, 0.0]
    assert heard[2] == pytest.approx(0.5, abs=0.1)


def test_where_somebody_recorded_themselves_they_are_not_heard_twice(
    call: Call, runtime: Runtime, put: Callable[..., None], tmp_path: Path
) -> None:
    _, (theirs, own) = record(runtime, call, call.owners["id"], call.owners["id"])
    put(theirs, begins_s=0.0, seconds=4.0, amplitude=0.5)
    put(own, begins_s=1.0, seconds=2.0, amplitude=0.5, origin="client")
    by_server, by_client = parts(runtime, call)
    assert (by_server.id, by_client.id) == (theirs, own)
    assert [round(second) for second in loudness(prepare(runtime, by_client, tmp_path))][:1] == [0]
    heard = loudness(prepare(runtime, by_server, tmp_path))
    assert heard[0] > 0.3
    assert heard[3] > 0.3
    assert heard[1] < 0.3 or heard[2] < 0.3, "mute where the own one has something"


def test_a_track_that_is_no_sound_is_unreadable(call: Call, runtime: Runtime, tmp_path: Path) -> None:
    record(runtime, call, call.owners["id"])
    (part,) = parts(runtime, call)
    with pytest.raises(Unreadable):
        prepare(runtime, part, tmp_path)
