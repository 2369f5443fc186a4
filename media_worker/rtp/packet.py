"""An RTP packet with its header taken apart, so that it can be numbered anew without a look at its payload.

0                   1                   2                   3
|V=2|P|X|  CC   |M|     PT      |       sequence number         |     RFC 3550 §5.1
|                           timestamp                           |
|                             SSRC                              |
|                     CSRC (CC of them)                         |
|      extension profile        |      length in 32-bit words   |     if X; RFC 8285
"""

import struct
from typing import NamedTuple

from media_worker.rtp.extensions import NONE, Extensions
from media_worker.rtp.vp8 import Picture

_FIXED = struct.Struct("!BBHII")
_EXTENSION = struct.Struct("!HH")
FIXED_BYTES = _FIXED.size
# Makes a named tuple in half the time: it is done for every packet.
_new = tuple.__new__


class MalformedPacket(ValueError):
    """The datagram is not what its first byte says."""


class Packet(NamedTuple):
    marker: int  # 0x80 or 0
    payload_type: int
    sequence: int  # 16 bits
    timestamp: int  # 32 bits, in units of the codec's clock rate
    ssrc: int
    padding: int  # 0x20 or 0; the padding itself is the end of the payload
    csrcs: bytes
    extension_profile: int  # 0 where there is none
    extension_block: bytes
    payload: bytes


def parse(data: bytes) -> Packet:
    """Take apart a packet that was decrypted. Raises `MalformedPacket`."""
    if len(data) < FIXED_BYTES:
        raise MalformedPacket("an RTP packet has at least 12 bytes")
    first, second, sequence, timestamp, ssrc = _FIXED.unpack_from(data)
    if first >> 6 != 2:
        raise MalformedPacket("not version 2 of RTP")
    if first & 0x0F:
        at = FIXED_BYTES + 4 * (first & 0x0F)
        csrcs = data[FIXED_BYTES:at]
    else:
        at, csrcs = FIXED_BYTES, b""
    profile, block = 0, b""
    if first & 0x10:
        if len(data) < at + 4:
            raise MalformedPacket("the header extension is cut off")
        profile, words = _EXTENSION.unpack_from(data, at)
        at += 4
        block = data[at : at + 4 * words]
        at += 4 * words
    if len(data) < at:
        raise MalformedPacket("the header is cut off")
    padded, media = first & 0x20, data[at:]
    fields = (second & 0x80, second & 0x7F, sequence, timestamp, ssrc, padded, csrcs, profile, block, media)
    return _new(Packet, fields)


def media_of(packet: Packet) -> bytes:
    """The payload without padding; empty for a packet that is nothing but padding. Raises `MalformedPacket`."""
    if not packet.padding:
        return packet.payload
    if not packet.payload or not 1 <= packet.payload[-1] <= len(packet.payload):
        raise MalformedPacket("more padding than payload")
    return packet.payload[: -packet.payload[-1]]


class Forwarded(NamedTuple):
    """A packet as all subscribers get it, but for what each gets its own of: the twelve bytes of the fixed header, the
    transport-wide number, and what VP8 counts pictures by. Places are counted from the packet's first byte.
    """

    first_byte: int
    marker: int  # 0x80 or 0
    payload_type: int
    sequence: int  # unwrapped: it only grows, and has no 16-bit limit
    timestamp: int
    rest: bytes  # CSRCs, header extensions, payload
    extension_end: int  # where in `rest` the payload begins
    feedback_at: int = 0  # where the word for the transport-wide number is; 0: there is none
    feedback_word: int = 0  # that word with a number of 0
    picture: Picture | None = None  # VP8's numbers, of a track with several layers

    def numbered(self, payload_type: int, sequence: int, timestamp: int, ssrc: int) -> bytes:
        return (
            _FIXED.pack(self.first_byte, self.marker | payload_type, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc)
            + self.rest
        )

    def resent(self, payload_type: int, sequence: int, original: int, timestamp: int, ssrc: int) -> bytes:
        """As a retransmission: the original sequence number stands before the payload (RFC 4588 §4)."""
        end = self.extension_end
        header = _FIXED.pack(
            self.first_byte, self.marker | payload_type, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc
        )
        return header + self.rest[:end] + (original & 0xFFFF).to_bytes(2, "big") + self.rest[end:]


def for_forwarding(
    packet: Packet,
    sequence: int,
    timestamp: int,
    payload_type: int,
    extensions: Extensions,
    picture: Picture | None = None,
) -> Forwarded:
    """`packet` with its track's numbers, and the payload type and header extensions that subscribers know."""
    written, numbered_word = extensions
    csrcs = packet.csrcs
    head = csrcs + written if csrcs else written
    fields = (
        0x90 | packet.padding | len(csrcs) // 4,
        packet.marker,
        payload_type,
        sequence,
        timestamp,
        head + packet.payload,
        len(head),
        FIXED_BYTES + len(csrcs) + _EXTENSION.size,
        numbered_word,
        picture and picture.moved(FIXED_BYTES + len(head)),
    )
    return _new(Forwarded, fields)


def padding(payload_type: int, sequence: int, timestamp: int, ssrc: int, size: int) -> Forwarded:
    """A packet of nothing but `size` bytes of padding, 1 to 255, to fill a path with (RFC 3550 §5.1)."""
    empty = Packet(0, payload_type, 0, 0, ssrc, 0x20, b"", 0, b"", bytes(size - 1) + bytes([size]))
    return for_forwarding(empty, sequence, timestamp, payload_type, NONE)


def restore(packet: Packet, payload_type: int, ssrc: int) -> Packet | None:
    """The packet that a retransmission carries (RFC 4588 §4); None when it carries none, but only probes the path."""
    media = media_of(packet)
    if len(media) < 2:
        return None
    original = int.from_bytes(media[:2], "big")
    return packet._replace(payload_type=payload_type, ssrc=ssrc, sequence=original, padding=0, payload=media[2:])
