"""Where a file has frames, read without decoding any."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import av
from av.error import FFmpegError

from app.recordings.composing.plan import TrackFile

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream

# A camera that sends nothing for so long is frozen: the name is shown instead of its last picture.
FROZEN_AFTER_S = 2.0
# A key frame is remembered only if the last one is as old: there are files of nothing else.
KEY_FRAMES_APART_S = 1.0

# A file may come from anybody. FFmpeg would follow a playlist, or a script of its own, to other files and hosts.
RECORDED = "matroska,webm,mov,mp4,ogg,wav"
# A picture of 16,000 × 16,000 is 400 MB, and takes some bytes to send.
MOST_PIXELS = 4096 * 4096

Span = tuple[float, float]


@dataclass(frozen=True)
class Probed:
    """:param spans: from and until, where there is something to hear or see: holes and mutes are cut out.
    :param key_frames: times from which decoding can start; of pictures only.
    """

    file: TrackFile
    spans: Sequence[Span]
    key_frames: Sequence[float]

    def runs_at(self, time_s: float) -> bool:
        return any(start <= time_s < until for start, until in self.spans)


class Unreadable(Exception):
    """The file holds nothing that can be used; the message says why."""


def opened(file: TrackFile, formats: str = RECORDED) -> tuple[InputContainer, Stream]:
    """The file, if it is in one of these containers, and its stream. Raises Unreadable."""
    options = {"format_whitelist": formats, "protocol_whitelist": "file"}
    try:
        container = av.open(str(file.path), "r", metadata_errors="replace", options=options)
    except (FFmpegError, OSError) as error:
        raise Unreadable(_reason(error)) from error
    of_kind = container.streams.audio if file.kind == "audio" else container.streams.video
    if not of_kind or of_kind[0].codec_context is None:
        container.close()
        raise Unreadable(f"it has no {file.kind}")
    stream = of_kind[0]
    stream.codec_context.options = {"max_pixels": str(MOST_PIXELS)}
    return container, stream


def tick_s_of(stream: Stream) -> float:
    """The unit of its timestamps. As a float: fractions are exact, and cost more than the packet that they are of."""
    return float(stream.time_base or 0)


def packets_of(container: InputContainer, stream: Stream) -> Iterator[Packet[Any]]:
    """Packets up to the end, or to where a file that was cut off can't be read on; without the flushing one."""
    try:
        for packet in container.demux(stream):
            if packet.size:
                yield packet
    except FFmpegError:
        return


def probe(file: TrackFile) -> Probed:
    """Raises Unreadable."""
    container, stream = opened(file)
    spans: list[list[float]] = []
    keys: list[float] = []
    # A shared screen may stand still for minutes, and some browsers send nothing then.
    longest_hole = float("inf") if file.source == "screen" and file.kind == "video" else FROZEN_AFTER_S
    tick_s = tick_s_of(stream)
    with container:
        for packet in packets_of(container, stream):
            if packet.pts is None:
                continue
            time_s = packet.pts * tick_s + file.offset_s
            if not spans or time_s - spans[-1][1] > longest_hole:
                spans.append([time_s, time_s])
            spans[-1][1] = max(spans[-1][1], time_s)
            if packet.is_keyframe and file.kind == "video" and (not keys or time_s - keys[-1] >= KEY_FRAMES_APART_S):
                keys.append(time_s)
    if not spans:
        raise Unreadable("it has no frames")
    lasting = FROZEN_AFTER_S if file.kind == "video" else 0.06
    whole = [(start, until + lasting) for start, until in spans]
    return Probed(file, without(whole, file.mutes), keys)


def without(spans: Sequence[Span], cut: Sequence[Span]) -> list[Span]:
    """What is left of the spans when others are cut out of them."""
    left = list(spans)
    for start, until in cut:
        left = [part for a, b in left for part in ((a, min(b, start)), (max(a, until), b)) if part[1] > part[0]]
    return left


def joined(spans: Sequence[Span]) -> list[Span]:
    """The same without overlaps, in order."""
    together: list[Span] = []
    for start, until in sorted(spans):
        if together and start <= together[-1][1]:
            together[-1] = (together[-1][0], max(together[-1][1], until))
        else:
            together.append((start, until))
    return together


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
