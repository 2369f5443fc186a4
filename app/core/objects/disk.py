"""The embedded rung: plain files below one folder, so that a person can look at them and a backup can copy
them.

    <root>/recordings/m1/r1/composite.mp4          the object: always whole, this file is the truth
    <root>/recordings/m1/r1/.composite.mp4.json    its card: checksum and content type
    <root>/.incoming/                              what is being written; a rename moves it to its place
    <root>/.uploads/                               what comes in parts: see disk_uploads.py

A rename within one file system is atomic, a pair of renames isn't. So a card names the very file that it
describes (inode, size, time of change), and is put in place first. Whatever a crash or two writers at once
leave behind, a card that doesn't fit its file is made again from the file; the content type is taken from the
card all the same. Names that start with a dot can't be in keys, so that neither cards nor these folders are
ever taken for objects.
"""

from __future__ import annotations

import hashlib
import io
import json
import mimetypes
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO

from app.core.objects.base import (
    CHUNK_BYTES,
    InvalidKey,
    ObjectInfo,
    ObjectNotFound,
    PartInfo,
    StoreFull,
    StoreUnusable,
    check_key,
    check_parts,
    check_prefix,
    check_range,
    opened,
)
from app.core.objects.disk_files import flush_folder, flush_to_disk, own_errors
from app.core.objects.disk_uploads import DiskUploads, PartFile
from app.core.objects.part_urls import PartUrls

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# A writer touches its file all the time; one that was silent for a day was killed.
_ABANDONED_AFTER_S = 24 * 3600
# A delete may remove the folder that a put has just made. Losing that race twenty times running is no race.
_PLACE_ATTEMPTS = 20


@dataclass(frozen=True)
class _Card:
    inode: int
    size: int
    modified_ns: int
    sha256: str
    content_type: str

    def describes(self, found: os.stat_result) -> bool:
        return (self.inode, self.size, self.modified_ns) == (found.st_ino, found.st_size, found.st_mtime_ns)


class DiskObjectStore:
    """An ObjectStore below the folder `root`, which is made when first needed and belongs to the store
    alone.
    """

    def __init__(self, root: Path, part_urls: PartUrls | None = None) -> None:
        self._root = root.resolve()
        self._incoming = self._root / ".incoming"
        self._part_urls = part_urls or PartUrls.of_one_process()
        self._uploads = DiskUploads(self._root / ".uploads", self._incoming)
        self._sweep()

    def put_file(self, key: str, source: Path | BinaryIO, content_type: str) -> ObjectInfo:
        check_key(key)
        with opened(source) as stream, self._temporary() as file:
            digest = hashlib.sha256()
            while chunk := stream.read(CHUNK_BYTES):
                digest.update(chunk)
                with own_errors():
                    file.write(chunk)
            with own_errors():
                flush_to_disk(file)
                written = os.fstat(file.fileno())
                card = _Card(written.st_ino, written.st_size, written.st_mtime_ns, digest.hexdigest(), content_type)
                self._publish(key, Path(file.name), card)
        return _info(key, card)

    def copy(self, source: str, key: str) -> ObjectInfo:
        """One file with two names, where the file system has that: a file is never written to again."""
        info, path = self.stat(source), self._path(source)
        check_key(key)
        with self._temporary() as file, own_errors():
            second = Path(f"{file.name}-copy")
            try:
                os.link(path, second)
            except FileNotFoundError:
                raise ObjectNotFound(source) from None
            except OSError:  # no links here
                with self._open(source) as stream:
                    return self.put_file(key, stream, info.content_type)
            try:
                found = second.stat()
                card = _Card(found.st_ino, found.st_size, found.st_mtime_ns, info.sha256, info.content_type)
                self._publish(key, second, card)
            finally:
                second.unlink(missing_ok=True)
        return _info(key, card)

    def open(self, key: str, start: int = 0, length: int | None = None) -> BinaryIO:
        check_range(start, length)
        file = self._open(key)
        file.seek(start)
        return file if length is None else io.BufferedReader(_Window(file, length), CHUNK_BYTES)

    def stat(self, key: str) -> ObjectInfo:
        with self._open(key) as file, own_errors():
            found = os.fstat(file.fileno())
            card = self._read_card(key)
            if card is None or not card.describes(found):
                content_type = card.content_type if card else _guess_content_type(key)
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
                card = _Card(found.st_ino, found.st_size, found.st_mtime_ns, sha256, content_type)
                # Only a kept copy: a store that is full or read-only can be read without it.
                with suppress(StoreFull, StoreUnusable):
                    self._write_card(key, card)
        return _info(key, card)

    def delete(self, key: str) -> None:
        path = self._path(key)
        if path.is_dir():  # a folder of other keys
            return
        with own_errors():
            for name in (path, _card_path(path)):
                with suppress(FileNotFoundError, NotADirectoryError):
                    name.unlink()
        self._prune(path.parent)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        check_prefix(prefix)
        return self._walk(prefix.rpartition("/")[0], prefix)

    def begin_upload(self, key: str, content_type: str, upload_id: str) -> str:
        check_key(key)
        self._uploads.begin(key, content_type, upload_id)
        return upload_id

    def part_url(self, key: str, store_id: str, number: int, size: int, expires_at: datetime) -> str:
        return self._part_urls.sign(store_id, number, size, expires_at)

    def receive_part(self, upload_id: str, number: int, size: int) -> PartFile:
        return self._uploads.receive(upload_id, number, size)

    def parts(self, key: str, store_id: str) -> Sequence[PartInfo]:
        check_key(key)
        self._uploads.content_type(key, store_id)
        return self._uploads.parts(store_id)

    def finish_upload(self, key: str, store_id: str, parts: Sequence[PartInfo]) -> ObjectInfo:
        check_key(key)
        content_type = self._uploads.content_type(key, store_id)
        check_parts(parts, self._uploads.parts(store_id))
        with io.BufferedReader(self._uploads.joined(store_id, parts), CHUNK_BYTES) as whole:
            info = self.put_file(key, whole, content_type)
        self._uploads.remove(store_id)
        return info

    def abort_upload(self, key: str, store_id: str) -> None:
        check_key(key)
        self._uploads.remove(store_id)

    def sweep_uploads(self, before: datetime) -> None:
        self._uploads.sweep(before)

    def download_url(self, key: str, *, content_type: str, disposition: str, expires_in_s: int) -> None:
        return None

    def usable(self) -> None:
        with self._temporary() as file, own_errors():
            file.write(b"usable")
            file.flush()

    def close(self) -> None:
        """Nothing is held open between calls."""

    def _path(self, key: str) -> Path:
        check_key(key)
        return self._root / key

    def _open(self, key: str) -> io.BufferedReader:
        path = self._path(key)
        with own_errors():
            try:
                return path.open("rb")
            except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
                raise ObjectNotFound(key) from None

    @contextmanager
    def _temporary(self) -> Iterator[IO[bytes]]:
        """A new file in `.incoming`, gone at the end unless it was moved to its place."""
        with own_errors():
            self._incoming.mkdir(parents=True, exist_ok=True)
            file = tempfile.NamedTemporaryFile(dir=self._incoming, delete=False)  # noqa: SIM115 – closed below
        try:
            yield file
        finally:
            # After a failed write, closing tries to write the rest once more, and fails once more.
            with suppress(OSError):
                file.close()
            Path(file.name).unlink(missing_ok=True)

    def _publish(self, key: str, temporary: Path, card: _Card) -> None:
        path = self._path(key)
        try:
            self._write_card(key, card)
            self._place(key, temporary, path)
        except BaseException:
            # The card of a replaced object is made again from its file; a card of nothing would stay.
            if not path.is_file():
                with suppress(OSError):
                    _card_path(path).unlink(missing_ok=True)
                self._prune(path.parent)
            raise

    def _place(self, key: str, temporary: Path, path: Path) -> None:
        for attempt in range(1, _PLACE_ATTEMPTS + 1):
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                temporary.replace(path)
                break
            except (FileNotFoundError, FileExistsError, NotADirectoryError, IsADirectoryError):
                if path.is_dir() or any(folder.is_file() for folder in path.parents):
                    raise InvalidKey(key, "it is a folder of another key, or another is one of it") from None
                if attempt == _PLACE_ATTEMPTS:
                    raise
        self._flush_folders(path.parent)

    def _flush_folders(self, folder: Path) -> None:
        while folder.is_relative_to(self._root):
            flush_folder(folder)
            folder = folder.parent

    def _read_card(self, key: str) -> _Card | None:
        try:
            return _Card(**json.loads(_card_path(self._path(key)).read_bytes()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def _write_card(self, key: str, card: _Card) -> None:
        with self._temporary() as file, own_errors():
            file.write(json.dumps(asdict(card)).encode())
            flush_to_disk(file)
            self._place(key, Path(file.name), _card_path(self._path(key)))

    def _walk(self, folder: str, prefix: str) -> Iterator[ObjectInfo]:
        """Depth first; a folder is sorted as `name/`, which gives the order of whole keys."""
        with own_errors():
            try:
                with os.scandir(self._root / folder) as entries:
                    names = sorted(e.name + "/" * e.is_dir() for e in entries if not e.name.startswith("."))
            except (FileNotFoundError, NotADirectoryError):
                return
        for name in names:
            key = f"{folder}/{name}" if folder else name
            if key.endswith("/"):
                if key.startswith(prefix) or prefix.startswith(key):
                    yield from self._walk(key.rstrip("/"), prefix)
            elif key.startswith(prefix):
                try:
                    info = self.stat(key)
                except (ObjectNotFound, InvalidKey):  # gone since, or a file that was put here by hand
                    continue
                yield info

    def _prune(self, folder: Path) -> None:
        """Folders are no objects: the empty ones go, so that their names are free for keys again."""
        while folder != self._root and folder.is_relative_to(self._root):
            try:
                folder.rmdir()
            except FileNotFoundError:
                pass
            except OSError:
                return
            folder = folder.parent

    def _sweep(self) -> None:
        """Remove what writers left in `.incoming` when they were killed."""
        oldest = time.time() - _ABANDONED_AFTER_S
        with own_errors():
            for name in os.listdir(self._incoming) if self._incoming.is_dir() else ():
                with suppress(FileNotFoundError):
                    file = self._incoming / name
                    if file.stat().st_mtime < oldest:
                        file.unlink()


class _Window(io.RawIOBase):
    """The next `length` bytes of a file that it owns."""

    def __init__(self, file: BinaryIO, length: int) -> None:
        self._file = file
        self._left = length

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer)
        chunk = self._file.read(min(len(view), self._left))
        view[: len(chunk)] = chunk
        self._left -= len(chunk)
        return len(chunk)

    def close(self) -> None:
        self._file.close()
        super().close()


def _card_path(path: Path) -> Path:
    return path.with_name(f".{path.name}.json")


def _guess_content_type(key: str) -> str:
    return mimetypes.guess_type(key)[0] or "application/octet-stream"


def _info(key: str, card: _Card) -> ObjectInfo:
    modified_at = datetime.fromtimestamp(card.modified_ns // 1000 / 1_000_000, UTC)
    return ObjectInfo(key, card.size, card.sha256, card.content_type, modified_at)
