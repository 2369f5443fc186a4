"""The words that the engine and the SFU share: to whom one packet goes, and as what."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from media_worker.rtp import vp8
from media_worker.rtp.packet import Forwarded
from media_worker.rtp.sent_log import SentLog, stamp
from media_worker.rtp.sequence import Numbering


@dataclass(slots=True, eq=False)
class Route:
    """One track's way to one peer: what of each packet's header is that peer's own."""

    peer: Any  # the engine's, which alone looks into it
    ssrc: int
    numbering: Numbering
    packets: int = 0
    octets: int = 0  # of payload, as sender reports count them (RFC 3550 §6.4.1)
    sent: SentLog | None = None  # where the peer tells when packets came; never of what is sent again as it was

    def written(self, packet: Forwarded, sequence: int, now: float) -> bytes:
        """The packet as it leaves under this number, for who does not write it in place."""
        plain = renumbered(packet, self.numbering, sequence, self.ssrc)
        if self.sent is None:
            return plain
        out = bytearray(plain)
        stamp(out, 0, packet, self.sent, now)
        return bytes(out)


def renumbered(packet: Forwarded, numbering: Numbering, sequence: int, ssrc: int) -> bytes:
    """The packet with a subscriber's numbers, without a transport-wide one."""
    types, payload_type = numbering.payload_types, packet.payload_type
    if types is not None:
        payload_type = types.get(payload_type, payload_type)
    plain = packet.numbered(payload_type, sequence, packet.timestamp + numbering.timestamp_offset, ssrc)
    if packet.picture is None:
        return plain
    out = bytearray(plain)
    vp8.write(out, 0, packet.picture, numbering.picture_offset, numbering.tl0_offset)
    return bytes(out)


class Delivery(NamedTuple):
    packet: Forwarded
    routes: Sequence[Route]
