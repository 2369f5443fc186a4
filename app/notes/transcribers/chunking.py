"""A WAV in pieces that a model or a server takes at a time, without what is silent: that costs time and money, and
Whisper makes up words for it.
"""

from __future__ import annotations

import io
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

RATE = 16_000
# OpenAI takes files up to 25 MB, which is 13 min.
LONGEST_S = 600
# Before that it is cut in a second in which nobody speaks, if there is one within the last minute.
CUT_FROM_S = 540
# Silence of so many seconds parts two pieces; a shorter one stays, as do the seconds before and after what is heard.
SILENT_S = 20
# Of full scale (−50 dB): nothing in a whole second is louder where nobody speaks into a microphone that is open.
QUIET = 0.003

Samples = npt.NDArray[np.int16]


@dataclass(frozen=True)
class Chunk:
    """16 kHz, mono; `start_s` is where it lies in the recording."""

    start_s: float
    samples: Samples

    @property
    def end_s(self) -> float:
        return self.start_s + len(self.samples) / RATE

    def as_wav(self) -> bytes:
        content = io.BytesIO()
        with wave.open(content, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(self.samples.astype("<i2").tobytes())
        return content.getvalue()


def chunks_of(path: Path) -> Iterator[Chunk]:
    """In order; one after the other, so that memory is that of one."""
    gathered: list[Samples] = []  # a second each
    start = quiet_for = 0
    for number, (second, is_quiet) in enumerate(_seconds(path)):
        if not gathered or (quiet_for and len(gathered) == quiet_for):  # nothing heard yet: a second's lead is enough
            gathered, start = gathered[-1:], number - len(gathered[-1:])
            quiet_for = len(gathered)
        gathered.append(second)
        quiet_for = quiet_for + 1 if is_quiet else 0
        heard = quiet_for < len(gathered)
        if heard and (
            quiet_for >= SILENT_S or len(gathered) >= LONGEST_S or (is_quiet and len(gathered) >= CUT_FROM_S)
        ):
            yield _chunk(start, gathered, quiet_for)
            gathered, quiet_for = [], 0
    if quiet_for < len(gathered):
        yield _chunk(start, gathered, quiet_for)


def _chunk(start: int, gathered: list[Samples], quiet_for: int) -> Chunk:
    kept = gathered[: len(gathered) - max(0, quiet_for - 1)]
    return Chunk(float(start), np.concatenate(kept))


def _seconds(path: Path) -> Iterator[tuple[Samples, bool]]:
    with wave.open(str(path), "rb") as sound:
        while content := sound.readframes(RATE):
            second = np.frombuffer(content, "<i2").astype(np.int16)
            yield second, bool(np.abs(second.astype(np.int32)).max() < QUIET * 32768)
