"""What somebody sends who is played by aiortc: tones, and pictures of one colour."""

from __future__ import annotations

import av
import numpy as np
from aiortc import AudioStreamTrack, VideoStreamTrack

from tests.support.tracks import Colour, flat

_RATE, _SAMPLES = 48_000, 960  # of a frame of 20 ms


class Tone(AudioStreamTrack):
    """`hz` is a multiple of 50, so that each frame has whole waves."""

    def __init__(self, hz: int) -> None:
        super().__init__()
        wave = np.sin(np.arange(_SAMPLES) * 2 * np.pi * hz / _RATE) * 12_000
        self._wave = wave.astype(np.int16).tobytes()

    async def recv(self) -> av.AudioFrame:
        paced = await super().recv()  # 8 kHz
        frame = av.AudioFrame(format="s16", layout="mono", samples=_SAMPLES)
        frame.planes[0].update(self._wave)
        frame.sample_rate, frame.pts, frame.time_base = _RATE, paced.pts * 6, paced.time_base / 6
        return frame


class Plain(VideoStreamTrack):
    """May be shown in another colour and size from one picture to the next, by `show`."""

    def __init__(self, colour: Colour, width: int = 128, height: int = 72) -> None:
        super().__init__()
        self.show(colour, width, height)

    def show(self, colour: Colour, width: int, height: int) -> None:
        picture = av.VideoFrame.from_ndarray(flat(colour, width, height), format="rgb24")
        self._picture = picture.reformat(format="yuv420p").to_ndarray()

    async def recv(self) -> av.VideoFrame:
        pts, time_base = await self.next_timestamp()
        frame = av.VideoFrame.from_ndarray(self._picture, format="yuv420p")
        frame.pts, frame.time_base = pts, time_base
        return frame
