"""Recorded tracks made for a test, and what is seen and heard in a file that was composed of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import Colorspace

from media_worker.recording.formats import of_sound
from media_worker.recording.matroska import MatroskaFile

Colour = tuple[int, int, int]
Floats = npt.NDArray[np.float32]
SAMPLES_PER_S = 48_000
MS = Fraction(1, 1000)
RED, GREEN, BLUE, WHITE, BLACK = (200, 30, 30), (30, 180, 30), (40, 40, 220), (235, 235, 235), (0, 0, 0)
YELLOW, VIOLET = (210, 200, 20), (170, 30, 190)


def flat(colour: Colour, width: int = 160, height: int = 90) -> npt.NDArray[np.uint8]:
    return np.full((height, width, 3), colour, np.uint8)


def times(start_s: float, until_s: float, rate: int = 10) -> list[float]:
    return [start_s + number / rate for number in range(round((until_s - start_s) * rate))]


def video_file(
    path: Path,
    frames: Iterable[tuple[float, npt.NDArray[np.uint8]]],
    codec: str = "libvpx",
    options: dict[str, str] | None = None,
    matrix: Colorspace = Colorspace.ITU601,
) -> Path:
    """A WebM (or what the name says) of pictures, each at its time. Where their size changes the stream goes on."""
    frames = list(frames)
    settings = {"deadline": "realtime", "cpu-used": "8"} if codec.startswith("libvpx") else {"preset": "ultrafast"}
    with av.open(str(path), "w", container_options={"cluster_time_limit": "500"}) as container:
        stream: Any = container.add_stream(codec, rate=30, options=settings | (options or {}))
        stream.height, stream.width = frames[0][1].shape[:2]
        stream.pix_fmt, stream.codec_context.time_base = "yuv420p", MS
        stream.codec_context.colorspace = 1 if matrix == Colorspace.ITU709 else 6  # as ITU-T H.273 has them
        encoder: Any = stream
        for time_s, picture in frames:
            if picture.shape[:2] != (encoder.height, encoder.width):
                for packet in encoder.encode(None):
                    container.mux(_onto(packet, stream))
                encoder = av.CodecContext.create(codec, "w")
                encoder.height, encoder.width = picture.shape[:2]
                encoder.pix_fmt, encoder.time_base, encoder.options = "yuv420p", MS, settings
            frame: Any = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace=matrix)
            frame.pts, frame.time_base = round(time_s * 1000), MS
            for packet in encoder.encode(frame):
                container.mux(_onto(packet, stream))
        for packet in encoder.encode(None):
            container.mux(_onto(packet, stream))
    return path


def _onto(packet: Any, stream: Any) -> Any:
    packet.stream = stream
    return packet


def tone(hz: float, seconds: float, amplitude: float = 0.2, rate: int = SAMPLES_PER_S) -> Floats:
    return (amplitude * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def audio_file(
    path: Path,
    pieces: Iterable[tuple[float, Floats]],
    codec: str = "libopus",
    rate: int = SAMPLES_PER_S,
    layout: str = "mono",
) -> Path:
    """Each piece of sound at its time; between them the file has nothing at all. Whole frames of 20 ms are written.

    PCM is written as a media worker does; PyAV itself refuses it in Matroska.
    """
    each = rate // 50
    if codec == "pcm_mulaw":
        return _telephone_file(path, list(pieces))
    with av.open(str(path), "w", container_options={"cluster_time_limit": "500"}) as container:
        stream: Any = container.add_stream(codec, rate=rate, layout=layout)
        stream.codec_context.format = "flt"
        channels = stream.codec_context.layout.nb_channels
        resampler = av.AudioResampler(format=stream.codec_context.format, layout=layout, rate=rate)
        # An encoder numbers what it makes one after the other; where each belongs is known here.
        starts: list[int] = []
        packets: list[Any] = []
        for time_s, samples in pieces:
            for number in range(len(samples) // each):
                part = np.repeat(samples[None, number * each : (number + 1) * each], channels, axis=0)
                frame: Any = av.AudioFrame.from_ndarray(part, format="fltp", layout=layout)
                frame.sample_rate, frame.pts = rate, len(starts) * each
                starts.append(round(time_s * 1000) + number * 20)
                for ready in resampler.resample(frame):
                    packets += stream.encode(ready)
        packets += stream.encode(None)
        for number, packet in enumerate(packets[: len(starts)]):
            packet.time_base, packet.pts, packet.dts, packet.duration = MS, starts[number], starts[number], 20
            container.mux(packet)
    return path


def _telephone_file(path: Path, pieces: list[tuple[float, Floats]]) -> Path:
    """PCMU as RFC 3551 §4.5.14 has it."""
    encoder: Any = av.CodecContext.create("pcm_mulaw", "w")
    encoder.sample_rate, encoder.layout, encoder.format = 8000, "mono", "s16"
    file = MatroskaFile(path, of_sound("pcmu", 1))
    for time_s, samples in pieces:
        for number in range(len(samples) // 160):
            part = (samples[number * 160 : (number + 1) * 160] * 32767).astype(np.int16)
            frame: Any = av.AudioFrame.from_ndarray(part[None], format="s16", layout="mono")
            frame.sample_rate = 8000
            for packet in encoder.encode(frame):
                file.add(round(time_s * 1000) + number * 20, bytes(packet), is_key=True)
    file.close()
    return path


class Watched:
    """A composed file as its readers have it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with av.open(str(path)) as container:
            self.duration_s = (container.duration or 0) / 1_000_000
            self.chapters = [
                (float(chapter["start"] * (chapter["time_base"] or 0)), chapter["metadata"]["title"])
                for chapter in container.chapters()
            ]
            self.codecs = [s.codec_context.name for s in (*container.streams.video, *container.streams.audio)]

    def picture(self, time_s: float) -> npt.NDArray[np.uint8]:
        """RGB, the one that a player shows then."""
        last: Any = None
        with av.open(str(self.path)) as container:
            for frame in container.decode(video=0):
                if last is not None and frame.time > time_s + 1e-6:
                    break
                last = frame
        found: npt.NDArray[np.uint8] = last.to_ndarray(format="rgb24")
        return found

    def pictures(self, seen: Callable[[npt.NDArray[np.uint8]], Any]) -> list[tuple[float, Any]]:
        """(time, what was seen) for each picture."""
        with av.open(str(self.path)) as container:
            return [(frame.time, seen(frame.to_ndarray(format="rgb24"))) for frame in container.decode(video=0)]

    def sound(self) -> Floats:
        """Mono at 48 kHz, from time 0."""
        resampler = av.AudioResampler(format="fltp", layout="stereo", rate=SAMPLES_PER_S)
        parts = []
        with av.open(str(self.path)) as container:
            for frame in container.decode(audio=0):
                parts += [(made.to_ndarray(), made.pts) for made in resampler.resample(frame)]
        first = max(0, round(parts[0][1]))
        together = np.concatenate([part for part, _ in parts], axis=1).mean(axis=0)
        return np.concatenate([np.zeros(first, np.float32), together])


def level(sound: Floats, start_s: float, until_s: float) -> float:
    part = sound[round(start_s * SAMPLES_PER_S) : round(until_s * SAMPLES_PER_S)]
    return float(np.sqrt(np.mean(np.square(part))))


def strongest_hz(sound: Floats, start_s: float, until_s: float) -> float:
    part = sound[round(start_s * SAMPLES_PER_S) : round(until_s * SAMPLES_PER_S)]
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part))))
    return float(spectrum.argmax() * SAMPLES_PER_S / len(part))


def looks_like(pixels: npt.NDArray[np.uint8], colour: Colour, tolerance: int = 40) -> bool:
    """Whether most of the pixels have about that colour."""
    near = np.abs(pixels.reshape(-1, 3).astype(int) - colour).max(axis=1) < tolerance
    return bool(near.mean() > 0.6)
