"""The pictures of one file, each when its time has come."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence
from typing import Any

import av
from av.error import FFmpegError

from app.recordings.composing.probe import Probed, Span, opened, packets_of, tick_s_of

# Packets are not in the order of their pictures: those of a moment lie within so long after it.
REORDERED_S = 1.0


class Pictures:
    """Is asked for ever later times. Holds two decoded pictures, and nothing before it is needed or after its end.

    :param wanted: when it is seen. What lies between isn't decoded.
    """

    def __init__(self, probed: Probed, wanted: Sequence[Span]) -> None:
        self.file = probed.file
        self.broken_packets = 0
        self._key_frames = probed.key_frames
        self._needed = deque((self._key_frame_before(start), until) for start, until in wanted)
        self._last_s = max((until for _, until in wanted), default=0.0) + REORDERED_S
        self._frames = self._decoded()
        self._now: av.VideoFrame | None = None
        self._next: tuple[float, av.VideoFrame] | None = None
        self._begun = False
        self._spans = deque(probed.spans)

    def at(self, time_s: float) -> av.VideoFrame | None:
        """The last picture up to then, the same object as long as it is the same; None where the name is shown."""
        while self._spans and time_s >= self._spans[0][1]:
            self._spans.popleft()
        if not self._spans:
            self.close()
            return None
        if time_s < self._spans[0][0]:
            return None
        if not self._begun:
            self._begun, self._next = True, next(self._frames, None)
        while self._next and self._next[0] <= time_s:
            self._now, self._next = self._next[1], next(self._frames, None)
        return self._now

    def close(self) -> None:
        self._frames.close()
        self._now = self._next = None

    def _decoded(self) -> Generator[tuple[float, av.VideoFrame]]:
        container, stream = opened(self.file)
        offset_s = self.file.offset_s
        # Many files are decoded side by side: more threads would cost more than they bring.
        stream.codec_context.thread_count = 1
        tick_s, skipped = tick_s_of(stream), False
        with container:
            for packet in packets_of(container, stream):
                time_s = (packet.pts or 0) * tick_s + offset_s
                if time_s > self._last_s:  # over, or one wrong timestamp: what follows may be wanted
                    continue
                while self._needed and time_s >= self._needed[0][1] + REORDERED_S:
                    self._needed.popleft()
                if not self._needed or time_s < self._needed[0][0]:
                    skipped = True
                    continue
                if skipped:
                    stream.codec_context.flush_buffers()
                    skipped = False
                yield from self._of_packet(packet, stream, offset_s)
            yield from self._of_packet(None, stream, offset_s)

    def _of_packet(self, packet: Any, stream: Any, offset_s: float) -> list[tuple[float, av.VideoFrame]]:
        """None is the end: what the decoder holds back."""
        try:
            return [(frame.time + offset_s, frame) for frame in stream.decode(packet) if frame.pts is not None]
        except FFmpegError:
            self.broken_packets += 1
            return []

    def _key_frame_before(self, time_s: float) -> float:
        return max((key for key in self._key_frames if key <= time_s), default=float("-inf"))
