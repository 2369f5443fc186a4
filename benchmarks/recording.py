"""CPU to record a track of video, as a media worker does it: from the packet that the loop shows to the file that is on
disk, ten tracks of 1.5 Mb/s side by side, in real time.

Receiving and decrypting are not in it: a worker does that for every packet, recorded or not.
"""

import asyncio
import tempfile
import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy

from benchmarks.figure import Figure, Missing, spread
from media_worker.recording.recordings import Recordings
from media_worker.rtp.packet import Forwarded
from media_worker.sfu.track import Format, Track

TRACKS = 10
BITRATE = 1_500_000
PICTURES_PER_S = 30
SECONDS = 10
ROUNDS = 5
PAYLOAD = 1100  # bytes of a packet
VP8 = Format("VP8", 90_000, 96)
_BEGINS, _GOES_ON = b"\x10", b"\x00"  # the payload descriptor (RFC 7741 §4.2)


@dataclass
class _Nowhere:
    """Parley, as far as files go: it takes none, so that none is sent within the figure."""

    async def put_track(self, recording_id: str, track_file_id: str, told: dict[str, Any]) -> None: ...
    async def report_recording(self, recording_id: str, told: dict[str, Any]) -> None: ...
    async def upload(self, path: Path, media_type: str, sha256: str, ref: str) -> str:
        return ref


def measure() -> list[Figure | Missing]:
    pictures = _encoded()
    shares = [asyncio.run(_recorded(pictures)) for _ in range(ROUNDS + 1)][1:]
    value = sorted(shares)[ROUNDS // 2]
    return [
        Figure(
            f"recording a track of {BITRATE / 1e6:.1f} Mb/s, CPU",
            unit="% of a core",
            value=value,
            yardstick=None,
            yardstick_name="none",
            must=2,
            aim=0.5,
            spread=spread(shares),
        )
    ]


def _encoded() -> list[bytes]:
    """A second of pictures that are hard to encode, so that they are as many bits as they may be."""
    context = av.CodecContext.create("libvpx", "w")
    context.width, context.height, context.pix_fmt = 640, 360, "yuv420p"
    context.time_base, context.bit_rate = Fraction(1, PICTURES_PER_S), BITRATE
    context.options = {"deadline": "realtime", "cpu-used": "8", "minrate": str(BITRATE), "maxrate": str(BITRATE)}
    noise = numpy.random.default_rng(1)
    made = []
    for number in range(PICTURES_PER_S):
        frame = av.VideoFrame.from_ndarray(noise.integers(0, 255, (540, 640), numpy.uint8), format="yuv420p")
        frame.pts = number
        made += [bytes(packet) for packet in context.encode(frame)]
    made += [bytes(packet) for packet in context.encode(None)]
    size = BITRATE // 8 // PICTURES_PER_S  # whatever the encoder made of it: what is measured depends on bytes alone
    return [(picture + bytes(size))[: max(size, 64)] for picture in made]


async def _recorded(pictures: list[bytes]) -> float:
    """Per cent of a core, of one track."""
    with tempfile.TemporaryDirectory() as folder:
        recordings = Recordings(Path(folder), 1, _Nowhere())
        recorder = recordings.record("m", 1, "r", audio_only=False)
        assert recorder is not None
        tracks = [Track(str(n), str(n), "video", "camera", "0", {96: VP8}) for n in range(TRACKS)]
        recorder.follow(tracks)
        sequence, began, cpu = 0, time.monotonic(), 0.0
        before = time.process_time()
        for number in range(SECONDS * PICTURES_PER_S):
            await asyncio.sleep(max(0, began + number / PICTURES_PER_S - time.monotonic()))
            picture = pictures[number % len(pictures)]
            parts = [picture[at : at + PAYLOAD] for at in range(0, len(picture), PAYLOAD)]
            for place, part in enumerate(parts):
                marker = 0x80 if place == len(parts) - 1 else 0
                payload = (_GOES_ON if place else _BEGINS) + part
                shown = Forwarded(0x80, marker, 96, sequence + place, number * 3000, payload, 0)
                for track in tracks:
                    for tap in track.taps:
                        tap(shown, VP8, time.monotonic())
            sequence += len(parts)
            recorder.tick()
        recordings.end(recorder)
        await recordings.stop()
        cpu = time.process_time() - before
        return 100 * cpu / SECONDS / TRACKS
