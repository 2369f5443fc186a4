"""What an engine promises, whichever rung it is.

An engine owns the socket, the SRTP sessions and the loop over subscribers: what is done for each packet. What a packet
means is decided outside, once per packet that comes in. Everything else that arrives is handed back: it is rare.

Rungs: `portable` (asyncio, pylibsrtp, sendto) and `batch` (Linux: batched system calls into preallocated buffers). A
`native` one in C fits the same interface: it takes peers, addresses, keys and routes as they are told here, and calls
`receive` for a whole batch.
"""

import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from media_worker.rtp.routing import Delivery
from media_worker.transport.dtls import SrtpKeys
from media_worker.transport.ice_lite import Address


@dataclass(slots=True, eq=False)
class Peer:
    """One connection as the engine knows it. Its fields are the engine's."""

    receive: "Receive | None" = None
    addresses: set[Address] = field(default_factory=set)
    target: Address | None = None
    secured: object = None  # the rung's SRTP state; None before the keys are there
    packets_in: int = 0
    bytes_in: int = 0
    packets_out: int = 0
    bytes_out: int = 0
    refused: int = 0  # forged, replayed, too old, or too long to send


# A decrypted RTP packet and its arrival (monotonic, seconds) → to whom it goes; None: to nobody.
Receive = Callable[[bytes, float], Delivery | None]


class Kind(enum.Enum):
    STUN = "stun"
    DTLS = "dtls"
    RTCP = "rtcp"  # decrypted


class Slow(NamedTuple):
    """A datagram that isn't RTP. `peer` is None where its source is nobody's address: that may only be STUN."""

    kind: Kind
    data: bytes
    source: Address
    peer: Peer | None


class Engine(Protocol):
    """Errors of the network lose datagrams; no method raises for them."""

    name: str

    def fileno(self) -> int:
        """The socket, to wait for."""
        ...

    @property
    def address(self) -> Address:
        """Where it is bound."""
        ...

    def poll(self, now: float) -> Iterable[Slow]:
        """Forward what RTP has arrived, a bounded number of datagrams, and hand back the rest. Never blocks."""
        ...

    def bind(self, peer: Peer, addresses: Iterable[Address], target: Address | None) -> None:
        """Take datagrams from these addresses, and no others, for the peer's; send its own to `target`."""
        ...

    def secure(self, peer: Peer, keys: SrtpKeys) -> None:
        """Begin to decrypt and encrypt for the peer."""
        ...

    def forget(self, peer: Peer) -> None:
        """The peer is gone: its addresses and keys are, too. Routes to it are sent nothing any more."""
        ...

    def send(self, data: bytes, target: Address) -> None:
        """Send a datagram as it is."""
        ...

    def send_rtp(self, peer: Peer, packet: bytes) -> None:
        """Encrypt and send to the peer; lost where it has no keys or no address."""
        ...

    def send_rtcp(self, peer: Peer, packet: bytes) -> None:
        """The same for RTCP."""
        ...

    def close(self) -> None:
        """Close the socket."""
        ...


def kind_of(datagram: bytes) -> Kind | None:
    """What a datagram is by its first bytes; None for RTP, and for nothing known (RFC 7983 §7, RFC 5761 §4)."""
    first = datagram[0]
    if first < 4:
        return Kind.STUN
    if 20 <= first < 64:
        return Kind.DTLS
    if 128 <= first < 192 and len(datagram) > 1 and 192 <= datagram[1] <= 223:
        return Kind.RTCP
    return None
