"""WAVs to listen to, written second by second."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
import numpy.typing as npt

from app.recordings.composing.voices import SAMPLES_PER_S
from app.recordings.composing.wav import BYTES_PER_SAMPLE, wav_header

RATE = 16_000  # what speech recognisers are trained on
HEADER_BYTES = 44

Mono = npt.NDArray[np.float32]  # at 48 kHz, full scale ±1


class WavFile:
    """A WAV that appears when it is whole. Silence is a hole in it: it takes no room on most disks."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._partial = path.with_name(f".{path.name}.partial")
        self._file = self._partial.open("wb")
        self._at = 0  # samples
        self._lower: Callable[[Mono | None], npt.NDArray[np.int16]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: BaseException | TracebackType | None) -> None:
        """Whole if all went well, else gone."""
        with self._file as file:
            if kind is None:
                self._end_run()
                file.truncate(HEADER_BYTES + self._at * BYTES_PER_SAMPLE)
                file.seek(0)
                file.write(wav_header(self._at, RATE))
        if kind is None:
            self._partial.replace(self._path)
        else:
            self._partial.unlink(missing_ok=True)

    def add(self, second: Mono | None) -> None:
        """The next second of sound at 48 kHz; None is silence. Only the last one may be shorter."""
        if second is None:
            self._end_run()
            self._at += RATE
            return
        if self._lower is None:
            self._lower = _lowering()
        self._write(self._lower(second))

    def _end_run(self) -> None:
        """The resampler gives the end of a run once it has seen that nothing follows."""
        if self._lower is not None:
            self._write(self._lower(None))
            self._lower = None

    def _write(self, samples: npt.NDArray[np.int16]) -> None:
        self._file.seek(HEADER_BYTES + self._at * BYTES_PER_SAMPLE)
        self._file.write(samples.astype("<i2").tobytes())
        self._at += len(samples)


def _lowering() -> Callable[[Mono | None], npt.NDArray[np.int16]]:
    """From 48 to 16 kHz, without what would be folded back; as many samples come out as a third of what went in."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    at = 0

    def lower(block: Mono | None) -> npt.NDArray[np.int16]:
        nonlocal at
        frame = None
        if block is not None:
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block[None]), format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = SAMPLES_PER_S, at, Fraction(1, SAMPLES_PER_S)
            at += len(block)
        parts = [part.to_ndarray()[0] for part in resampler.resample(frame)]
        return np.concatenate(parts) if parts else np.zeros(0, np.int16)

    return lower
