"""Making sound ready in a process of its own, as it comes from strangers: see `composing/process.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from app.notes.sounds.shapes import Prepared, SoundFailed, SoundUnreadable
from app.recordings.composing.plan import TrackFile
from app.recordings.composing.process import Ended, Told, answer, asking

Progress = Callable[[float], None]


def prepare_track(file: TrackFile, until_s: float, path: Path, progress: Progress) -> Prepared:
    """`preparing.prepare_track`, apart. What `progress` (0 to 1) raises ends it, and comes out of here.

    :raises SoundUnreadable: :raises SoundFailed:
    """
    track = asdict(file) | {"path": str(file.path.resolve())}
    return _asked({"track": track, "until_s": until_s, "path": str(path.resolve())}, progress)


def prepare_call(path: Path, folder: Path, progress: Progress) -> Prepared:
    """`preparing.prepare_call`, apart, as above."""
    return _asked({"call": str(path.resolve()), "folder": str(folder.resolve())}, progress)


def _asked(what: Told, progress: Progress) -> Prepared:
    try:
        with asking(__name__, what) as answers:
            for told in answers:
                if "progress" in told:
                    progress(told["progress"])
                elif "unreadable" in told:
                    raise SoundUnreadable(told["unreadable"])
                elif "failed" in told:
                    raise SoundFailed(told["failed"])
                else:
                    break
    except Ended as end:
        raise SoundFailed(f"the process that decoded has ended, with status {end.status}") from end
    made = told["made"]
    return Prepared(**made | {"paths": [Path(path) for path in made["paths"]]})


def _work(asked: Told, tell: Callable[..., None]) -> None:
    from app.notes.sounds import preparing  # here: it brings FFmpeg and numpy

    def progress(part: float) -> None:
        tell(progress=part)

    try:
        if "track" in asked:
            file = TrackFile(**asked["track"] | {"path": Path(asked["track"]["path"])})
            made = preparing.prepare_track(file, asked["until_s"], Path(asked["path"]), progress)
        else:
            made = preparing.prepare_call(Path(asked["call"]), Path(asked["folder"]), progress)
        tell(made=asdict(made))
    except SoundUnreadable as error:
        tell(unreadable=str(error))
    except OSError as error:
        tell(failed=str(error))


if __name__ == "__main__":
    answer(_work)
