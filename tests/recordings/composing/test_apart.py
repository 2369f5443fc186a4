"""The process in which is composed: however it ends, and however who has asked for it ends, the other knows."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.recordings.composing.apart import compose
from app.recordings.composing.plan import Plan, TrackFile
from app.recordings.recorders.base import RecordingFailed
from tests.support.tracks import GREEN, flat, times, video_file
from tests.support.waiting import eventually

# Asks for ten minutes, and tells when they are begun.
ASKING = """
import sys
from pathlib import Path
from app.recordings.composing.apart import compose
from app.recordings.composing.plan import Plan, TrackFile

track = TrackFile(Path(sys.argv[1]), "video", "camera", "anna", "Anna", 0.0)
compose(Plan([track], 600, "grid", audio_only=False), Path(sys.argv[2]), lambda part: print(part, flush=True))
"""


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    path = video_file(tmp_path / "camera.webm", [(at, flat(GREEN)) for at in times(0, 2)])
    return Plan([TrackFile(path, "video", "camera", "anna", "Anna", 0.0)], 600, "grid", audio_only=False)


def children_of(pid: int) -> list[int]:
    found = subprocess.run(["ps", "--ppid", str(pid), "-o", "pid=,args="], capture_output=True, text=True, check=False)
    return [int(line.split()[0]) for line in found.stdout.splitlines() if "composing.apart" in line]


def test_a_process_that_is_killed_is_a_composition_that_has_failed(plan: Plan, tmp_path: Path) -> None:
    def kill(_: float) -> None:
        for child in children_of(os.getpid()):
            os.kill(child, signal.SIGKILL)

    with pytest.raises(RecordingFailed, match="ended, with status -9"):
        compose(plan, tmp_path / "made", kill)


def test_what_is_not_wanted_any_more_ends(plan: Plan, tmp_path: Path) -> None:
    def refuse(_: float) -> None:
        raise KeyError("not wanted")

    with pytest.raises(KeyError):
        compose(plan, tmp_path / "made", refuse)
    assert children_of(os.getpid()) == []


def test_what_cannot_be_composed_says_why(plan: Plan, tmp_path: Path) -> None:
    (tmp_path / "camera.webm").write_bytes(b"no film")
    with pytest.raises(RecordingFailed, match="no track could be read"):
        compose(plan, tmp_path / "made", lambda _: None)


def test_it_ends_with_who_has_asked_for_it(plan: Plan, tmp_path: Path) -> None:
    command = [sys.executable, "-c", ASKING, str(plan.tracks[0].path), str(tmp_path / "made")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as asking:
        assert asking.stdout is not None
        assert asking.stdout.readline()
        [child] = children_of(asking.pid)
        asking.kill()
    eventually(lambda: not Path(f"/proc/{child}").exists(), "the process that composes to end")
