"""What is composed, and what it becomes. All times are in seconds of the recording: its start is 0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class TrackFile:
    """One recorded track: a file with one stream of sound or of pictures. A participant may have several of each.

    :param kind: "audio" or "video".
    :param source: "microphone", "camera" or "screen" (its sound too).
    :param label: the participant's name.
    :param offset_s: where the file's timestamp 0 lies; may be negative by little.
    :param mutes: from and until, in the recording's time.
    :param is_local: recorded by its participant, not as it reached a server.
    """

    path: Path
    kind: str
    source: str
    participant_id: str
    label: str
    offset_s: float
    mutes: Sequence[tuple[float, float]] = ()
    is_local: bool = False


@dataclass(frozen=True)
class Plan:
    """:param duration_s: how long the recording ran; the file lasts as long.
    :param layout: "grid", or "speaker" (the loudest large, others in a strip); a screen share is large in both.
    :param width: in pixels, even, as height.
    :param present: (participant_id, label, from, until), a row for each stay: who has no picture has a tile with the
        name. Who has files but no row counts as present while one of them runs.
    :param normalise_loudness: bring the sound to −16 LUFS (EBU R 128): see `loudness.py`.
    :param threads: that encode pictures; one more lays them out.
    :param reduce_noise: take steady noise out of each microphone (FFmpeg's afftdn).
    """

    tracks: Sequence[TrackFile]
    duration_s: float
    layout: str
    audio_only: bool
    width: int = 1280
    height: int = 720
    frames_per_s: int = 25
    title: str = ""
    present: Sequence[tuple[str, str, float, float]] = ()
    normalise_loudness: bool = False
    reduce_noise: bool = False
    threads: int = 1


@dataclass(frozen=True)
class Chapter:
    start_s: float
    title: str


@dataclass(frozen=True)
class Composition:
    """What was made, all in the folder that was given.

    :param path: `recording.mp4` (video/mp4), or `recording.m4a` (audio/mp4) where only sound was wanted.
    :param poster: `poster.jpg`, as large as the picture; None without one.
    :param waveform: `waveform.json`: {"version": 1, "duration_s": 12.3, "interval_s": 0.1, "peaks": [0.0, …]}, a peak
        (0 to 1 of full scale) for each interval from the start on; never more than a few thousand.
    :param chapters: in order; the first starts at 0. The file has them too.
    :param width: of the picture in pixels, as height; None without one.
    :param warnings: what was left out or is doubtful, for people.
    """

    path: Path
    content_type: str
    poster: Path | None
    waveform: Path
    chapters: Sequence[Chapter]
    duration_s: float
    bytes: int
    width: int | None
    height: int | None
    warnings: Sequence[str]
