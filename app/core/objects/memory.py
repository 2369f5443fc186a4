"""The mock rung: objects in this process's memory, gone with it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from app.core.objects.base import (
    CHUNK_BYTES,
    InvalidKey,
    ObjectInfo,
    ObjectNotFound,
    PartInfo,
    PartWriter,
    StoreFull,
    UploadNotFound,
    WrongPartSize,
    check_key,
    check_parts,
    check_prefix,
    check_range,
    opened,
)
from app.core.objects.part_urls import PartUrls

# Room for the tests and for an afternoon of QA; a forgotten server can't eat the machine.
DEFAULT_CAPACITY_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True)
class _Stored:
    info: ObjectInfo
    content: bytes


@dataclass(frozen=True)
class _Upload:
    content_type: str
    begun_at: datetime
    parts: dict[int, tuple[PartInfo, bytes]] = field(default_factory=dict)


class MemoryObjectStore:
    """An ObjectStore of at most `capacity_bytes`, so that a full store can be had for the asking."""

    def __init__(self, *, capacity_bytes: int = DEFAULT_CAPACITY_BYTES, part_urls: PartUrls | None = None) -> None:
        self._part_urls = part_urls or PartUrls.of_one_process()
        self._capacity_bytes = capacity_bytes
        self._objects: dict[str, _Stored] = {}
        self._uploads: dict[str, _Upload] = {}
        self._lock = threading.Lock()

    def put_file(self, key: str, source: Path | BinaryIO, content_type: str) -> ObjectInfo:
        check_key(key)
        content = self._read(source)
        sha256 = hashlib.sha256(content).hexdigest()
        info = ObjectInfo(key, len(content), sha256, content_type, datetime.now(UTC))
        with self._lock:
            self._check_folders(key)
            self._check_room(len(content), instead_of=key)
            self._objects[key] = _Stored(info, content)
        return info

    def copy(self, source: str, key: str) -> ObjectInfo:
        with self.open(source) as stream:
            return self.put_file(key, stream, self.stat(source).content_type)

    def open(self, key: str, start: int = 0, length: int | None = None) -> BinaryIO:
        check_range(start, length)
        content = self._get(key).content
        return BytesIO(content[start : len(content) if length is None else start + length])

    def stat(self, key: str) -> ObjectInfo:
        return self._get(key).info

    def delete(self, key: str) -> None:
        check_key(key)
        with self._lock:
            self._objects.pop(key, None)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        check_prefix(prefix)
        with self._lock:
            found = [stored.info for key, stored in self._objects.items() if key.startswith(prefix)]
        return iter(sorted(found, key=lambda info: info.key))

    def begin_upload(self, key: str, content_type: str, upload_id: str) -> str:
        check_key(key)
        with self._lock:
            self._uploads[upload_id] = _Upload(content_type, datetime.now(UTC))
        return upload_id

    def part_url(self, key: str, store_id: str, number: int, size: int, expires_at: datetime) -> str:
        return self._part_urls.sign(store_id, number, size, expires_at)

    def receive_part(self, upload_id: str, number: int, size: int) -> PartWriter:
        with self._lock:
            self._get_upload(upload_id)
        return _Writer(self, upload_id, number, size)

    def parts(self, key: str, store_id: str) -> Sequence[PartInfo]:
        check_key(key)
        with self._lock:
            return [info for _, (info, _) in sorted(self._get_upload(store_id).parts.items())]

    def finish_upload(self, key: str, store_id: str, parts: Sequence[PartInfo]) -> ObjectInfo:
        check_parts(parts, self.parts(key, store_id))
        with self._lock:
            upload = self._uploads.pop(store_id)
        try:
            content = b"".join(upload.parts[part.number][1] for part in parts)
            return self.put_file(key, BytesIO(content), upload.content_type)
        except BaseException:
            with self._lock:
                self._uploads[store_id] = upload
            raise

    def abort_upload(self, key: str, store_id: str) -> None:
        check_key(key)
        with self._lock:
            self._uploads.pop(store_id, None)

    def sweep_uploads(self, before: datetime) -> None:
        with self._lock:
            self._uploads = {name: upload for name, upload in self._uploads.items() if upload.begun_at >= before}

    def download_url(self, key: str, *, content_type: str, disposition: str, expires_in_s: int) -> None:
        return None

    def usable(self) -> None:
        with self._lock:
            self._check_room(1)

    def close(self) -> None:
        with self._lock:
            self._objects.clear()
            self._uploads.clear()

    def take_part(self, upload_id: str, number: int, content: bytes) -> PartInfo:
        """A part is whole: for its writer alone."""
        info = PartInfo(number, len(content), hashlib.sha256(content).hexdigest())
        with self._lock:
            self._check_room(len(content))
            self._get_upload(upload_id).parts[number] = (info, content)
        return info

    def _get_upload(self, upload_id: str) -> _Upload:
        if upload_id not in self._uploads:
            raise UploadNotFound(f"no upload {upload_id[:80]!r}")
        return self._uploads[upload_id]

    def _check_room(self, size: int, instead_of: str = "") -> None:
        objects = sum(len(stored.content) for name, stored in self._objects.items() if name != instead_of)
        parts = sum(info.size for upload in self._uploads.values() for info, _ in upload.parts.values())
        if objects + parts + size > self._capacity_bytes:
            raise StoreFull(f"the memory store holds at most {self._capacity_bytes} bytes")

    def _get(self, key: str) -> _Stored:
        check_key(key)
        with self._lock:
            stored = self._objects.get(key)
        if stored is None:
            raise ObjectNotFound(key)
        return stored

    def _read(self, source: Path | BinaryIO) -> bytes:
        """In chunks, so that a source without an end meets the capacity and not the machine's."""
        content = bytearray()
        with opened(source) as stream:
            while chunk := stream.read(CHUNK_BYTES):
                content += chunk
                if len(content) > self._capacity_bytes:
                    raise StoreFull(f"the memory store holds at most {self._capacity_bytes} bytes")
        return bytes(content)

    def _check_folders(self, key: str) -> None:
        """A file system can't hold `a` beside `a/b`; a rung that could would hide the mistake until later."""
        for other in self._objects:
            if other.startswith(key + "/") or key.startswith(other + "/"):
                raise InvalidKey(key, f"one of it and {other!r} would be a folder of the other")


class _Writer:
    def __init__(self, store: MemoryObjectStore, upload_id: str, number: int, size: int) -> None:
        self._store, self._upload_id, self._number, self._size = store, upload_id, number, size
        self._content = bytearray()

    def write(self, chunk: bytes | bytearray) -> None:
        self._content += chunk
        if len(self._content) > self._size:
            raise WrongPartSize(f"part {self._number} is longer than its {self._size} bytes")

    def finish(self) -> PartInfo:
        if len(self._content) != self._size:
            raise WrongPartSize(f"part {self._number} has {len(self._content)} of its {self._size} bytes")
        return self._store.take_part(self._upload_id, self._number, bytes(self._content))

    def discard(self) -> None:
        self._content.clear()
