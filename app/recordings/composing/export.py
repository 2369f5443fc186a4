"""All tracks of a recording for an editor: a ZIP with one WAV for each participant, or with the files as they are."""

from __future__ import annotations

import errno
import shutil
import unicodedata
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from av.error import FFmpegError

from app.recordings.composing.filters import NOISE, Filtered
from app.recordings.composing.loudness import evened
from app.recordings.composing.mixing import limit
from app.recordings.composing.plan import TrackFile
from app.recordings.composing.probe import Unreadable, probe
from app.recordings.composing.voices import SAMPLES_PER_S, Reader, Samples, Voice
from app.recordings.composing.wav import wav_header
from app.recordings.recorders.base import NoRoom, RecordingFailed

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_LONGEST_NAME = 60


def export_sound(
    tracks: Sequence[TrackFile],
    duration_s: float,
    path: Path,
    progress: Callable[[float], None],
    *,
    normalise_loudness: bool = False,
    reduce_noise: bool = False,
) -> Sequence[str]:
    """Write `path`, a ZIP with one WAV (48 kHz, 16 bits, mono) for each participant who was heard.

    All begin at the recording's start and last as long as it did, holes filled with silence: laid one under the other
    in an editor they are in time. A screen's sound has a WAV of its own. Memory is constant; nothing is written but
    `path`.

    :param progress: is told 0 to 1; what it raises comes out of here, and the file is gone.
    :param normalise_loudness: bring each to −16 LUFS, as heard from two loudspeakers.
    :param reduce_noise: take steady noise out of microphones.
    :return: warnings: what was left out, for people. Raises RecordingFailed.
    """
    warnings: list[str] = []
    heard: dict[tuple[str, bool], list[TrackFile]] = {}
    for track in tracks:
        if track.kind != "audio":
            continue
        try:
            probe(track)
        except Unreadable as error:
            warnings.append(f"audio of {track.label} ({track.source}) was left out: {error}")
            continue
        heard.setdefault((track.participant_id, track.source == "screen"), []).append(track)
    if not heard:
        raise RecordingFailed("there is no sound to export")
    names = _Names()
    total = round(duration_s * SAMPLES_PER_S)

    def write(archive: zipfile.ZipFile) -> None:
        for number, ((_, is_screen), of_one) in enumerate(heard.items()):

            def sound(of_one: Sequence[TrackFile] = of_one) -> Reader:
                return _Together([Voice(track, duration_s) for track in of_one], reduce_noise=reduce_noise).read

            def measured(part: float, number: int = number) -> None:
                progress((number + part / 2) / len(heard))

            read = evened(sound, total, measured) if normalise_loudness else sound()
            label = of_one[0].label + (" (screen)" if is_screen else "")
            with archive.open(names.free(label, ".wav"), "w", force_zip64=True) as entry:
                entry.write(wav_header(total, SAMPLES_PER_S))
                for done, block in _blocks(read, total):
                    entry.write((block * 32767).astype("<i2").tobytes())
                    part = (1 + done / total) / 2 if normalise_loudness else done / total
                    progress((number + part) / len(heard))

    # Most people are silent most of the time: even the quickest deflating takes that away.
    _written(path, write, zipfile.ZIP_DEFLATED)
    progress(1.0)
    return warnings


def export_files(tracks: Sequence[TrackFile], path: Path, progress: Callable[[float], None]) -> None:
    """Write `path`, a ZIP with the recorded files as they are, named after who and what they are of.

    They don't begin at one time: `tracks.csv` in it says where each does. As `export_sound` otherwise.
    """
    if not tracks:
        raise RecordingFailed("there are no tracks to export")
    names = _Names()

    def write(archive: zipfile.ZipFile) -> None:
        table = ["file,offset_s,kind,source"]
        for number, track in enumerate(tracks):
            name = names.free(f"{track.label} ({track.source})", track.path.suffix)
            table.append(f'"{name}",{track.offset_s:.3f},{track.kind},{track.source}')
            with track.path.open("rb") as source, archive.open(name, "w", force_zip64=True) as entry:
                shutil.copyfileobj(source, entry, 1024 * 1024)
            progress((number + 1) / len(tracks))
        archive.writestr("tracks.csv", "\n".join(table) + "\n")

    _written(path, write, zipfile.ZIP_STORED)


def _written(path: Path, write: Callable[[zipfile.ZipFile], None], compression: int) -> None:
    """The file appears whole or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        with zipfile.ZipFile(partial, "w", compression, compresslevel=1) as archive:
            write(archive)
        partial.replace(path)
    except (FFmpegError, OSError, Unreadable) as error:
        if getattr(error, "errno", None) in _NO_ROOM:
            raise NoRoom("there is no room left on the disk to export the recording") from error
        raise RecordingFailed(f"the recording couldn't be exported: {error}") from error
    finally:
        partial.unlink(missing_ok=True)


class _Together:
    """All that is one participant's, in mono."""

    def __init__(self, voices: Sequence[Voice], *, reduce_noise: bool) -> None:
        self._readers: list[Reader] = [
            Filtered(voice.read, *NOISE).read if reduce_noise and voice.file.source == "microphone" else voice.read
            for voice in voices
        ]

    def read(self, samples: int) -> Samples | None:
        blocks = [block for read in self._readers if (block := read(samples)) is not None]
        if not blocks:
            return None
        together: Samples = np.sum([block.mean(axis=0, keepdims=True) for block in blocks], axis=0, dtype=np.float32)
        limit(together)
        return together


def _blocks(read: Reader, total: int) -> Iterator[tuple[int, Samples]]:
    """(samples so far, a second of sound in mono), from 0 to `total`."""
    done = 0
    while done < total:
        length = min(SAMPLES_PER_S, total - done)
        block = read(length)
        done += length
        yield done, np.zeros(length, np.float32) if block is None else block[0]


class _Names:
    """File names that any system takes, none twice."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def free(self, label: str, suffix: str) -> str:
        kept = "".join(c if c.isalnum() or c in " -_()." else "_" for c in unicodedata.normalize("NFC", label))
        stem = kept.strip(" .")[:_LONGEST_NAME] or "participant"
        name, number = f"{stem}{suffix}", 2
        while name.casefold() in self._taken:
            name, number = f"{stem} {number}{suffix}", number + 1
        self._taken.add(name.casefold())
        return name
