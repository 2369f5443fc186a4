"""The sound of one file, placed by its timestamps at 48 kHz."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import numpy.typing as npt
from av.error import FFmpegError

from app.recordings.composing.plan import TrackFile
from app.recordings.composing.probe import RECORDED, opened, packets_of

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame

Samples = npt.NDArray[np.float32]  # (channels, samples), full scale ±1
Reader = Callable[[int], Samples | None]  # gives the next so many samples; None: all of them are silent

SAMPLES_PER_S = 48_000
# WebM's clock ticks in milliseconds, so that the times of frames that follow each other differ from their lengths by
# one or so. What differs by more is a hole, and one of Opus' shortest frames is 2.5 ms, its usual one 20 ms.
JUMP_S = 0.008
# Sound that begins or ends in the middle of a wave clicks; over so long it doesn't.
FADE = SAMPLES_PER_S * 5 // 1000


class Voice:
    """Reads on and on: each call of `read` goes on where the last one ended.

    :param until_s: what the file says to lie behind it is left out. One wrong timestamp must not silence what follows.
    :param formats: containers that it may be in.
    """

    def __init__(self, file: TrackFile, until_s: float, formats: str = RECORDED) -> None:
        self.file = file
        self.until_s = until_s
        self._formats = formats
        self.broken_packets = 0
        self.end = 0  # of what was decoded so far, in samples
        self._at = 0
        self._pieces = self._placed()
        self._waiting: deque[tuple[int, Samples]] = deque()
        self._ended = False

    def read(self, samples: int) -> Samples | None:
        """The next so many samples, silence where there is nothing; None if all is silence."""
        start, end = self._at, self._at + samples
        self._at = end
        self._read_up_to(end)
        block: Samples | None = None
        while self._waiting and self._waiting[0][0] < end:
            place, piece = self._waiting.popleft()
            if place + piece.shape[1] > end:
                self._waiting.appendleft((end, piece[:, end - place :]))
                piece = piece[:, : end - place]
            if place < start:
                piece, place = piece[:, start - place :], start
            if not piece.shape[1]:
                continue
            if block is None or len(piece) > len(block):
                block = np.zeros((len(piece), samples), np.float32) if block is None else np.repeat(block, 2, axis=0)
            block[:, place - start : place - start + piece.shape[1]] += piece
        if block is not None and self.file.mutes:
            block *= self._open(start, samples)
        return block

    def ended(self) -> bool:
        """Whether all that follows is silence; `end` is then where it began."""
        return self._ended and not self._waiting

    def _read_up_to(self, end: int) -> None:
        while not self._ended and (not self._waiting or self._waiting[-1][0] < end):
            piece = next(self._pieces, None)
            if piece is None:
                self._ended = True
            else:
                self._waiting.append(piece)
                self.end = piece[0] + piece[1].shape[1]

    def _open(self, start: int, samples: int) -> Samples:
        """How far the microphone is open, 0 to 1, with short ramps at the ends of mutes."""
        gain = np.ones(samples, np.float32)
        ramp = FADE / SAMPLES_PER_S
        for muted, unmuted in self.file.mutes:
            if muted - ramp < (start + samples) / SAMPLES_PER_S and unmuted + ramp > start / SAMPLES_PER_S:
                times = np.arange(start, start + samples) / SAMPLES_PER_S
                edges = [muted - ramp, muted, unmuted, unmuted + ramp]
                gain = np.minimum(gain, np.interp(times, edges, [1.0, 0.0, 0.0, 1.0])).astype(np.float32)
        return gain

    def _placed(self) -> Iterator[tuple[int, Samples]]:
        """(place, samples), in order and without overlaps; a piece after a hole fades in, the one before it out."""
        held: tuple[int, Samples] | None = None
        end: int | None = None
        for place, piece, jumped in self._converted():
            if end is not None and place < end:  # a clock that stepped back: what was there first stays
                piece, place = piece[:, end - place :], end
            if not piece.shape[1]:
                continue
            end = place + piece.shape[1]
            if jumped:
                _fade(piece, inward=True)
                if held:
                    _fade(held[1], inward=False)
            if held:
                yield held
            held = (place, piece)
        if held:
            _fade(held[1], inward=False)
            yield held

    def _converted(self) -> Iterator[tuple[int, Samples, bool]]:
        """(place, samples, whether a hole lies before)."""
        converter: _Converter | None = None
        place, expected_s = 0, 0.0
        for frame in self._decoded():
            time_s = (frame.time or 0.0) + self.file.offset_s
            if time_s > self.until_s:
                continue
            ahead_s = time_s - expected_s
            jumped = converter is None or abs(ahead_s) > JUMP_S or not converter.takes(frame)
            if converter is None or jumped:
                if converter and (rest := converter.rest()) is not None:
                    yield place, rest, False
                    place += rest.shape[1]
                converter = _Converter(frame)
                place, expected_s = round(time_s * SAMPLES_PER_S), time_s
            expected_s += frame.samples / frame.sample_rate
            samples = converter.convert(frame)
            if samples.shape[1]:
                yield place, samples, jumped
                place += samples.shape[1]
        if converter and (rest := converter.rest()) is not None:
            yield place, rest, False

    def _decoded(self) -> Iterator[AudioFrame]:
        container, stream = opened(self.file, self._formats)
        with container:
            for packet in packets_of(container, stream):
                try:
                    frames: list[Any] = list(packet.decode())
                except FFmpegError:
                    self.broken_packets += 1
                    continue
                yield from (frame for frame in frames if frame.pts is not None and frame.samples)


class _Converter:
    """Whatever one run of frames holds, as floats at 48 kHz, mono or stereo."""

    def __init__(self, frame: AudioFrame) -> None:
        self._kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        self._channels = 1 if frame.layout.nb_channels == 1 else 2
        self._as_it_is = frame.format.name == "fltp" and frame.sample_rate == SAMPLES_PER_S
        self._as_it_is = self._as_it_is and frame.layout.nb_channels <= 2
        self._resampler = None
        if not self._as_it_is:
            layout = "mono" if self._channels == 1 else "stereo"
            self._resampler = av.AudioResampler(format="fltp", layout=layout, rate=SAMPLES_PER_S)

    def takes(self, frame: AudioFrame) -> bool:
        return self._kind == (frame.format.name, frame.layout.name, frame.sample_rate)

    def convert(self, frame: AudioFrame) -> Samples:
        if self._resampler is None:
            return _samples(frame)
        return self._joined(self._resampler.resample(frame))

    def rest(self) -> Samples | None:
        """What the resampler still holds back; it takes no more frames then."""
        if self._resampler is None:
            return None
        rest = self._joined(self._resampler.resample(None))
        return rest if rest.shape[1] else None

    def _joined(self, frames: list[AudioFrame]) -> Samples:
        if not frames:
            return np.zeros((self._channels, 0), np.float32)
        return np.concatenate([_samples(frame) for frame in frames], axis=1)


def _samples(frame: AudioFrame) -> Samples:
    """Its own copy: it is faded in place. Planes are longer than what is in them."""
    planes: Any = frame.planes
    samples = np.empty((len(planes), frame.samples), np.float32)
    for row, plane in zip(samples, planes, strict=True):
        row[:] = np.frombuffer(plane, np.float32, frame.samples)
    return samples


def _fade(piece: Samples, *, inward: bool) -> None:
    length = min(FADE, piece.shape[1])
    ramp = np.linspace(0.0, 1.0, length, endpoint=False, dtype=np.float32)
    if inward:
        piece[:, :length] *= ramp
    else:
        piece[:, piece.shape[1] - length :] *= ramp[::-1]


def as_frame(block: Samples, at: int) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), format="fltp", layout="stereo")
    frame.sample_rate = SAMPLES_PER_S
    frame.pts, frame.time_base = at, Fraction(1, SAMPLES_PER_S)
    return frame
