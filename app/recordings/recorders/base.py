"""What a recorder promises, whichever rung is below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class ProducedFile:
    """A whole file that plays. bytes is its size; width and height in pixels, None where there is no
    picture.
    """

    path: Path
    content_type: str
    duration_s: float
    bytes: int
    width: int | None = None
    height: int | None = None


class RecorderError(Exception):
    """The base of everything that a recorder raises on purpose."""


class RecordingFailed(RecorderError):
    """No file could be made: no room, no codec, nothing that decodes. What was begun is removed."""


class NoRoom(RecordingFailed):
    """There is no room left on the disk on which it works."""


class RecorderUnusable(RecorderError):
    """The recorder can't work here at all: a library or one of its codecs is missing."""


class Recorder(Protocol):
    """Safe to share between threads.

    `name` is what a recording tells as its driver; `is_mock` is True where the file isn't what was said.
    """

    name: str
    is_mock: bool

    def produce(
        self,
        recording_id: str,
        participants: Sequence[str],
        duration_s: float,
        audio_only: bool,
        destination: Path,
    ) -> ProducedFile:
        """Make the file of a recording in the folder `destination` (made if missing), and say what it holds.

        The file is an MP4 (H.264, AAC) of type video/mp4, or an M4A (AAC) of type audio/mp4 if `audio_only`,
        that plays while it still loads (moov before mdat). It appears whole or not at all, and making it
        again puts it in place of the first. `participants` are display names, in the order of joining;
        `duration_s` is how long the recording ran, and what is returned is how long the file is. Raises
        RecordingFailed, RecorderUnusable.
        """

    def usable(self) -> None:
        """Return if a file could be made now, else raise RecorderUnusable."""

    def close(self) -> None:
        """Let go of what the recorder holds. May be called twice; the recorder isn't used afterwards."""
