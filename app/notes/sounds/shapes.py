"""What is made ready, and what comes out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


class SoundUnreadable(Exception):
    """Nothing can be heard in the file; the message says why, for people. Trying again won't help."""


class SoundFailed(Exception):
    """It could not be made ready this time; trying again may help."""


@dataclass(frozen=True)
class Turn:
    """When somebody speaks. `voice` counts from 1, in the order in which they are heard first."""

    start_s: float
    end_s: float
    voice: int


@dataclass(frozen=True)
class Prepared:
    """:param paths: WAVs of 16 kHz, mono, 16 bits, whose zero is the start of the recording: one of a track, or of a
        call that was recorded in mono; two of a call whose two channels differ, the left one first.
    :param duration_s: until where there is sound, silence before it counted; the WAVs last as long.
    :param container: what kind of file it was, as FFmpeg calls it.
    :param codec: the same of its sound.
    """

    paths: Sequence[Path]
    duration_s: float
    container: str
    codec: str
