"""Who speaks when, on one sound. The voices are flite's: of people it is not known how well it goes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from app.notes.sounds.features import features_of
from app.notes.sounds.shapes import SoundFailed, Turn
from app.notes.sounds.turns import turns_in
from app.notes.sounds.voices import turns_of
from tests.support import spoken

MOST_CONFUSED = 0.1  # of the time in which somebody speaks


def heard_in(path: Path, most: int = 2) -> list[Turn]:
    return turns_of(features_of(path), most)


def confused(lines: list[spoken.Line], turns: list[Turn]) -> float:
    return spoken.confused(lines, [(turn.start_s, turn.end_s, turn.voice) for turn in turns])


@pytest.fixture(autouse=True)
def _flite() -> None:
    spoken.require()


@pytest.mark.parametrize("telephone", [False, True])
@pytest.mark.parametrize("voices", [("slt", "rms"), ("rms", "awb"), ("slt", "kal16")])
def test_two_voices_in_mono_are_told_apart(
    tmp_path: Path, voices: tuple[str, str], telephone: bool, record_property: Callable[[str, object], None]
) -> None:
    both = dict(zip(("Anna", "Rob"), voices, strict=True))
    lines = spoken.in_mono(tmp_path / "mono.wav", both, telephone=telephone)
    turns = heard_in(tmp_path / "mono.wav")
    share = confused(lines, turns)
    record_property(f"figure: share of a dialogue given to the wrong voice, {both}, {telephone}", round(share, 3))
    assert share < MOST_CONFUSED
    assert [turn.voice for turn in turns] == [1, 2] * (len(lines) // 2)


def test_three_voices_are_told_apart_where_so_many_may_be(tmp_path: Path) -> None:
    script = tuple((("A", "B", "C")[n % 3], text) for n, (_, text) in enumerate(spoken.SCRIPT))
    lines = spoken.in_mono(tmp_path / "three.wav", {"A": "slt", "B": "rms", "C": "awb"}, script)
    assert confused(lines, heard_in(tmp_path / "three.wav", 4)) < MOST_CONFUSED
    assert {turn.voice for turn in heard_in(tmp_path / "three.wav", 2)} == {1, 2}


@pytest.mark.parametrize("telephone", [False, True])
@pytest.mark.parametrize("voice", ["slt", "rms", "awb", "kal16"])
def test_one_voice_is_one(tmp_path: Path, voice: str, telephone: bool) -> None:
    spoken.in_mono(tmp_path / "one.wav", dict.fromkeys(("Anna", "Rob"), voice), telephone=telephone)
    assert {turn.voice for turn in heard_in(tmp_path / "one.wav")} == {1}


def test_silence_and_sounds_that_are_no_voice_have_no_turns_of_two(tmp_path: Path) -> None:
    assert heard_in(spoken.write(tmp_path / "silence.wav", [], 10)) == []
    assert heard_in(spoken.write(tmp_path / "nothing.wav", [], 0)) == []
    at = np.arange(5 * spoken.RATE) / spoken.RATE
    tone = (8000 * np.sin(2 * np.pi * 440 * at)).astype(np.int16)
    assert len({turn.voice for turn in heard_in(spoken.write(tmp_path / "tone.wav", [(0, tone)], 6))}) == 1


def test_it_is_done_in_a_process_of_its_own(tmp_path: Path) -> None:
    lines = spoken.in_mono(tmp_path / "mono.wav", {"Anna": "slt", "Rob": "rms"}, spoken.SCRIPT[:6])
    assert confused(lines, list(turns_in(tmp_path / "mono.wav", 2))) < MOST_CONFUSED


def test_of_what_is_very_long_nobody_is_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.notes.sounds.turns.LONGEST_S", 1)
    assert turns_in(spoken.write(tmp_path / "long.wav", [], 2), 2) == []


def test_a_process_that_ends_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = spoken.write(tmp_path / "one.wav", [], 1)
    monkeypatch.setattr("app.notes.sounds.turns.__name__", "app.notes.sounds.no_such_module")
    with pytest.raises(SoundFailed, match="has ended, with status 1"):
        turns_in(path, 2)
