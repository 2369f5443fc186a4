"""What is heard is passed on in pieces that are small enough; what is silent isn't."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import numpy as np
import pytest

from app.notes.transcribers.chunking import LONGEST_S, Chunk, chunks_of
from tests.support.spoken import RATE, write


def hum(seconds: float) -> np.ndarray:
    return (3000 * np.sin(np.arange(round(seconds * RATE)) / 10)).astype(np.int16)


def spans(path: Path) -> list[tuple[float, float]]:
    return [(chunk.start_s, chunk.end_s) for chunk in chunks_of(path)]


def test_silence_is_left_out_but_for_a_second_around_what_is_heard(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", [(10.5, hum(2)), (60.25, hum(3))], 100)
    assert spans(path) == [(9, 14), (59, 65)]
    first, second = chunks_of(path)
    assert np.flatnonzero(first.samples)[0] == pytest.approx(1.5 * RATE, abs=2)
    assert np.flatnonzero(second.samples)[0] == pytest.approx(1.25 * RATE, abs=2)


def test_a_short_silence_parts_nothing(tmp_path: Path) -> None:
    assert spans(write(tmp_path / "a.wav", [(0, hum(1)), (15, hum(1))], 16.5)) == [(0, 16.5)]


def test_nothing_comes_of_silence(tmp_path: Path) -> None:
    assert spans(write(tmp_path / "a.wav", [], 50)) == []
    assert spans(write(tmp_path / "b.wav", [], 0)) == []


def test_what_is_too_long_is_cut_where_nobody_speaks(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", [(0, hum(550)), (552, hum(100))], 652)
    assert spans(path) == [(0, 551), (551, 652)]


def test_or_where_it_must_be_and_no_sample_is_lost(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", [(0, hum(1300.5))], 1300.5)
    assert spans(path) == [(0, LONGEST_S), (LONGEST_S, 2 * LONGEST_S), (2 * LONGEST_S, 1300.5)]
    assert np.array_equal(np.concatenate([chunk.samples for chunk in chunks_of(path)]), hum(1300.5))


def test_a_piece_is_a_wav_of_its_own(tmp_path: Path) -> None:
    [chunk] = chunks_of(write(tmp_path / "a.wav", [(0, hum(2))], 2))
    assert isinstance(chunk, Chunk)
    with wave.open(io.BytesIO(chunk.as_wav())) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate(), file.getnframes()) == (1, 2, RATE, 32000)
