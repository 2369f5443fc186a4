"""Composing in a process of its own, below the process that asks for it.

What strangers have sent is decoded there: where that ends a process, the jobs process and all its other jobs go on. It
yields to everything else on the machine, knows none of Parley's secrets, and ends with who has asked for it, however
that ends: it sees the end of its input.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from app.recordings.composing.plan import Chapter, Composition, Plan, TrackFile
from app.recordings.recorders.base import NoRoom, RecordingFailed

NICE = 10  # calls come first
_REPOSITORY = Path(__file__).parents[3]
_INHERITED = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")


def compose(plan: Plan, folder: Path, progress: Callable[[float], None]) -> Composition:
    """`compose.compose`, apart. What `progress` raises ends it, and comes out of here. Raises RecordingFailed."""
    asked: dict[str, Any] = {"plan": asdict(plan), "folder": str(folder.resolve())}
    for track in asked["plan"]["tracks"]:
        track["path"] = str(track["path"].resolve())
    with subprocess.Popen(
        [sys.executable, "-m", "app.recordings.composing.apart"],
        cwd=_REPOSITORY,
        env={name: os.environ[name] for name in _INHERITED if name in os.environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None  # noqa: S101 – by PIPE, as the other
        assert process.stdout is not None  # noqa: S101
        try:
            process.stdin.write(json.dumps(asked) + "\n")
            process.stdin.flush()
            for line in process.stdout:
                told = json.loads(line)
                if "progress" in told:
                    progress(told["progress"])
                elif "failed" in told:
                    raise (NoRoom if told["no_room"] else RecordingFailed)(told["failed"])
                else:
                    return _composition(told["made"])
        except BrokenPipeError:
            pass  # it has ended; how, is told below
        finally:
            process.kill()
    raise RecordingFailed(f"the process that composed has ended, with status {process.returncode}")


def _composition(told: dict[str, Any]) -> Composition:
    paths = {name: Path(told[name]) if told[name] else None for name in ("path", "poster", "waveform")}
    return Composition(**told | paths | {"chapters": [Chapter(**one) for one in told["chapters"]]})


# In the process


def main() -> None:
    told = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who has asked
    os.nice(NICE)
    asked = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_input, daemon=True).start()

    def tell(**what: Any) -> None:
        print(json.dumps(what, default=str), file=told, flush=True)

    from app.recordings.composing.compose import compose  # here: it brings FFmpeg and numpy

    tracks = [TrackFile(**track | {"path": Path(track["path"])}) for track in asked["plan"]["tracks"]]
    try:
        made = compose(
            Plan(**asked["plan"] | {"tracks": tracks}), Path(asked["folder"]), lambda part: tell(progress=part)
        )
        tell(made=asdict(made))
    except RecordingFailed as error:
        tell(failed=str(error), no_room=isinstance(error, NoRoom))


def _end_with_input() -> None:
    while os.read(0, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
