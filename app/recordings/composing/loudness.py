"""Sound of one loudness (EBU R 128, ITU-R BS.1770-5).

Measured over the whole first, and then one gain for all of it: FFmpeg's loudnorm in one pass changes its gain as it
goes, by half a dB a second, so that whoever said nothing for the first minutes stays soft for another.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from av.error import BlockingIOError as NothingYet
from av.filter import Graph

from app.recordings.composing.mixing import limit
from app.recordings.composing.voices import SAMPLES_PER_S, Reader, Samples, as_frame

WANTED_LUFS = -16.0  # what podcasts have, as heard from two loudspeakers
# Who is softer than that by more was far away: with more of it one would hear the room.
LARGEST_GAIN_DB = 30.0
SILENT_LUFS = -69.0  # the meter's absolute gate is −70


def evened(begin: Callable[[], Reader], samples: int, progress: Callable[[float], None]) -> Reader:
    """What `begin()` reads, brought to WANTED_LUFS; silence stays silence.

    :param begin: reads the same from the start whenever it is called: it is twice.
    :param progress: of the first time, 0 to 1.
    """
    found = loudness(begin(), samples, progress)
    gain = 10 ** (min(WANTED_LUFS - found, LARGEST_GAIN_DB) / 20) if found > SILENT_LUFS else 1.0
    read = begin()

    def amplified(samples: int) -> Samples | None:
        block = read(samples)
        if block is None:
            return None
        louder: Samples = block * np.float32(gain)
        limit(louder)
        return louder

    return amplified


def loudness(read: Reader, samples: int, progress: Callable[[float], None]) -> float:
    """Integrated loudness in LUFS, what is silent left out; −70: all is."""
    graph = Graph()
    rate = Fraction(1, SAMPLES_PER_S)
    source = graph.add_abuffer(format="fltp", sample_rate=SAMPLES_PER_S, layout="stereo", time_base=rate)
    meter, sink = graph.add("ebur128", "metadata=1:peak=none:framelog=quiet"), graph.add("abuffersink")
    graph.link_nodes(source, meter, sink).configure()
    found, done = -70.0, 0
    while done < samples:
        length = min(SAMPLES_PER_S, samples - done)
        block = np.zeros((2, length), np.float32)
        if (read_now := read(length)) is not None:
            block += read_now
        source.push(as_frame(block, done))
        done += length
        found = _last(sink, found)
        progress(done / samples)
    return found


def _last(sink: Any, found: float) -> float:
    while True:
        try:
            frame = sink.pull()
        except NothingYet:
            return found
        found = float(frame.metadata.get("lavfi.r128.I", found))
