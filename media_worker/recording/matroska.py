"""A Matroska or WebM file with one track, written so that a process that is killed loses no more than a second.

What was written stays true: the segment has no size until it is closed, and each cluster is written whole, with one
call. Closing adds what makes seeking easy (cues, a duration) in room that was left for it. Elements: RFC 9559; how
codecs stand in it: draft-ietf-cellar-codec.
"""

import os
import struct
from dataclasses import dataclass
from pathlib import Path

CLUSTER_MS = 1000
_RESERVED = 64  # bytes for the SeekHead, which is known at the end
_UNKNOWN_SIZE = b"\x01" + b"\xff" * 7
_MAX_BLOCK_MS = 0x7FFF  # after its cluster's beginning
_CUE_EVERY_MS = 2000
_APP = b"Parley"


@dataclass(frozen=True)
class Codec:
    """`id` and `private` as Matroska has them; of a picture the size in pixels, of sound rate (Hz) and channels."""

    id: str
    private: bytes = b""
    width: int = 0
    height: int = 0
    sample_rate: int = 0
    channels: int = 0

    @property
    def is_webm(self) -> bool:
        return self.id in ("V_VP8", "V_VP9", "V_AV1", "A_OPUS")


class MatroskaFile:
    """Times are in milliseconds and never negative. Raises OSError where the disk does."""

    def __init__(self, path: Path, codec: Codec) -> None:
        self._file = path.open("wb", buffering=0)
        self.bytes = 0  # that hold whole clusters
        self._cluster: list[bytes] = []
        self._cluster_ms = 0
        self._end_ms = 0
        self._cues: list[tuple[int, int]] = []  # time, where the cluster begins in the segment
        self._cue_due = True
        doc_type = b"webm" if codec.is_webm else b"matroska"
        head = _element(0x1A45DFA3, _uint(0x4287, 4) + _uint(0x4285, 2) + _element(0x4282, doc_type))
        self._segment_at = len(head) + 4 + len(_UNKNOWN_SIZE)
        head += b"\x18\x53\x80\x67" + _UNKNOWN_SIZE + _void(_RESERVED)
        info = _uint(0x2AD7B1, 1_000_000) + _element(0x4D80, _APP) + _element(0x5741, _APP)
        head += _element(0x1549A966, info + _void(_DURATION_BYTES))
        self._duration_at = len(head) - _DURATION_BYTES
        self._write(head + _element(0x1654AE6B, _element(0xAE, _track_entry(codec))))

    def add(self, at_ms: int, data: bytes, *, is_key: bool) -> None:
        """A frame. Frames come in the order of their times."""
        if self._cluster and (at_ms - self._cluster_ms >= CLUSTER_MS or at_ms < self._cluster_ms):
            self.flush()
        if not self._cluster:
            self._cluster_ms = at_ms
        block = b"\x81" + struct.pack("!hB", at_ms - self._cluster_ms, 0x80 if is_key else 0) + data
        self._cluster.append(_element(0xA3, block))
        self._end_ms = max(self._end_ms, at_ms)
        self._cue_due |= is_key and (not self._cues or at_ms - self._cues[-1][0] >= _CUE_EVERY_MS)

    def flush(self) -> None:
        """Write what has come since the last cluster."""
        if not self._cluster:
            return
        if self._cue_due:
            self._cues.append((self._cluster_ms, self.bytes - self._segment_at))
            self._cue_due = False
        cluster, self._cluster = b"".join(self._cluster), []
        self._write(_element(0x1F43B675, _uint(0xE7, self._cluster_ms) + cluster))

    def close(self) -> None:
        """Complete it. Where that fails, what was written is still a file that plays."""
        try:
            self.flush()
            self._complete()
        finally:
            self._file.close()

    def abandon(self) -> None:
        """Close it with nothing more than its whole clusters."""
        self._file.close()

    def _complete(self) -> None:
        cues_at = self.bytes - self._segment_at
        points = [
            _element(0xBB, _uint(0xB3, at_ms) + _element(0xB7, _uint(0xF7, 1) + _uint(0xF1, place)))
            for at_ms, place in self._cues
        ]
        self._write(_element(0x1C53BB6B, b"".join(points)))
        seek = _element(0x4DBB, _element(0x53AB, b"\x1c\x53\xbb\x6b") + _uint(0x53AC, cues_at))
        head = _element(0x114D9B74, seek)
        os.pwrite(self._file.fileno(), head + _void(_RESERVED - len(head)), self._segment_at)
        os.pwrite(self._file.fileno(), _float(0x4489, float(self._end_ms)), self._duration_at)
        size = (1 << 56) | (self.bytes - self._segment_at)
        os.pwrite(self._file.fileno(), size.to_bytes(8, "big"), self._segment_at - 8)

    def _write(self, data: bytes) -> None:
        """All of it or nothing: a cluster that is cut off would be a file that ends in noise."""
        try:
            written = 0
            while written < len(data):
                written += self._file.write(data[written:])
        except OSError:
            os.ftruncate(self._file.fileno(), self.bytes)
            raise
        self.bytes += len(data)


def _track_entry(codec: Codec) -> bytes:
    is_video = codec.width > 0
    entry = _uint(0xD7, 1) + _uint(0x73C5, 1) + _uint(0x83, 1 if is_video else 2) + _uint(0x9C, 0)
    entry += _element(0x86, codec.id.encode())
    if codec.private:
        entry += _element(0x63A2, codec.private)
    if is_video:
        return entry + _element(0xE0, _uint(0xB0, codec.width) + _uint(0xBA, codec.height))
    if codec.id == "A_OPUS":
        entry += _uint(0x56BB, 80_000_000)  # a decoder is in tune after 80 ms (RFC 7845 §4.6)
    return entry + _element(0xE1, _float(0xB5, float(codec.sample_rate)) + _uint(0x9F, codec.channels))


def _element(id_: int, data: bytes) -> bytes:
    """RFC 8794 §7: the id as it is, the size in as few bytes as hold it, the data."""
    size = len(data)
    width = 1
    while size >= (1 << (7 * width)) - 1:  # all ones: unknown
        width += 1
    return _id(id_) + (size | 1 << (7 * width)).to_bytes(width, "big") + data


def _id(id_: int) -> bytes:
    return id_.to_bytes((id_.bit_length() + 7) // 8, "big")


def _uint(id_: int, number: int) -> bytes:
    return _element(id_, number.to_bytes(max(1, (number.bit_length() + 7) // 8), "big"))


def _float(id_: int, number: float) -> bytes:
    return _element(id_, struct.pack("!d", number))


_DURATION_BYTES = len(_float(0x4489, 0.0))


def _void(size: int) -> bytes:
    """An element that takes `size` bytes, from 2 to 126, and means nothing."""
    return b"\xec" + bytes([0x80 | (size - 2)]) + bytes(size - 2)
