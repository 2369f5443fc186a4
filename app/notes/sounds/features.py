"""What a voice sounds like, ten times as coarse as it is heard: mel-frequency cepstra of the frames in which somebody
speaks (Davis and Mermelstein, 1980), without the first, which only tells how loud it is.
"""

from __future__ import annotations

import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

RATE = 16_000
FRAME, STEP = 400, 160  # samples: 25 ms every 10 ms
FRAMES_PER_S = RATE // STEP
FFT, FILTERS, CEPSTRA = 512, 26, 19
LOWEST_HZ, HIGHEST_HZ = 150.0, 6500.0
SPEAKS_DB = 30.0  # below the loudest frames: more is silence, or a room
SHORTEST_FRAMES = 12  # a shorter sound is a click
BREATH_FRAMES = 20  # a shorter pause is within a word

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Features:
    """:param cepstra: (frames, CEPSTRA), of those frames alone in which somebody speaks.
    :param places: the number of each of them, FRAMES_PER_S a second, from the start of the recording.
    """

    cepstra: Floats
    places: npt.NDArray[np.int64]


def features_of(path: Path) -> Features:
    """Of a WAV of 16 kHz, mono, 16 bits. Memory: 12 MB for each hour, and a minute of sound."""
    cepstra, levels = [], []
    filters, cosines, window = _filters(), _cosines(), np.hamming(FRAME).astype(np.float32)
    rest = np.zeros(0, np.float32)
    with wave.open(str(path), "rb") as sound:
        while content := sound.readframes(60 * RATE):
            samples = np.concatenate([rest, np.frombuffer(content, "<i2").astype(np.float32) / 32768])
            frames = max(0, (len(samples) - FRAME) // STEP + 1)
            rest = samples[frames * STEP :]
            if frames:
                cut = np.lib.stride_tricks.sliding_window_view(samples, FRAME)[: frames * STEP : STEP]
                levels.append(10 * np.log10(np.square(cut).mean(axis=1) + 1e-10))
                raised = np.diff(cut, axis=1, prepend=cut[:, :1]) + 0.03 * cut  # high tones are faint in speech
                power = np.square(np.abs(np.fft.rfft(raised * window, FFT))).astype(np.float32)
                cepstra.append((np.log(power @ filters + 1e-8) @ cosines).astype(np.float16))
    if not cepstra:
        return Features(np.zeros((0, CEPSTRA), np.float32), np.zeros(0, np.int64))
    places = np.flatnonzero(_speaks(np.concatenate(levels)))
    return Features(np.concatenate(cepstra)[places].astype(np.float32), places)


def _speaks(levels: Floats) -> Mask:
    loud: Mask = levels > max(float(np.percentile(levels, 98)) - SPEAKS_DB, -70.0)
    for begin, end in _runs(~loud):
        if end - begin < BREATH_FRAMES:
            loud[begin:end] = True
    for begin, end in _runs(loud):
        if end - begin < SHORTEST_FRAMES:
            loud[begin:end] = False
    return loud


def _runs(mask: Mask) -> npt.NDArray[np.int64]:
    """(runs, 2): where each begins and ends."""
    return np.flatnonzero(np.diff(mask, prepend=False, append=False)).reshape(-1, 2)


def _filters() -> Floats:
    """(FFT / 2 + 1, FILTERS): triangles, evenly apart on the mel scale."""
    mels = np.linspace(_mel(LOWEST_HZ), _mel(HIGHEST_HZ), FILTERS + 2)
    centres = 700 * (10 ** (mels / 2595) - 1)
    hertz = np.fft.rfftfreq(FFT, 1 / RATE)[:, None]
    rising = (hertz - centres[:-2]) / (centres[1:-1] - centres[:-2])
    falling = (centres[2:] - hertz) / (centres[2:] - centres[1:-1])
    triangles: Floats = np.clip(np.minimum(rising, falling), 0, None).astype(np.float32)
    return triangles


def _cosines() -> Floats:
    """(FILTERS, CEPSTRA): DCT-II without its first."""
    places = np.arange(FILTERS)[:, None] + 0.5
    cosines: Floats = np.cos(np.pi / FILTERS * places * np.arange(1, CEPSTRA + 1)).astype(np.float32)
    return cosines


def _mel(hertz: float) -> float:
    return float(2595 * np.log10(1 + hertz / 700))
