"""Where files wait until Parley has them: a folder for each process, so that none takes what another still writes.

A process holds a lock on its folder for as long as it lives. A folder without one was left behind by a process that is
no more; whoever finds it makes it its own.
"""

import fcntl
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import uuid_utils

from media_worker.recording.track_file import Manifest

_LOCK = "lock"
_SAME_CLOCK_S = 0.5  # the delays of one device's tracks differ by less


class Left(NamedTuple):
    manifest: Manifest
    path: Path  # of the track; the manifest is beside it


class Spool:
    """`root` is made where it is missing. Raises OSError where that can't be."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._locks: list[int] = []
        self.folder = root / str(uuid_utils.uuid7())
        self.folder.mkdir(parents=True)
        self._lock(self.folder)

    def left_behind(self) -> list[Left]:
        """What processes that are no more have not handed over. From now on it is this one's."""
        found: list[Left] = []
        for folder in sorted(self._root.iterdir()):
            if folder != self.folder and folder.is_dir() and self._lock(folder):
                found += self._tracks_in(folder)
                _remove_if_empty(folder)
        return found

    def forget(self, path: Path) -> None:
        """A track that Parley has, or doesn't want, and what stands beside it."""
        for one in (path, path.with_suffix(".jsonl")):
            with suppress(OSError):
                one.unlink()
        if path.parent != self.folder:
            _remove_if_empty(path.parent)

    def close(self) -> None:
        """Let go of everything; what is still there is left behind."""
        _remove_if_empty(self.folder)
        for descriptor in self._locks:
            os.close(descriptor)
        self._locks.clear()

    def _tracks_in(self, folder: Path) -> list[Left]:
        found = []
        for path in sorted(folder.glob("*.jsonl")):
            manifest = read_manifest(path)
            if manifest is not None and manifest.file_name and (folder / Path(manifest.file_name).name).exists():
                found.append(Left(manifest, folder / Path(manifest.file_name).name))
            else:
                self.forget(path)
        return found

    def _lock(self, folder: Path) -> bool:
        try:
            descriptor = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return False
        self._locks.append(descriptor)
        return True


def in_step(manifest: Manifest, others: list[Manifest]) -> float | None:
    """Parley's time of the file's zero, in seconds since 1970, as it is beside the other files of the recording.

    What one device sends as audio and as video takes different ways through its network and ours. By how much, tells
    the device's own clock, which both refer to (RFC 3550 §6.4.1): all of them have the delay of the quickest.
    """
    if manifest.origin is None or manifest.sender_origin is None:
        return manifest.origin
    own = manifest.origin - manifest.sender_origin
    delays = [
        other.origin - other.sender_origin
        for other in others
        if other.participant_id == manifest.participant_id
        and other.origin is not None
        and other.sender_origin is not None
    ]
    return manifest.sender_origin + min([own, *(delay for delay in delays if abs(delay - own) < _SAME_CLOCK_S)])


def read_manifest(path: Path) -> Manifest | None:
    """The last whole line of it; None where there is none."""
    found: Manifest | None = None
    with path.open("rb") as lines:
        lines.seek(max(0, os.fstat(lines.fileno()).st_size - 1_000_000))
        for line in lines:
            with suppress(ValueError, TypeError):
                told: dict[str, Any] = json.loads(line)
                found = Manifest(**told)
    return found


def _remove_if_empty(folder: Path) -> None:
    if all(path.name == _LOCK for path in folder.glob("*")):
        with suppress(OSError):
            (folder / _LOCK).unlink()
        with suppress(OSError):
            folder.rmdir()
