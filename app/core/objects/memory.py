"""The mock rung: objects in this process's memory, gone with it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from app.core.objects.base import (
    CHUNK_BYTES,
    InvalidKey,
    ObjectInfo,
    ObjectNotFound,
    StoreFull,
    check_key,
    check_prefix,
    check_range,
    opened,
)

# Room for the tests and for an afternoon of QA; a forgotten server can't eat the machine.
DEFAULT_CAPACITY_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True)
class _Stored:
    info: ObjectInfo
    content: bytes


class MemoryObjectStore:
    """An ObjectStore of at most `capacity_bytes`, so that a full store can be had for the asking."""

    def __init__(self, capacity_bytes: int = DEFAULT_CAPACITY_BYTES) -> None:
        self._capacity_bytes = capacity_bytes
        self._objects: dict[str, _Stored] = {}
        self._lock = threading.Lock()

    def put_file(self, key: str, source: Path | BinaryIO, content_type: str) -> ObjectInfo:
        check_key(key)
        content = self._read(source)
        sha256 = hashlib.sha256(content).hexdigest()
        info = ObjectInfo(key, len(content), sha256, content_type, datetime.now(UTC))
        with self._lock:
            self._check_folders(key)
            others = sum(len(stored.content) for name, stored in self._objects.items() if name != key)
            if others + len(content) > self._capacity_bytes:
                raise StoreFull(f"the memory store holds at most {self._capacity_bytes} bytes")
            self._objects[key] = _Stored(info, content)
        return info

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

    def usable(self) -> None:
        with self._lock:
            used = sum(len(stored.content) for stored in self._objects.values())
        if used >= self._capacity_bytes:
            raise StoreFull(f"the memory store is full: {self._capacity_bytes} bytes")

    def close(self) -> None:
        with self._lock:
            self._objects.clear()

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
