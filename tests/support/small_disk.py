"""A disk of a test's own, so small that it can be filled: the kernel itself says that there is no room."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_BALLAST = ".ballast"  # no key of an object store


@contextmanager
def small_disk(folder: Path, mib: int) -> Iterator[None]:
    """Everything below `folder` (made if missing) is on a disk of that size. Skips the calling test where only root may
    have one; fails it instead when REQUIRE_ALL=1.
    """
    if os.geteuid() != 0:
        reason = "only root may mount a disk"
        if os.environ.get("REQUIRE_ALL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m", "none", str(folder)], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True, capture_output=True)


def fill(folder: Path, leave: int = 0) -> None:
    """Take all room of that disk but about `leave` bytes."""
    with (folder / _BALLAST).open("wb", buffering=0) as ballast:
        os.posix_fallocate(ballast.fileno(), 0, shutil.disk_usage(folder).free - leave)


def empty(folder: Path) -> None:
    (folder / _BALLAST).unlink()
