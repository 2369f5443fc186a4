"""Decodes a track, or a call that was recorded elsewhere, into WAVs to listen to. Memory is constant.

What is missing in a file is told by its timestamps alone: a decoder that only strings frames together makes a file with
a hole of 10 s shorter by 10 s, and everything said after it is found at a wrong time. `Voice` places each frame.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import av
import numpy as np

from app.notes.sounds.shapes import Prepared, SoundUnreadable
from app.notes.sounds.wavs import WavFile
from app.recordings.composing.plan import TrackFile
from app.recordings.composing.probe import RECORDED, Unreadable, opened
from app.recordings.composing.voices import SAMPLES_PER_S, Samples, Voice

Progress = Callable[[float], None]

# Containers that hold sound themselves. FFmpeg reads others that name further files or hosts to read (playlists,
# scripts, descriptions of sessions): whoever uploads one must not have those read.
ANY_CONTAINER = (
    f"{RECORDED},m4a,3gp,3g2,mp3,aac,loas,flac,aiff,au,caf,w64,voc,amr,amrnb,amrwb,gsm,qcp,dss,wv,ape,tta,tak,"
    "mpc,mpc8,ac3,eac3,dts,rm,oma,asf,xwma,avi,flv,live_flv,mpegts,mpeg,nut,mxf,wtv,dv,sox,ircam,nistsphere"
)
LONGEST_CALL_S = 24 * 3600.0
# Of all the energy of two channels. What differs by less (two copies, coded each for itself) is one channel twice.
SAME_DIFFERENCE = 0.01


def prepare_track(file: TrackFile, until_s: float, path: Path, progress: Progress) -> Prepared:
    """One track as `path`, placed where it belongs in the recording; its mutes are silence.

    :param until_s: how long the recording ran.
    """
    kind = _kind(file, RECORDED)
    with WavFile(path) as wav:
        heard_s = _read(Voice(file, until_s), until_s, progress, lambda second: wav.add(_mixed(second)))
    return Prepared([path], heard_s, *kind)


def prepare_call(path: Path, folder: Path, progress: Progress) -> Prepared:
    """A call recorded elsewhere, in whatever container FFmpeg reads: a WAV in the folder for each channel where there
    are two that differ, else one.
    """
    file = TrackFile(path, "audio", "microphone", "", "", 0.0)
    kind = _kind(file, ANY_CONTAINER)
    start_s, length_s, channels = _extent(file)
    file = TrackFile(path, "audio", "microphone", "", "", -start_s)
    names = ["left.wav", "right.wav"] if channels == 2 else ["sound.wav"]
    paths = [folder / name for name in names]
    difference = _Difference()
    with ExitStack() as stack:
        wavs = [stack.enter_context(WavFile(path)) for path in paths]

        def add(second: Samples | None) -> None:
            if len(wavs) == 1 or second is None:
                for wav in wavs:
                    wav.add(_mixed(second))
            else:
                second = np.repeat(second, 2, axis=0) if len(second) == 1 else second
                difference.add(second)
                for wav, channel in zip(wavs, second, strict=True):
                    wav.add(channel)

        heard_s = _read(Voice(file, LONGEST_CALL_S, ANY_CONTAINER), length_s or LONGEST_CALL_S, progress, add)
    if len(paths) == 2 and difference.is_none:
        paths.pop().unlink()
        paths = [paths[0].rename(folder / "sound.wav")]
    return Prepared(paths, heard_s, *kind)


class _Difference:
    """How much two channels differ."""

    def __init__(self) -> None:
        self._all = self._different = 0.0

    def add(self, second: Samples) -> None:
        self._all += float(np.square(second).sum(dtype=np.float64))
        self._different += float(np.square(second[0] - second[1]).sum(dtype=np.float64))

    @property
    def is_none(self) -> bool:
        return self._different <= SAME_DIFFERENCE * self._all


def _kind(file: TrackFile, formats: str) -> tuple[str, str]:
    """(container, codec). Raises SoundUnreadable."""
    try:
        container, stream = opened(file, formats)
    except Unreadable as error:
        raise SoundUnreadable(f"The file can't be read as sound: {error}.") from error
    with container:
        return container.format.name, stream.codec_context.name


def _extent(file: TrackFile) -> tuple[float, float | None, int]:
    """(time of its first sound, its length as far as it says, its channels). Some files begin hours after zero."""
    container, stream = opened(file, ANY_CONTAINER)
    with container:
        start_s = (container.start_time or 0) / av.time_base
        length_s = container.duration / av.time_base if container.duration else None
        return start_s, length_s, int(getattr(stream.codec_context, "channels", 1))


def _read(voice: Voice, length_s: float, progress: Progress, add: Callable[[Samples | None], None]) -> float:
    """Hand over all seconds up to the end of the sound, and return where that is.

    :raises SoundUnreadable: there was none.
    """
    done, heard, until = 0, False, round(voice.until_s * SAMPLES_PER_S)
    while done < until and not voice.ended():
        length = min(SAMPLES_PER_S, until - done)
        second = voice.read(length)
        if voice.ended():
            length = max(0, min(length, voice.end - done))
        heard = heard or second is not None
        add(None if second is None else second[:, :length])
        done += length
        progress(min(1.0, done / SAMPLES_PER_S / length_s) if length_s else 1.0)
    if not heard:
        raise SoundUnreadable("There is no sound in the file.")
    return done / SAMPLES_PER_S


def _mixed(second: Samples | None) -> np.ndarray | None:
    return None if second is None else second.mean(axis=0, dtype=np.float32)
