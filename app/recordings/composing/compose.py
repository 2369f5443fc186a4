"""Composes: the only entrance of this package that does something."""

from __future__ import annotations

import errno
import json
import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import av
from av.error import FFmpegError

from app.recordings.composing.chapters import chapters
from app.recordings.composing.loudness import evened
from app.recordings.composing.mixing import LEVELS_PER_S, Mixture, encode
from app.recordings.composing.packets import PacketSpool
from app.recordings.composing.pictures import Pictures
from app.recordings.composing.plan import Chapter, Composition, Plan
from app.recordings.composing.probe import Probed, Unreadable, probe
from app.recordings.composing.scenery import Scenery
from app.recordings.composing.timeline import people, scenes, shares, turns
from app.recordings.composing.voices import SAMPLES_PER_S, Reader, Voice
from app.recordings.recorders.base import NoRoom, RecordingFailed

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import OutputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

KEY_FRAME_EVERY_S = 2
AUDIO_BITS_PER_S = 128_000
WAVEFORM_MOST = 4_000
# How far the work is when all files were looked at, all sound is encoded, and all pictures are.
LOOKED_AT, HEARD, WRITTEN = 0.01, 0.1, 0.99
_BT601, _LIMITED_RANGE = 6, 1  # ITU-T H.273 MatrixCoefficients of SMPTE 170M; FFmpeg's number of the range
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def compose(plan: Plan, folder: Path, progress: Callable[[float], None]) -> Composition:
    """Compose the tracks into `folder` (made if missing); what is there under the same names is replaced.

    :param progress: is told 0 to 1, about once for each second of the recording. What it raises ends the work, and
        comes out of here.

    Needs memory for two pictures of each camera that is seen, and for the index of the MP4, about 20 MB an hour; and
    room in the folder for a little more than the result. What was begun is gone when it fails. Raises RecordingFailed.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder, prefix=".composing-") as work:
            return _Composing(plan, Path(work), progress).into(folder)
    except (FFmpegError, OSError, Unreadable) as error:
        if getattr(error, "errno", None) in _NO_ROOM:
            raise NoRoom("there is no room left on the disk to compose the recording") from error
        raise RecordingFailed(f"the recording couldn't be composed: {error}") from error


class _Composing:
    def __init__(self, plan: Plan, work: Path, progress: Callable[[float], None]) -> None:
        self._plan = plan
        self._work = work
        self._progress = progress
        self._warnings: list[str] = []

    def into(self, folder: Path) -> Composition:
        plan = self._plan
        self._progress(0.0)
        files = self._probed()
        made = self._work / ("recording.m4a" if plan.audio_only else "recording.mp4")
        scenery = None
        with av.open(
            str(made), "w", format="ipod" if plan.audio_only else "mp4", container_options={"movflags": "+faststart"}
        ) as container:
            video = None if plan.audio_only else self._video_stream(container)
            audio: AudioStream = container.add_stream(
                "aac", rate=SAMPLES_PER_S, layout="stereo", bit_rate=AUDIO_BITS_PER_S
            )
            spool = PacketSpool(self._work / "sound", audio)
            try:
                voices, mixture, read = self._mixed(files)
                heard = WRITTEN if plan.audio_only else HEARD
                peaks = encode(
                    read,
                    plan.duration_s,
                    audio,
                    spool,
                    lambda part: self._progress(LOOKED_AT + (heard - LOOKED_AT) * part),
                )
                found = people(plan, files)
                spoken = turns(_by_participant(voices, mixture.levels))
                marks = chapters(plan.duration_s, plan.title, found, spoken, shares(found, plan.duration_s))
                container.set_chapters(_as_ffmpeg(marks, plan.duration_s))
                if plan.title:
                    container.metadata["title"] = plan.title
                sound = spool.packets()
                if video:
                    scenery = Scenery(plan, found, scenes(plan, found, spoken))
                    self._encode_pictures(container, video, scenery, sound)
                for packet in sound:
                    container.mux(packet)
            finally:
                spool.close()
                if scenery:
                    scenery.close()
        waveform = self._work / "waveform.json"
        waveform.write_text(json.dumps(_waveform(peaks, plan.duration_s)))
        poster = self._work / "poster.jpg" if scenery else None
        if scenery and poster:
            scenery.poster().save(poster, quality=85)
        self._warn_of_broken_packets([*voices, *(scenery.sources() if scenery else [])])
        for path in (made, waveform, poster):
            if path:
                path.replace(folder / path.name)
        self._progress(1.0)
        path = folder / made.name
        return Composition(
            path=path,
            content_type="audio/mp4" if plan.audio_only else "video/mp4",
            poster=folder / poster.name if poster else None,
            waveform=folder / waveform.name,
            chapters=marks,
            duration_s=plan.duration_s,
            bytes=path.stat().st_size,
            width=None if plan.audio_only else plan.width,
            height=None if plan.audio_only else plan.height,
            warnings=self._warnings,
        )

    def _probed(self) -> list[Probed]:
        """The files that can be used."""
        probed = []
        for number, file in enumerate(self._plan.tracks):
            self._progress(LOOKED_AT * number / len(self._plan.tracks))
            if self._plan.audio_only and file.kind != "audio":
                continue
            try:
                probed.append(probe(file))
            except Unreadable as error:
                self._warnings.append(f"{file.kind} of {file.label} ({file.source}) was left out: {error}")
        if self._plan.duration_s <= 0:
            raise RecordingFailed("the recording has no length")
        if not probed:
            raise RecordingFailed("no track could be read" if self._plan.tracks else "there are no tracks")
        return probed

    def _mixed(self, files: list[Probed]) -> tuple[list[Voice], Mixture, Reader]:
        """All voices, what is known of them once they were read, and how to read them together."""
        plan = self._plan
        begun: list[tuple[list[Voice], Mixture]] = []

        def begin() -> Reader:
            voices = [Voice(probed.file, plan.duration_s) for probed in files if probed.file.kind == "audio"]
            begun.append((voices, Mixture(voices, reduce_noise=plan.reduce_noise)))
            return begun[-1][1].read

        total = round(plan.duration_s * SAMPLES_PER_S)
        read = evened(begin, total, lambda _: self._progress(LOOKED_AT)) if plan.normalise_loudness else begin()
        return *begun[-1], read

    def _video_stream(self, container: OutputContainer) -> VideoStream:
        plan = self._plan
        options = {"preset": "veryfast", "crf": "23", "g": str(KEY_FRAME_EVERY_S * plan.frames_per_s)}
        options["threads"] = str(plan.threads)
        stream: VideoStream = container.add_stream("libx264", rate=plan.frames_per_s, options=options)
        stream.width, stream.height, stream.pix_fmt = plan.width, plan.height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, plan.frames_per_s)
        # What the canvas has. Players take untagged pictures of this size for BT.709, which makes faces greenish.
        stream.codec_context.colorspace, stream.codec_context.color_range = _BT601, _LIMITED_RANGE
        return stream

    def _encode_pictures(
        self, container: OutputContainer, stream: VideoStream, scenery: Scenery, sound: Iterator[Packet[Any]]
    ) -> None:
        rate = self._plan.frames_per_s
        total = max(1, math.ceil(self._plan.duration_s * rate - 0.5))
        waiting = next(sound, None)
        with ThreadPoolExecutor(1, "encoding") as encoding:
            under_way: Future[list[Packet[Any]]] | None = None
            for number in range(total):
                frame = scenery.frame(number)
                frame.pts, frame.time_base = number, Fraction(1, rate)
                if under_way:
                    container.mux(under_way.result())
                under_way = encoding.submit(stream.encode, frame)
                while waiting and (waiting.pts or 0) <= number * SAMPLES_PER_S / rate:
                    container.mux(waiting)
                    waiting = next(sound, None)
                if number % rate == 0:
                    self._progress(HEARD + (WRITTEN - HEARD) * number / total)
            if under_way:
                container.mux(under_way.result())
        container.mux(stream.encode(None))
        if waiting:
            container.mux(waiting)

    def _warn_of_broken_packets(self, sources: Sequence[Voice | Pictures]) -> None:
        for source in sources:
            if source.broken_packets:
                file = source.file
                broken = f"packets that couldn't be decoded: {source.broken_packets}"
                self._warnings.append(f"{file.kind} of {file.label} ({file.source}): {broken}")


def _by_participant(voices: list[Voice], of_voices: list[bytearray]) -> dict[str, bytearray]:
    """The loudest of each one's microphones; what a screen plays is nobody's voice."""
    levels: dict[str, bytearray] = {}
    for voice, found in zip(voices, of_voices, strict=True):
        if voice.file.source != "screen":
            before = levels.get(voice.file.participant_id)
            levels[voice.file.participant_id] = (
                bytearray(min(pair) for pair in zip(before, found, strict=True)) if before else found
            )
    return levels


def _as_ffmpeg(marks: list[Chapter], duration_s: float) -> list[av.container.core.Chapter]:
    ends = [mark.start_s for mark in marks[1:]] + [duration_s]
    return [
        {
            "id": number,
            "start": round(mark.start_s * 1000),
            "end": round(end * 1000),
            "time_base": Fraction(1, 1000),
            "metadata": {"title": mark.title},
        }
        for number, (mark, end) in enumerate(zip(marks, ends, strict=True))
    ]


def _waveform(found: Sequence[float], duration_s: float) -> dict[str, object]:
    together = max(1, math.ceil(len(found) / WAVEFORM_MOST))
    peaks = [max(found[at : at + together]) for at in range(0, len(found), together)]
    return {
        "version": 1,
        "duration_s": round(duration_s, 3),
        "interval_s": together / LEVELS_PER_S,
        "peaks": [round(peak, 3) for peak in peaks],
    }
