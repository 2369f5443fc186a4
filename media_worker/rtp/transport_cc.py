"""Transport-wide congestion control feedback: when each packet of a transport arrived.

A sender such as Chromium numbers all packets of a transport, and finds its bitrate by what this says of them.
Source: draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1. Times are in microseconds, on the wire in units of
250 µs, the reference time in units of 64 ms.
"""

import struct
from collections.abc import Sequence

from aiortc.rtp import RTCP_RTPFB, pack_rtcp_packet

from media_worker.rtp.sequence import unwrap

FORMAT = 15
_NOT_RECEIVED, _SMALL_DELTA, _LARGE_DELTA = 0, 1, 2
_DELTA_US = 250
_REFERENCE_US = 64_000
_LONGEST_RUN = 0x1FFF
_MAX_STATUSES = 400  # of one report: with deltas of two bytes it stays below 1,000 bytes
_MAX_PENDING = 2000  # packets between two reports; far more than a sender may send
_MAX_HOLE = 1000  # a longer one is no loss but a new beginning


class ArrivalLog:
    """Arrivals of one transport since its last report."""

    def __init__(self) -> None:
        self._arrivals: dict[int, int] = {}  # by unwrapped number, in microseconds
        self._newest: int | None = None
        self._next: int | None = None  # the first number that no report has spoken of
        self._reports = 0

    def add(self, number: int, arrival_us: int) -> None:
        """Note that packet `number` (16 bits) arrived."""
        unwrapped = number if self._newest is None else unwrap(number, self._newest)
        if self._newest is None or unwrapped > self._newest:
            if self._newest is not None and unwrapped - self._newest > _MAX_HOLE:
                self._arrivals.clear()
                self._next = None
            self._newest = unwrapped
        elif self._newest - unwrapped > _MAX_HOLE:
            return
        if len(self._arrivals) < _MAX_PENDING:
            self._arrivals.setdefault(unwrapped, arrival_us)

    def reports(self, sender_ssrc: int, media_ssrc: int) -> list[bytes]:
        """RTCP packets about everything since the last call; none when nothing came."""
        made = []
        numbers = sorted(self._arrivals)
        while numbers:
            base = numbers[0] if self._next is None else min(numbers[0], self._next)
            taken = [number for number in numbers if number - base < _MAX_STATUSES]
            if not taken:  # the hole itself is longer than a report
                base = numbers[0]
                taken = [number for number in numbers if number - base < _MAX_STATUSES]
            packet, count = self._report(base, taken, sender_ssrc, media_ssrc)
            made.append(packet)
            numbers = numbers[count:]
            self._next = max(taken[count - 1] + 1, self._next or 0)
        self._arrivals.clear()
        return made

    def _report(self, base: int, numbers: Sequence[int], sender_ssrc: int, media_ssrc: int) -> tuple[bytes, int]:
        """A report that begins at `base`, and how many of `numbers` it covers: until a delta doesn't fit."""
        reference = self._arrivals[numbers[0]] // _REFERENCE_US
        before = reference * _REFERENCE_US // _DELTA_US
        statuses: list[int] = []
        deltas = bytearray()
        covered = 0
        for number in numbers:
            now = self._arrivals[number] // _DELTA_US
            delta = now - before
            if not -0x8000 <= delta <= 0x7FFF:
                break
            statuses.extend([_NOT_RECEIVED] * (number - base - len(statuses)))
            if 0 <= delta <= 0xFF:
                statuses.append(_SMALL_DELTA)
                deltas.append(delta)
            else:
                statuses.append(_LARGE_DELTA)
                deltas += struct.pack("!h", delta)
            before = now
            covered += 1
        payload = struct.pack("!IIHH", sender_ssrc, media_ssrc, base & 0xFFFF, len(statuses))
        payload += (reference & 0xFFFFFF).to_bytes(3, "big") + bytes([self._reports & 0xFF])
        payload += _chunks(statuses) + bytes(deltas)
        self._reports += 1
        return pack_rtcp_packet(RTCP_RTPFB, FORMAT, payload + bytes(-len(payload) % 4)), covered


def feedback_in(data: bytes) -> tuple[list[bytes], bytes]:
    """The reports of arrivals in a compound RTCP packet (their FCI, RFC 4585 §6.1), and the rest of it."""
    found, rest, at = [], b"", 0
    while at + 4 <= len(data):
        end = at + 4 + 4 * int.from_bytes(data[at + 2 : at + 4], "big")
        if data[at + 1] == RTCP_RTPFB and data[at] & 0x1F == FORMAT and end <= len(data):
            padding = data[end - 1] if data[at] & 0x20 else 0
            found.append(data[at + 12 : end - padding])
        else:
            rest += data[at:end]
        at = end
    return found, rest + data[at:]


def _chunks(statuses: Sequence[int]) -> bytes:
    """Runs where they are long, else seven symbols of two bits a chunk (§3.1.3, §3.1.4)."""
    out = bytearray()
    at = 0
    while at < len(statuses):
        run = 1
        while at + run < len(statuses) and statuses[at + run] == statuses[at] and run < _LONGEST_RUN:
            run += 1
        if run >= 7 or at + run == len(statuses):
            out += struct.pack("!H", statuses[at] << 13 | run)
            at += run
            continue
        vector = 0xC000
        for place, status in enumerate(statuses[at : at + 7]):
            vector |= status << (12 - 2 * place)
        out += struct.pack("!H", vector)
        at += 7
    return bytes(out)
