"""What an object store promises, whichever rung is below.

An object is a file that is written once, whole, and read often: a recording, a transcript, a file of the
chat. It lives under a key such as `recordings/<meeting>/<recording>/composite.mp4`. Keys are made by the
application, never taken from what a user typed, so the alphabet can be narrow: what is allowed here is
allowed by every file system and by S3 without escaping.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol, runtime_checkable

MAX_KEY_LENGTH = 512
# File systems end a name at 255 bytes; the disk rung adds a suffix to it.
MAX_SEGMENT_LENGTH = 200
# Large enough that system calls cost nothing beside the copying, small enough that many may run at once.
CHUNK_BYTES = 256 * 1024
# S3's rules for objects that come in parts; every rung keeps them, so that what works on one works on all.
SMALLEST_PART_BYTES = 5 * 1024 * 1024  # but the last
MOST_PARTS = 10_000

# A leading dot is refused: it would make `.` and `..`, and hidden files.
_SEGMENT = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class ObjectInfo:
    """size in bytes; sha256 in lowercase hex of the whole content; modified_at in UTC."""

    key: str
    size: int
    sha256: str
    content_type: str
    modified_at: datetime


@dataclass(frozen=True)
class PartInfo:
    """A part that has arrived. `number` counts from 1; `etag` is opaque, and another one for other content."""

    number: int
    size: int
    etag: str


class ObjectStoreError(Exception):
    """The base of everything that a store raises on purpose."""


class ObjectNotFound(ObjectStoreError):
    """There is no object under this key."""

    def __init__(self, key: str) -> None:
        super().__init__(f"no object under {key!r}")
        self.key = key


class InvalidKey(ObjectStoreError):
    """The key breaks the rules of `check_key`, or is a folder of another key (`a` beside `a/b`)."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"{key[:80]!r} can't be a key: {reason}")
        self.key = key
        self.reason = reason


class StoreFull(ObjectStoreError):
    """There is no room left. What was there is untouched, and nothing of the new object stays behind."""


class StoreUnusable(ObjectStoreError):
    """The store can't be written or read for a reason that isn't the caller's: permissions, a lost mount."""


class UploadNotFound(ObjectStoreError):
    """There is no object coming in parts under this id: never begun, finished, aborted or swept."""


class PartsRefused(ObjectStoreError):
    """No object can be made of these parts: one is missing, was replaced, or is too small."""


class WrongPartSize(ObjectStoreError):
    """What came as a part is shorter or longer than its signed address says."""


class PartWriter(Protocol):
    """A part on its way. Used by one thread at a time; nobody sees it before `finish`."""

    def write(self, chunk: bytes | bytearray) -> None:
        """Raises WrongPartSize as soon as it is too long; StoreFull, StoreUnusable."""

    def finish(self) -> PartInfo:
        """It is whole, and takes the place of an earlier one with its number; on disk where the rung is one.

        Raises WrongPartSize if it is too short, UploadNotFound if the upload ended meanwhile, StoreFull,
        StoreUnusable.
        """

    def discard(self) -> None:
        """Let go of it. To be called in the end in any case; after `finish` it changes nothing."""


@runtime_checkable
class PartReceiver(Protocol):
    """What a rung offers whose part addresses are the app's own: the app hands over what is PUT there."""

    def receive_part(self, upload_id: str, number: int, size: int) -> PartWriter:
        """Raises UploadNotFound, StoreFull, StoreUnusable."""


class ObjectStore(Protocol):
    """Safe to share between threads; several processes may use the same store at once."""

    def put_file(self, key: str, source: Path | BinaryIO, content_type: str) -> ObjectInfo:
        """Store the whole of `source` under `key`, in place of what was there.

        A path is opened and closed here; a stream is read from where it stands to its end, and left open.
        Nobody ever sees half an object: until this returns, readers get the old content or ObjectNotFound,
        and a source that fails half-way (its own error is passed on) changes nothing. Once it has returned,
        the object survives a power cut, where the rung is one that survives anything. Memory use doesn't grow
        with the size (but in the memory rung). Raises InvalidKey, StoreFull, StoreUnusable.
        """

    def copy(self, source: str, key: str) -> ObjectInfo:
        """Let the object `source` stand under `key` too, in place of what was there, without its bytes passing here.

        The two are objects of their own afterwards: replacing or deleting one leaves the other. As with a put, nobody
        ever sees half of it, and repeating it changes nothing. To move one, copy it, write down where it is now, and
        delete the first: whenever that is broken off, what is written down is there. Raises ObjectNotFound (of the
        source), InvalidKey, StoreFull, StoreUnusable.
        """

    def open(self, key: str, start: int = 0, length: int | None = None) -> BinaryIO:
        """A stream of `length` bytes from byte `start`: to the end if None, less if the object ends before.

        A start at or past the end gives an empty stream. Only reading forward is promised, no seek. The
        stream keeps the content that it was opened on, even if the object is replaced or deleted meanwhile.
        The caller closes it. Raises ObjectNotFound (at once, not at the first read), InvalidKey,
        StoreUnusable; ValueError for a negative number.
        """

    def stat(self, key: str) -> ObjectInfo:
        """Raises ObjectNotFound, InvalidKey, StoreUnusable."""

    def delete(self, key: str) -> None:
        """Remove the object; none there is fine. Raises InvalidKey, StoreUnusable."""

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Every object whose key starts with the characters of `prefix`, in the order of keys, found lazily.

        As in S3 the prefix is a string and not a folder: end it in `/` to mean one. Objects that come or go
        meanwhile may be there or not. Raises InvalidKey for a prefix with which no key can start.
        """

    def begin_upload(self, key: str, content_type: str, upload_id: str) -> str:
        """Begin an object that comes in parts, and return the store's id of it (at most 255 characters).

        `upload_id` is the caller's own, a UUID; a rung may take it as it is. Nothing stands under `key` before
        `finish_upload`. Raises InvalidKey, StoreFull, StoreUnusable.
        """

    def part_url(self, key: str, store_id: str, number: int, size: int, expires_at: datetime) -> str:
        """An address to which whoever has it may PUT part `number` until `expires_at`. Asks nobody.

        A part that is put again takes the place of the earlier one. `size` in bytes; whether the rung holds the
        part against it at once or not: `parts` tells what has come.
        """

    def parts(self, key: str, store_id: str) -> Sequence[PartInfo]:
        """What has arrived, by number. Raises UploadNotFound, InvalidKey, StoreUnusable."""

    def finish_upload(self, key: str, store_id: str, parts: Sequence[PartInfo]) -> ObjectInfo:
        """Make one object of `parts`, in their order, and verify what it is: takes long, in constant memory.

        Its size and SHA-256 are those of what is stored. Repeating that after it was done raises UploadNotFound;
        `stat` tells then. Raises UploadNotFound, PartsRefused (the parts stay), InvalidKey, StoreFull,
        StoreUnusable.
        """

    def abort_upload(self, key: str, store_id: str) -> None:
        """Forget the upload and its parts; none there is fine. Raises InvalidKey, StoreUnusable."""

    def sweep_uploads(self, before: datetime) -> None:
        """Abort every upload that was begun before: those that nobody remembers. Raises StoreUnusable."""

    def download_url(self, key: str, *, content_type: str, disposition: str, expires_in_s: int) -> str | None:
        """An address from which whoever has it may read the object until it expires, with these headers.

        None where the rung has none: then the app itself sends the object. Asks nobody; the object may be missing.
        """

    def usable(self) -> None:
        """Return if an object could be written now, else raise StoreUnusable or StoreFull. Quick."""

    def close(self) -> None:
        """Let go of what the store holds open. May be called twice; the store isn't used afterwards."""


def check_key(key: str) -> None:
    """Raise InvalidKey unless `key` is segments of `A-Z a-z 0-9 . _ -`, none of them starting with a dot."""
    if not key:
        raise InvalidKey(key, "it is empty")
    if len(key) > MAX_KEY_LENGTH:
        raise InvalidKey(key, f"it is longer than {MAX_KEY_LENGTH} characters")
    for segment in key.split("/"):
        if not segment:
            raise InvalidKey(key, "it has an empty segment")
        _check_segment(key, segment)


def check_prefix(prefix: str) -> None:
    """Raise InvalidKey unless some key could start with `prefix`; the empty one is fine."""
    folder, _, beginning = prefix.rpartition("/")
    if folder or prefix.startswith("/"):
        check_key(folder)
    if beginning:
        check_key(prefix)


def check_parts(parts: Sequence[PartInfo], arrived: Sequence[PartInfo]) -> None:
    """Raise PartsRefused unless `parts` have arrived as they are, ascend, and all but the last are large enough."""
    by_number = {part.number: part for part in arrived}
    if not parts:
        raise PartsRefused("an object has at least one part")
    for earlier, part in zip([None, *parts], parts, strict=False):
        if earlier is not None and part.number <= earlier.number:
            raise PartsRefused(f"part {part.number} does not come after part {earlier.number}")
        if earlier is not None and earlier.size < SMALLEST_PART_BYTES:
            raise PartsRefused(f"part {earlier.number} is smaller than {SMALLEST_PART_BYTES} bytes")
        if by_number.get(part.number) != part:
            raise PartsRefused(f"part {part.number} has not arrived, or was replaced")


def check_range(start: int, length: int | None) -> None:
    if start < 0 or (length is not None and length < 0):
        raise ValueError(f"a range can't be negative: start={start}, length={length}")


@contextmanager
def opened(source: Path | BinaryIO) -> Iterator[BinaryIO]:
    """The stream of a put: a path is ours to close, a stream is the caller's."""
    if isinstance(source, Path):
        with source.open("rb") as stream:
            yield stream
    else:
        yield source


def _check_segment(key: str, segment: str) -> None:
    if len(segment) > MAX_SEGMENT_LENGTH:
        raise InvalidKey(key, f"a segment is longer than {MAX_SEGMENT_LENGTH} characters")
    if segment.startswith("."):
        raise InvalidKey(key, "a segment starts with a dot")
    if not _SEGMENT.fullmatch(segment):
        raise InvalidKey(key, "only A-Z a-z 0-9 . _ - and / are allowed")
