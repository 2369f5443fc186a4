"""All voices together: mixed, limited, encoded and put aside, with how loud each was."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import av
import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream

from app.recordings.composing.packets import PacketSpool
from app.recordings.composing.voices import SAMPLES_PER_S, Samples, Voice

# Of full scale. Below it nothing is changed; above, a curve that never reaches 1.
KNEE = 0.7
LEVELS_PER_S = 10
# dB under full scale, as whole numbers: what is as soft as that is silence.
SILENT_DB = 120


@dataclass
class Loudness:
    """:param of_voice: for each voice, a number for each tenth of a second: its level in dB under full scale.
    :param peaks: of the mixture, 0 to 1 of full scale, as often.
    """

    of_voice: list[bytearray]
    peaks: list[float] = field(default_factory=list)


def mix(
    voices: Sequence[Voice],
    duration_s: float,
    stream: AudioStream,
    spool: PacketSpool,
    progress: Callable[[float], None],
) -> Loudness:
    """Encode the mixture of all voices into the spool."""
    loudness = Loudness([bytearray() for _ in voices])
    total = round(duration_s * SAMPLES_PER_S)
    done = 0
    while done < total:
        length = min(SAMPLES_PER_S, total - done)
        together = np.zeros((2, length), np.float32)
        for voice, levels in zip(voices, loudness.of_voice, strict=True):
            block = voice.read(length)
            levels.extend(_levels(block, length))
            if block is not None:
                together += block
        limit(together)
        loudness.peaks.extend(_peaks(together))
        spool.add(stream.encode(as_frame(together, done)))
        done += length
        progress(done / total)
    spool.add(stream.encode(None))
    return loudness


def limit(block: Samples) -> None:
    """Soft: what is loud is bent, sample by sample, so that no sum of voices leaves the scale."""
    size = np.abs(block)
    loud = size > KNEE
    if loud.any():
        over = (size[loud] - KNEE) / (1 - KNEE)
        block[loud] = np.copysign(KNEE + (1 - KNEE) * np.tanh(over), block[loud])


def as_frame(block: Samples, at: int) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), format="fltp", layout="stereo")
    frame.sample_rate = SAMPLES_PER_S
    frame.pts = at
    return frame


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


def _peaks(block: Samples) -> list[float]:
    return [float(peak) for peak in _tenths(block).max(axis=1)]
