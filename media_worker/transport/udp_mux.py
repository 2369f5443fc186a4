"""One UDP port for everybody: whose is a datagram?

A STUN check says by its USERNAME; once it is believed, its source address says it of everything else that comes from
there. What belongs to nobody is dropped unanswered, so that the port tells strangers nothing.
"""

import asyncio
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

import structlog

from media_worker.transport.engine.base import Engine, Kind, Peer, Slow
from media_worker.transport.ice_lite import Address, IceLite, parse_check

log = structlog.get_logger()

_BUFFER_BYTES = 4 << 20  # of the kernel, each way: a fifth of a second at 20,000 packets a second
# Whoever checked from an address so recently keeps it, so that nobody takes it away by forging the source of a check.
# Clients check every 5 s or oftener (RFC 7675 §5.1).
_OWNED_S = 6.0


def open_socket(host: str, port: int) -> socket.socket:
    """A bound UDP socket with large buffers; port 0 is the system's choice. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            with suppress(OSError):  # Linux gives what it allows, macOS refuses what it doesn't
                sock.setsockopt(socket.SOL_SOCKET, option, _BUFFER_BYTES)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


@dataclass(eq=False)
class Endpoint:
    """What the mux knows of one connection. The callables get datagrams that came from the client's addresses."""

    peer: Peer
    ice: IceLite
    on_valid: Callable[[], None]  # the first check was believed, or one from another address
    on_dtls: Callable[[bytes], None]
    on_rtcp: Callable[[bytes, float], None]


class Traffic(NamedTuple):
    bytes_in: int
    bytes_out: int
    packets_in: int
    packets_out: int

    @classmethod
    def of(cls, parts: Sequence["Traffic | Peer"]) -> "Traffic":
        return cls(*(sum(getattr(part, name) for part in parts) for name in cls._fields))


_NO_TRAFFIC = Traffic(0, 0, 0, 0)


@dataclass
class Dropped:
    """Datagrams that were nobody's, by why."""

    malformed: int = 0
    unknown: int = 0
    unsigned: int = 0
    contested: int = 0


@dataclass(eq=False)
class UdpMux:
    engine: Engine
    clock: Callable[[], float] = time.monotonic
    dropped: Dropped = field(default_factory=Dropped)
    _by_ufrag: dict[str, Endpoint] = field(default_factory=dict)
    _by_peer: dict[Peer, Endpoint] = field(default_factory=dict)
    _by_address: dict[Address, Endpoint] = field(default_factory=dict)
    _closed_traffic: Traffic = _NO_TRAFFIC  # of connections that are no more

    def start(self) -> None:
        """Begin to read, in the running event loop."""
        asyncio.get_running_loop().add_reader(self.engine.fileno(), self._on_readable)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.engine.fileno())
        self.engine.close()

    def add(self, endpoint: Endpoint) -> None:
        """Answer checks for the endpoint's credentials; again after it has taken new ones."""
        self._by_peer[endpoint.peer] = endpoint
        for ufrag in endpoint.ice.ufrags:
            self._by_ufrag[ufrag] = endpoint

    def remove(self, endpoint: Endpoint) -> None:
        """Nothing that comes is the endpoint's any more."""
        for ufrag in [ufrag for ufrag, owner in self._by_ufrag.items() if owner is endpoint]:
            del self._by_ufrag[ufrag]
        for address in endpoint.peer.addresses:
            if self._by_address.get(address) is endpoint:
                del self._by_address[address]
        peer = endpoint.peer
        if self._by_peer.pop(peer, None) is not None:
            self._closed_traffic = Traffic.of([self._closed_traffic, peer])
        self.engine.forget(peer)

    def __len__(self) -> int:
        return len(self._by_peer)

    def _on_readable(self) -> None:
        now = self.clock()
        for slow in self.engine.poll(now):
            try:
                self._dispatch(slow, now)
            except Exception:  # whatever one client sends, the others' datagrams go on
                log.exception("datagram_failed", kind=slow.kind.value)

    def traffic(self) -> Traffic:
        """Media that came in, and that went out, since the start."""
        return Traffic.of([self._closed_traffic, *self._by_peer])

    def _dispatch(self, slow: Slow, now: float) -> None:
        if slow.kind is Kind.STUN:
            self._on_stun(slow.data, slow.source, now)
            return
        endpoint = self._by_peer.get(slow.peer) if slow.peer else None
        if endpoint is None:
            self.dropped.unknown += 1
        elif slow.kind is Kind.DTLS:
            endpoint.on_dtls(slow.data)
        else:
            endpoint.on_rtcp(slow.data, now)

    def _on_stun(self, datagram: bytes, source: Address, now: float) -> None:
        check = parse_check(datagram)
        if check is None:
            self.dropped.malformed += 1
            return
        endpoint = self._by_ufrag.get(check.local_ufrag)
        if endpoint is None:
            self.dropped.unknown += 1
            return
        owner = self._by_address.get(source, endpoint)
        if owner is not endpoint and now - (owner.ice.last_check_at or 0.0) < _OWNED_S:
            self.dropped.contested += 1
            return
        ice = endpoint.ice
        known, selected = set(ice.valid), ice.selected
        reply = ice.answer(check, source, now)
        if reply is None:
            self.dropped.unsigned += 1
            return
        self.engine.send(reply, source)
        if owner is not endpoint:
            owner.ice.disown(source)
            self._bind(owner)
        if set(ice.valid) != known or ice.selected != selected:
            self._bind(endpoint)
            endpoint.on_valid()

    def _bind(self, endpoint: Endpoint) -> None:
        for address in endpoint.peer.addresses - set(endpoint.ice.valid):
            self._by_address.pop(address, None)
        for address in endpoint.ice.valid:
            self._by_address[address] = endpoint
        self.engine.bind(endpoint.peer, endpoint.ice.valid, endpoint.ice.selected)
