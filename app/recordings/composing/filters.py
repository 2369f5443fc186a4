"""Sound passed through FFmpeg's filters, without moving in time."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from av.error import BlockingIOError as NothingYet
from av.filter import Graph

from app.recordings.composing.voices import SAMPLES_PER_S, Reader, Samples, as_frame

# 12 dB less of steady noise up to −40 dB: a fan's, a microphone's own. It gives all 25 ms late. (Where afftdn has to
# find the noise by itself, tn=1, hiss of −46 dB lost 2 dB.)
NOISE = ("afftdn", "nr=12:nf=-40", SAMPLES_PER_S // 40)


class Filtered:
    """Reads from `read`, and gives what the filter makes of it. A filter looks ahead: more is read than given.

    :param read: gives so many samples, for ever; None is silence.
    :param late: by how many samples the filter gives later what it gets.
    """

    def __init__(self, read: Reader, name: str, options: str, late: int) -> None:
        self._read = read
        self._at = 0
        self._ready = np.zeros((2, 0), np.float32)
        graph = Graph()
        rate = Fraction(1, SAMPLES_PER_S)
        self._source = graph.add_abuffer(format="fltp", sample_rate=SAMPLES_PER_S, layout="stereo", time_base=rate)
        same = f"sample_fmts=fltp:sample_rates={SAMPLES_PER_S}:channel_layouts=stereo"
        self._sink = graph.add("abuffersink")
        graph.link_nodes(self._source, graph.add(name, options), graph.add("aformat", same), self._sink).configure()
        self._graph = graph  # its filters live as long as it does
        self.read(late)

    def read(self, samples: int) -> Samples:
        while self._ready.shape[1] < samples:
            self._push()
            self._pull()
        given, self._ready = self._ready[:, :samples], self._ready[:, samples:]
        return given

    def _push(self) -> None:
        block = np.zeros((2, SAMPLES_PER_S), np.float32)
        if (found := self._read(SAMPLES_PER_S)) is not None:
            block += found
        frame = as_frame(block, self._at)
        self._at += SAMPLES_PER_S
        self._source.push(frame)

    def _pull(self) -> None:
        parts = [self._ready]
        while True:
            try:
                frame: Any = self._sink.pull()
            except NothingYet:
                break
            parts.append(frame.to_ndarray())
        self._ready = np.concatenate(parts, axis=1)
