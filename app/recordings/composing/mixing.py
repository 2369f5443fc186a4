"""All voices together: mixed, limited, encoded and put aside, with how loud each was."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream

from app.recordings.composing.filters import NOISE, Filtered
from app.recordings.composing.packets import PacketSpool
from app.recordings.composing.voices import SAMPLES_PER_S, Reader, Samples, Voice, as_frame

# Of full scale. Below it nothing is changed; above, a curve that never reaches 1.
KNEE = 0.7
LEVELS_PER_S = 10
# dB under full scale, as whole numbers: what is as soft as that is silence.
SILENT_DB = 120


class Mixture:
    """All voices together, and how loud each was.

    :ivar levels: for each voice, a number for each tenth of a second: its level in dB under full scale.
    """

    def __init__(self, voices: Sequence[Voice], *, reduce_noise: bool) -> None:
        self.levels = [bytearray() for _ in voices]
        self._readers: list[Reader] = [
            Filtered(voice.read, *NOISE).read if reduce_noise and voice.file.source == "microphone" else voice.read
            for voice in voices
        ]

    def read(self, samples: int) -> Samples:
        together = np.zeros((2, samples), np.float32)
        for read, levels in zip(self._readers, self.levels, strict=True):
            block = read(samples)
            levels.extend(_levels(block, samples))
            if block is not None:
                together += block
        limit(together)
        return together


def encode(
    read: Reader,
    duration_s: float,
    stream: AudioStream,
    spool: PacketSpool,
    progress: Callable[[float], None],
) -> array[float]:
    """Encode so much sound into the spool. Returns its peaks, 0 to 1 of full scale, LEVELS_PER_S."""
    peaks = array("f")
    total = round(duration_s * SAMPLES_PER_S)
    done = 0
    while done < total:
        length = min(SAMPLES_PER_S, total - done)
        if (block := read(length)) is None:
            block = np.zeros((2, length), np.float32)
        peaks.extend(_tenths(block).max(axis=1).tolist())
        spool.add(stream.encode(as_frame(block, done)))
        done += block.shape[1]
        progress(done / total)
    spool.add(stream.encode(None))
    return peaks


def limit(block: Samples) -> None:
    """Soft: what is loud is bent, sample by sample, so that no sum of voices leaves the scale."""
    size = np.abs(block)
    loud = size > KNEE
    if loud.any():
        over = (size[loud] - KNEE) / (1 - KNEE)
        block[loud] = np.copysign(KNEE + (1 - KNEE) * np.tanh(over), block[loud])


def _tenths(block: Samples) -> npt.NDArray[np.float32]:
    """As (tenths, samples of one), the last one filled up with silence."""
    each = SAMPLES_PER_S // LEVELS_PER_S
    loudest = np.abs(block).max(axis=0)
    whole = np.zeros(math.ceil(len(loudest) / each) * each, np.float32)
    whole[: len(loudest)] = loudest
    return whole.reshape(-1, each)


def _levels(block: Samples | None, length: int) -> bytes:
    if block is None:
        return bytes([SILENT_DB]) * math.ceil(length * LEVELS_PER_S / SAMPLES_PER_S)
    power = np.square(_tenths(block)).mean(axis=1)
    decibels = -10 * np.log10(np.maximum(power, 10 ** (-SILENT_DB / 10)))
    return bytes(np.clip(decibels, 0, SILENT_DB).astype(np.uint8))
