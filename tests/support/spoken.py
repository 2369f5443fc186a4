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
from itertools import permutations
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

RATE = 16_000
PAUSE_S = 0.5
LOUD = 300  # of 32,768
VOICES = {"Anna": "slt", "Priyanka": "slt", "Rob": "rms"}  # women's and a man's

Script = tuple[tuple[str, str], ...]
SCRIPT: Script = (
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


def over_the_telephone(speech: Speech) -> Speech:
    """300 to 3,400 Hz, in the 256 steps of µ-law (ITU-T G.711)."""
    heard = np.fft.rfft(speech / 32768)
    hertz = np.fft.rfftfreq(len(speech), 1 / RATE)
    heard[(hertz < 300) | (hertz > 3400)] = 0
    line = np.clip(np.fft.irfft(heard, len(speech)), -1, 1)
    steps = np.round(127 * np.sign(line) * np.log1p(255 * np.abs(line)) / np.log(256)) / 127
    return (32767 * np.sign(steps) * (256 ** np.abs(steps) - 1) / 255).astype(np.int16)


def dialogue(folder: Path, script: Script = SCRIPT) -> tuple[list[Line], dict[str, Path], float]:
    """The script as it was said, a WAV for each speaker, and how long it takes."""
    lines, pieces, lasts_s = turns(script)
    paths = {name: write(folder / f"{name}.wav", said, lasts_s) for name, said in pieces.items()}
    return lines, paths, lasts_s


def in_mono(path: Path, voices: dict[str, str], script: Script = SCRIPT, *, telephone: bool = False) -> list[Line]:
    """The script as it was said, all of it in one WAV; `voices` by the names in it."""
    lines: list[Line] = []
    pieces: list[tuple[float, Speech]] = []
    now = PAUSE_S
    for speaker, text in script:
        speech = said(text, voices[speaker])
        loud = np.flatnonzero(np.abs(speech) > LOUD)
        speech = speech[loud[0] : loud[-1]]
        pieces.append((now, over_the_telephone(speech) if telephone else speech))
        lines.append(Line(speaker, text, now, now + len(speech) / RATE))
        now = lines[-1].end_s + PAUSE_S
    write(path, pieces, now)
    return lines


def turns(script: Script) -> tuple[list[Line], dict[str, list[tuple[float, Speech]]], float]:
    """The script, for each speaker what they say and when, and how long all takes.

    A line is from when it can be heard until when it can't: flite puts silence before and after.
    """
    lines: list[Line] = []
    pieces: dict[str, list[tuple[float, Speech]]] = {}
    now = PAUSE_S
    for speaker, text in script:
        speech = said(text, VOICES[speaker])
        loud = np.flatnonzero(np.abs(speech) > LOUD) / RATE
        pieces.setdefault(speaker, []).append((now, speech))
        lines.append(Line(speaker, text, now + float(loud[0]), now + float(loud[-1])))
        now += len(speech) / RATE + PAUSE_S
    return lines, pieces, now


def words_of(text: str) -> list[str]:
    return re.findall(r"[^\W_]+(?:'[^\W_]+)?", text.lower())


def confused(lines: Sequence[Line], turns: Sequence[tuple[float, float, int]]) -> float:
    """The share of the time in which somebody speaks that is given to another voice, or to none: (start_s, end_s,
    voice) against the lines, with the names for the voices that fit best.
    """
    end = max([line.end_s for line in lines] + [turn[1] for turn in turns]) + 1
    names = list(dict.fromkeys(line.speaker for line in lines))
    voices = list(dict.fromkeys(voice for _, _, voice in turns))
    spoken, heard = np.zeros((2, round(end * 100)), int)
    for line in lines:
        spoken[round(line.start_s * 100) : round(line.end_s * 100)] = names.index(line.speaker) + 1
    for start_s, end_s, voice in turns:
        heard[round(start_s * 100) : round(end_s * 100)] = voices.index(voice) + 1
    fitting = max(
        sum(int(((spoken == name) & (heard == voice)).sum()) for name, voice in enumerate(chosen, start=1))
        for chosen in permutations(range(1, max(len(names), len(voices)) + 1), len(names))
    )
    return 1 - fitting / int((spoken > 0).sum())


def word_errors(expected: Sequence[str], heard: Sequence[str]) -> int:
    """Words put in, left out or put in place of others, at least (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for number, word in enumerate(expected, start=1):
        before, row[0] = row[0], number
        for at, other in enumerate(heard, start=1):
            before, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, before + (word != other))
    return row[-1]
