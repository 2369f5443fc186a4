"""The words that the engine and the SFU share: to whom one packet goes, and as what."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from media_worker.rtp.packet import Forwarded
from media_worker.rtp.sequence import Numbering


@dataclass(slots=True, eq=False)
class Route:
    """One track's way to one peer: what of each packet's header is that peer's own."""

    peer: Any  # the engine's, which alone looks into it
    ssrc: int
    numbering: Numbering
    packets: int = 0
    octets: int = 0  # of payload, as sender reports count them (RFC 3550 §6.4.1)


class Delivery(NamedTuple):
    packet: Forwarded
    routes: Sequence[Route]
