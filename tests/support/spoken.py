"""People who speak: sentences said by flite's voices, and how far what was understood is from what was said."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

RATE = 16_000
PAUSE_S = 0.5
LOUD = 300  # of 32,768
VOICES = {"Anna": "slt", "Rob": "rms"}  # a woman's and a man's

SCRIPT = (
    ("Anna", "Good morning everybody, and thank you for coming to our weekly meeting."),
    ("Rob", "Good morning. I have the numbers for the last quarter."),
    ("Anna", "Please tell us how the sales are going."),
    ("Rob", "We sold twelve percent more than last year, but the costs are also higher."),
    ("Anna", "That is good news. What is the biggest problem at the moment?"),
    ("Rob", "The biggest problem is that customers wait too long for an answer from support."),
    ("Anna", "I will write a plan for the support team by Friday."),
    ("Rob", "Great, and I will send the new price list to the customers next Monday."),
    ("Anna", "We have decided to start the new project in January."),
    ("Rob", "Do we have enough people for the project?"),
    ("Anna", "We need to hire two more developers."),
    ("Rob", "Okay, let us talk about that again next week. Thank you and goodbye."),
)

Speech = npt.NDArray[np.int16]  # 16 kHz, mono


@dataclass(frozen=True)
class Line:
    """Somebody's turn, with the times at which it is said."""

    speaker: str
    text: str
    start_s: float
    end_s: float


def missing() -> bool:
    return shutil.which("flite") is None


def require() -> None:
    """Skip the calling test where flite is not installed; fail it instead when REQUIRE_ALL=1."""
    if not missing():
        return
    reason = "flite, which speaks, is not installed"
    if os.environ.get("REQUIRE_ALL") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@cache
def said(text: str, voice: str = "rms") -> Speech:
    command = ["flite", "-voice", voice, "-t", text, "-o", "/dev/stdout"]
    spoken = subprocess.run(command, check=True, capture_output=True).stdout
    with wave.open(io.BytesIO(spoken)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE)
        return np.frombuffer(file.readframes(len(spoken)), np.int16)[: (len(spoken) - 44) // 2]


def write(path: Path, pieces: Sequence[tuple[float, Speech]], lasts_s: float) -> Path:
    """A WAV with each piece at its time, and silence between."""
    whole = np.zeros(round(lasts_s * RATE), np.int16)
    for time_s, piece in pieces:
        at = round(time_s * RATE)
        whole[at : at + len(piece)] = piece
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(whole.tobytes())
    return path


def dialogue(folder: Path, rounds: int = 1) -> tuple[list[Line], dict[str, Path], float]:
    """The script as it was said, a WAV for each speaker, and how long it takes."""
    lines, pieces, lasts_s = turns(rounds)
    paths = {name: write(folder / f"{name}.wav", pieces[name], lasts_s) for name in VOICES}
    return lines, paths, lasts_s


def turns(rounds: int) -> tuple[list[Line], dict[str, list[tuple[float, Speech]]], float]:
    """The script, for each speaker what they say and when, and how long all takes.

    A line is from when it can be heard until when it can't: flite puts silence before and after.
    """
    lines: list[Line] = []
    pieces: dict[str, list[tuple[float, Speech]]] = {name: [] for name in VOICES}
    now = PAUSE_S
    for speaker, text in SCRIPT * rounds:
        speech = said(text, VOICES[speaker])
        loud = np.flatnonzero(np.abs(speech) > LOUD) / RATE
        pieces[speaker].append((now, speech))
        lines.append(Line(speaker, text, now + float(loud[0]), now + float(loud[-1])))
        now += len(speech) / RATE + PAUSE_S
    return lines, pieces, now


def words_of(text: str) -> list[str]:
    return re.findall(r"[^\W_]+(?:'[^\W_]+)?", text.lower())


def word_errors(expected: Sequence[str], heard: Sequence[str]) -> int:
    """Words put in, left out or put in place of others, at least (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for number, word in enumerate(expected, start=1):
        before, row[0] = row[0], number
        for at, other in enumerate(heard, start=1):
            before, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, before + (word != other))
    return row[-1]
