"""Objects that come in parts, on disk.

    <root>/.uploads/<upload id>/about.json    its key and content type
    <root>/.uploads/<upload id>/00001         a part that is whole; what is being written is in .incoming

A part is renamed to its place when it is whole and on the disk, so that a broken connection leaves an earlier
part of that number as it was. The parts are read once more when the object is made of them; for that moment the
disk holds both.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from app.core.ids import ID_FORM
from app.core.objects.base import MOST_PARTS, PartInfo, UploadNotFound, WrongPartSize
from app.core.objects.disk_files import flush_folder, flush_to_disk, own_errors

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_ABOUT = "about.json"


class DiskUploads:
    """The uploads below `root`; `incoming` is a folder of the same file system for what is being written."""

    def __init__(self, root: Path, incoming: Path) -> None:
        self._root = root
        self._incoming = incoming

    def begin(self, key: str, content_type: str, upload_id: str) -> None:
        folder = self._folder(upload_id)
        with own_errors():
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / _ABOUT).open("wb") as about:
                about.write(json.dumps({"key": key, "content_type": content_type}).encode())
                flush_to_disk(about)
            flush_folder(folder)
            flush_folder(self._root)

    def content_type(self, key: str, upload_id: str) -> str:
        """:raises UploadNotFound: there is none, or it is one of another key."""
        with own_errors():
            try:
                about = json.loads((self._folder(upload_id) / _ABOUT).read_bytes())
                if about["key"] == key:
                    return str(about["content_type"])
            except (FileNotFoundError, ValueError):  # ValueError: a crash before it was on the disk
                pass
        raise UploadNotFound(f"no upload {upload_id[:80]!r}")

    def receive(self, upload_id: str, number: int, size: int) -> PartFile:
        folder = self._folder(upload_id)
        if not 1 <= number <= MOST_PARTS or not folder.is_dir():
            raise UploadNotFound(f"no upload {upload_id[:80]!r}")
        return PartFile(folder / f"{number:05}", self._incoming, number, size)

    def parts(self, upload_id: str) -> list[PartInfo]:
        with own_errors():
            names = sorted(path for path in self._folder(upload_id).iterdir() if path.name.isdigit())
            return [_info(path) for path in names]

    def joined(self, upload_id: str, parts: Sequence[PartInfo]) -> io.RawIOBase:
        """The content of `parts`, one after the other."""
        return _Joined([self._folder(upload_id) / f"{part.number:05}" for part in parts])

    def remove(self, upload_id: str) -> None:
        try:
            folder = self._folder(upload_id)
        except UploadNotFound:
            return
        with own_errors(), suppress(FileNotFoundError):
            shutil.rmtree(folder)

    def sweep(self, before: datetime) -> None:
        """Uploads that were begun before; a folder's own time would move with every part."""
        with own_errors():
            for folder in self._root.iterdir() if self._root.is_dir() else ():
                with suppress(FileNotFoundError):
                    if (folder / _ABOUT).stat().st_mtime < before.timestamp():
                        shutil.rmtree(folder)

    def _folder(self, upload_id: str) -> Path:
        if not re.fullmatch(ID_FORM, upload_id):  # it came in an address: no paths
            raise UploadNotFound(f"no upload {upload_id[:80]!r}")
        return self._root / upload_id


class PartFile:
    """A part that is being written: a `PartWriter`."""

    def __init__(self, place: Path, incoming: Path, number: int, size: int) -> None:
        self._place, self._number, self._size = place, number, size
        self._written = 0
        with own_errors():
            incoming.mkdir(parents=True, exist_ok=True)
            self._file = tempfile.NamedTemporaryFile(dir=incoming, delete=False, buffering=0)  # noqa: SIM115

    def write(self, chunk: bytes | bytearray) -> None:
        self._written += len(chunk)
        if self._written > self._size:
            raise WrongPartSize(f"part {self._number} is longer than its {self._size} bytes")
        left = memoryview(chunk)
        with own_errors():
            while left:
                left = left[self._file.write(left) :]

    def finish(self) -> PartInfo:
        if self._written != self._size:
            raise WrongPartSize(f"part {self._number} has {self._written} of its {self._size} bytes")
        with own_errors():
            flush_to_disk(self._file)
            self._file.close()
            try:
                Path(self._file.name).replace(self._place)
            except FileNotFoundError:
                raise UploadNotFound("the upload ended while a part came") from None
            info = _info(self._place)
            flush_folder(self._place.parent)
        return info

    def discard(self) -> None:
        with suppress(OSError):
            self._file.close()
        Path(self._file.name).unlink(missing_ok=True)


class _Joined(io.RawIOBase):
    """Files read one after the other, as one."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._left = list(paths)
        self._file: io.FileIO | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        with own_errors():
            while True:
                if self._file is None:
                    if not self._left:
                        return 0
                    self._file = io.FileIO(self._left.pop(0))
                if read := self._file.readinto(buffer):
                    return read
                self._file.close()
                self._file = None

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        super().close()


def _info(path: Path) -> PartInfo:
    found = path.stat()
    return PartInfo(int(path.name), found.st_size, f"{found.st_mtime_ns:x}-{found.st_ino:x}")
