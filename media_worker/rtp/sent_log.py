"""What was sent to one peer, by transport-wide number, and what the peer says of its arrival.

The other side of `transport_cc.py`, same source: draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1.
"""

import struct
from typing import NamedTuple

from media_worker.rtp.packet import Forwarded
from media_worker.rtp.sequence import unwrap

_KEPT = 4096  # packets: a second and more of what one subscriber gets
_MASK = _KEPT - 1
_MAX_STATUSES = 2000  # of one report; more is nonsense
_DELTA_US = 250
_REFERENCE_US = 64_000
_WORD = struct.Struct("!I")


class Arrival(NamedTuple):
    """A packet that the peer speaks of."""

    number: int  # unwrapped
    sent_at: float  # in seconds
    size: int  # bytes, before encryption
    arrived_us: int | None  # by the peer's clock, 24 bits of 64 ms and then wrapping; None: it did not come


class SentLog:
    """`next` is the number of the packet that is sent next, `octets` what was sent in all."""

    __slots__ = ("_ring", "next", "octets")

    def __init__(self) -> None:
        self.next = 0
        self.octets = 0
        self._ring: list[tuple[int, float, int] | None] = [None] * _KEPT

    def note(self, now: float, size: int) -> int:
        """The number of a packet that is sent now."""
        number = self.next
        self._ring[number & _MASK] = (number, now, size)
        self.next = number + 1
        self.octets += size
        return number & 0xFFFF

    def arrivals(self, feedback: bytes) -> list[Arrival]:
        """What a report says (its FCI), in the order of sending; each packet arrives once. Raises ValueError."""
        told = []
        for number, arrived_us in _read(feedback, self.next):
            slot = self._ring[number & _MASK] if 0 <= number < self.next else None
            if slot is None or slot[0] != number:
                continue
            if arrived_us is not None:
                self._ring[number & _MASK] = None
            told.append(Arrival(number, slot[1], slot[2], arrived_us))
        return told


def stamp(out: bytearray, at: int, packet: Forwarded, log: SentLog, now: float) -> None:
    """Number the packet that begins at `at`."""
    if packet.feedback_at:
        word = packet.feedback_word | log.note(now, len(packet.rest) + 12)
        _WORD.pack_into(out, at + packet.feedback_at, word)


def _read(feedback: bytes, near: int) -> list[tuple[int, int | None]]:
    """Unwrapped numbers and when they arrived, in microseconds."""
    try:
        return _statuses(feedback, near)
    except (IndexError, struct.error) as error:
        raise ValueError("The feedback is cut off.") from error


def _statuses(feedback: bytes, near: int) -> list[tuple[int, int | None]]:
    base, count = struct.unpack_from("!HH", feedback)
    if count > _MAX_STATUSES:
        raise ValueError("The feedback is too long.")
    reference = int.from_bytes(feedback[4:7], "big")
    at = 8
    symbols: list[int] = []
    while len(symbols) < count:
        (chunk,) = struct.unpack_from("!H", feedback, at)
        at += 2
        if not chunk & 0x8000:  # a run
            symbols.extend([chunk >> 13 & 3] * min(chunk & 0x1FFF, count - len(symbols)))
            if not chunk & 0x1FFF:
                raise ValueError("A run of none.")
        elif chunk & 0x4000:
            symbols.extend(chunk >> shift & 3 for shift in range(12, -1, -2))
        else:
            symbols.extend(chunk >> shift & 1 for shift in range(13, -1, -1))
    first = unwrap(base, near)
    now = reference * _REFERENCE_US
    told: list[tuple[int, int | None]] = []
    for number, symbol in enumerate(symbols[:count], first):
        if symbol == 1:
            now += feedback[at] * _DELTA_US
            at += 1
            told.append((number, now))
        elif symbol == 2:
            (delta,) = struct.unpack_from("!h", feedback, at)
            now += delta * _DELTA_US
            at += 2
            told.append((number, now))
        else:
            told.append((number, None))
    return told
