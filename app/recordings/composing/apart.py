"""Composing in a process of its own: see `process.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from app.recordings.composing.plan import Chapter, Composition, Plan, TrackFile
from app.recordings.composing.process import Ended, Told, answer, asking
from app.recordings.recorders.base import NoRoom, RecordingFailed


def compose(plan: Plan, folder: Path, progress: Callable[[float], None]) -> Composition:
    """`compose.compose`, apart. What `progress` raises ends it, and comes out of here. Raises RecordingFailed."""
    asked: dict[str, Any] = {"plan": asdict(plan), "folder": str(folder.resolve())}
    for track in asked["plan"]["tracks"]:
        track["path"] = str(track["path"].resolve())
    try:
        with asking(__name__, asked) as answers:
            for told in answers:
                if "progress" in told:
                    progress(told["progress"])
                elif "failed" in told:
                    raise (NoRoom if told["no_room"] else RecordingFailed)(told["failed"])
                else:
                    break
    except Ended as end:
        raise RecordingFailed(f"the process that composed has ended, with status {end.status}") from end
    return _composition(told["made"])


def _composition(told: dict[str, Any]) -> Composition:
    paths = {name: Path(told[name]) if told[name] else None for name in ("path", "poster", "waveform")}
    return Composition(**told | paths | {"chapters": [Chapter(**one) for one in told["chapters"]]})


def _work(asked: Told, tell: Callable[..., None]) -> None:
    from app.recordings.composing.compose import compose  # here: it brings FFmpeg and numpy

    tracks = [TrackFile(**track | {"path": Path(track["path"])}) for track in asked["plan"]["tracks"]]
    plan = Plan(**asked["plan"] | {"tracks": tracks})
    try:
        made = compose(plan, Path(asked["folder"]), lambda part: tell(progress=part))
        tell(made=asdict(made))
    except RecordingFailed as error:
        tell(failed=str(error), no_room=isinstance(error, NoRoom))


if __name__ == "__main__":
    answer(_work)
