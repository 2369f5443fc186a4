"""Telling voices apart, in a process of its own: an hour's cepstra are 200 MB while they are compared, which are given
back when it ends.
"""

from __future__ import annotations

import wave
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from app.notes.sounds.shapes import SoundFailed, Turn
from app.recordings.composing.process import Ended, Told, answer, asking

LONGEST_S = 2 * 3600  # of what is longer nobody is told apart


def turns_in(path: Path, most: int) -> Sequence[Turn]:
    """Who speaks when on a WAV of 16 kHz, mono, 16 bits: at most so many voices, one where no more are heard.

    :raises SoundFailed:
    """
    with wave.open(str(path), "rb") as sound:
        if sound.getnframes() > LONGEST_S * sound.getframerate():
            return []
    try:
        with asking(__name__, {"path": str(path.resolve()), "most": most}) as answers:
            return [Turn(**turn) for turn in next(iter(answers))["turns"]]
    except Ended as end:
        raise SoundFailed(f"the process that told voices apart has ended, with status {end.status}") from end


def _work(asked: Told, tell: Callable[..., None]) -> None:
    from app.notes.sounds import features, voices  # here: they bring numpy

    turns = voices.turns_of(features.features_of(Path(asked["path"])), asked["most"])
    tell(turns=[asdict(turn) for turn in turns])


if __name__ == "__main__":
    answer(_work)
