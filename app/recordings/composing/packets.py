"""Encoded packets put aside in a file, until the pictures that they belong to are made."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from av.packet import Packet
from av.stream import Stream

_HEAD = struct.Struct("<IqqqB")


class PacketSpool:
    """Of one stream. Written first, then read once, in the same order."""

    def __init__(self, path: Path, stream: Stream) -> None:
        self._file: BinaryIO = path.open("w+b")
        self._stream = stream

    def add(self, packets: Sequence[Packet[Any]]) -> None:
        for packet in packets:
            self._time_base = packet.time_base
            head = _HEAD.pack(packet.size, packet.pts or 0, packet.dts or 0, packet.duration or 0, packet.is_keyframe)
            self._file.write(head)
            self._file.write(bytes(packet))

    def packets(self) -> Iterator[Packet[Any]]:
        self._file.flush()
        self._file.seek(0)
        while head := self._file.read(_HEAD.size):
            size, pts, dts, duration, key = _HEAD.unpack(head)
            packet = Packet(self._file.read(size))
            packet.pts, packet.dts, packet.duration, packet.is_keyframe = pts, dts, duration, bool(key)
            packet.time_base, packet.stream = self._time_base, self._stream
            yield packet

    def close(self) -> None:
        self._file.close()
