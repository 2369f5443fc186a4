from __future__ import annotations

import json
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from app.recordings.recorders.base import Recorder, RecordingFailed
from app.recordings.recorders.mock import FRAMES_PER_S, MOCK_MAX_S, MOCK_MIN_S, TONE_HZ, MockRecorder
from tests.drivers.recorders_suite import RecorderSuite

HOUR_S = 3600


class TestMockRecorder(RecorderSuite):
    def make_recorder(self) -> Recorder:
        return MockRecorder()


def test_the_same_recording_gives_the_same_bytes(tmp_path: Path) -> None:
    first = MockRecorder().produce("r1", ["Anna"], 3, False, tmp_path / "1")
    second = MockRecorder().produce("r1", ["Anna"], 3, False, tmp_path / "2")
    assert first.path.read_bytes() == second.path.read_bytes()


def test_a_long_recording_is_cut_and_stays_small(tmp_path: Path) -> None:
    names = [f"Participant with the number {number}" for number in range(50)]
    produced = MockRecorder().produce("r1", names, HOUR_S, False, tmp_path)
    assert produced.duration_s == MOCK_MAX_S
    assert produced.bytes < 300_000
    assert len(pictures(produced.path)) == MOCK_MAX_S * FRAMES_PER_S


@pytest.mark.parametrize("duration_s", [0, 0.01, -5])
def test_a_recording_stopped_at_once_still_plays(tmp_path: Path, duration_s: float) -> None:
    produced = MockRecorder().produce("r1", ["Anna"], duration_s, False, tmp_path)
    assert produced.duration_s == MOCK_MIN_S
    assert len(pictures(produced.path)) == MOCK_MIN_S * FRAMES_PER_S


@pytest.mark.parametrize("audio_only", [False, True])
def test_one_soft_tone_is_heard_and_nothing_else(tmp_path: Path, audio_only: bool) -> None:
    produced = MockRecorder().produce("r1", ["Anna"], 3, audio_only, tmp_path)
    samples, rate = sound(produced.path)
    middle = samples[rate // 2 : rate // 2 + rate]  # one second: the spectrum's lines are 1 Hz apart
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(rate)))
    assert int(spectrum.argmax()) == TONE_HZ
    near = spectrum[TONE_HZ - 3 : TONE_HZ + 4]
    assert (near**2).sum() / (spectrum**2).sum() > 0.99
    assert 0.02 < np.sqrt((middle**2).mean()) < 0.2


def test_the_picture_moves_below_a_card_that_stands_still(tmp_path: Path) -> None:
    produced = MockRecorder().produce("r1", ["Anna"], 2, False, tmp_path)
    frames = pictures(produced.path)
    height = frames[0].shape[0]
    first, later = frames[0].astype(int), frames[FRAMES_PER_S].astype(int)
    changed = np.abs(first - later).mean(axis=(1, 2))
    assert changed[: height // 2].max() < 10  # what compression does, around letters most
    assert changed[-20:].min() > 30
    for one, next_one in pairwise(frames):
        assert np.abs(one[-20:].astype(int) - next_one[-20:].astype(int)).mean() > 3


def test_names_are_drawn_and_make_the_picture(tmp_path: Path) -> None:
    nobody, anna, bob = (
        pictures(MockRecorder().produce("r1", names, 1, False, tmp_path / str(number)).path)[0].astype(int)
        for number, names in enumerate(([], ["Anna"], ["Bob"]))
    )
    names = slice(130, 160)
    assert np.abs(anna - nobody)[names].mean() > 1
    assert np.abs(anna - bob)[names].mean() > 0.3
    assert np.abs(anna - nobody)[:120].mean() < 0.5


def test_two_recordings_differ_at_a_glance(tmp_path: Path) -> None:
    backgrounds = {
        tuple(pictures(MockRecorder().produce(recording_id, [], 1, False, tmp_path).path)[0][2, 2] // 16)
        for recording_id in ("r1", "r2", "r3", "r4")
    }
    assert len(backgrounds) > 1


@pytest.mark.parametrize("name", ["李小龍", "", "  ", "line\nbreak", "x" * 10_000, "\0", "🎉", "نور", "{0} %s <b>"])
def test_any_name_can_be_drawn(tmp_path: Path, name: str) -> None:
    assert MockRecorder().produce("r1", [name], 1, False, tmp_path).bytes > 0


@pytest.mark.parametrize("audio_only", [False, True])
def test_the_title_says_that_it_is_a_mock(tmp_path: Path, audio_only: bool) -> None:
    produced = MockRecorder().produce("r1", ["Anna"], 1, audio_only, tmp_path)
    with av.open(str(produced.path)) as container:
        assert container.metadata["title"] == "MOCK RECORDING: nothing of the meeting was recorded"
        assert container.metadata["comment"] == "mock of recording r1"


@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="ffprobe isn't installed")
def test_ffprobe_finds_what_was_told(tmp_path: Path) -> None:
    produced = MockRecorder().produce("r1", ["Anna"], 4, False, tmp_path)
    command = ["ffprobe", "-v", "error", "-of", "json", "-show_format", "-show_streams", str(produced.path)]
    probe = subprocess.run(command, check=True, capture_output=True)
    assert probe.stderr == b""
    found = json.loads(probe.stdout)
    assert [stream["codec_name"] for stream in found["streams"]] == ["h264", "aac"]
    assert float(found["format"]["duration"]) == pytest.approx(4, abs=0.05)
    assert int(found["format"]["size"]) == produced.bytes


def test_an_encoder_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> None:
        raise av.error.FFmpegError(-28, "no room left")

    monkeypatch.setattr("app.recordings.recorders.mock._encode", fail)
    with pytest.raises(RecordingFailed, match="no room left"):
        MockRecorder().produce("r1", ["Anna"], 1, False, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_making_a_recorder_imports_no_codec() -> None:
    check = (
        "import sys, app; before = {*sys.modules};"
        "from app.recordings.recorders.mock import MockRecorder; MockRecorder();"
        "sys.exit(bool({'av', 'PIL'} & ({*sys.modules} - before)))"
    )
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def pictures(path: Path) -> list[NDArray[Any]]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def sound(path: Path) -> tuple[NDArray[Any], int]:
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
        return np.concatenate([frame.to_ndarray()[0] for frame in frames]), frames[0].sample_rate
