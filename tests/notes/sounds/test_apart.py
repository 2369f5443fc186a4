"""The same in a process of its own: what comes of it, and what it can't do, is told to who has asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.notes.sounds.apart import prepare_call, prepare_track
from app.notes.sounds.shapes import SoundFailed, SoundUnreadable
from app.recordings.composing.plan import TrackFile
from tests.support.tracks import audio_file, tone


def test_a_track_and_a_call_are_made_ready_elsewhere(tmp_path: Path) -> None:
    path = audio_file(tmp_path / "a.webm", [(0.0, tone(440, 2))])
    told: list[float] = []
    file = TrackFile(path, "audio", "microphone", "anna", "Anna", 1.0, mutes=[(1.5, 2.0)])
    made = prepare_track(file, 60, tmp_path / "a.wav", told.append)
    assert (made.paths, made.codec) == ([tmp_path / "a.wav"], "opus")
    assert made.duration_s == pytest.approx(3, abs=0.05)
    assert told
    made = prepare_call(path, tmp_path, told.append)
    assert made.paths == [tmp_path / "sound.wav"]
    assert (tmp_path / "sound.wav").stat().st_size == pytest.approx(64_000, rel=0.05)


def test_what_is_no_sound_says_so_from_there(tmp_path: Path) -> None:
    (tmp_path / "call").write_bytes(b"no sound")
    with pytest.raises(SoundUnreadable, match="can't be read as sound"):
        prepare_call(tmp_path / "call", tmp_path, lambda _: None)


def test_a_folder_that_is_gone_is_a_failure_that_may_pass(tmp_path: Path) -> None:
    path = audio_file(tmp_path / "a.webm", [(0.0, tone(440, 1))])
    with pytest.raises(SoundFailed, match="No such file"):
        prepare_call(path, tmp_path / "gone", lambda _: None)
