"""What the disk rung's files have in common: errors, and what survives a power cut."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from app.core.objects.base import StoreFull, StoreUnusable

# No room on the disk, in the owner's share of it, or for a file as large as this.
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def own_errors() -> Iterator[None]:
    """Around the store's own system calls, never around the source's: its errors are the caller's to see."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StoreFull(f"no room left: {error.strerror}") from error
        raise StoreUnusable(str(error)) from error


def flush_to_disk(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """A rename, or a new folder, survives a power cut once the folder that names it is on the disk."""
    with suppress(FileNotFoundError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
