"""The rung that runs everywhere: a system call for each datagram, libsrtp through its Python binding."""

import socket
from collections.abc import Iterable

from media_worker.rtp.routing import Delivery
from media_worker.transport.dtls import SrtpKeys
from media_worker.transport.engine.base import Kind, Peer, Slow, kind_of
from media_worker.transport.ice_lite import Address
from media_worker.transport.srtp import SrtpPair

_MAX_DATAGRAMS = 64  # of one poll, so that timers get their turn
_MAX_BYTES = 2048  # of a datagram; WebRTC sends no longer ones than an Ethernet frame carries


class PortableEngine:
    name = "portable"

    def __init__(self, sock: socket.socket) -> None:
        """Takes the bound UDP socket over."""
        sock.setblocking(False)
        self._socket = sock
        self._by_address: dict[Address, Peer] = {}

    def fileno(self) -> int:
        return self._socket.fileno()

    @property
    def address(self) -> Address:
        host, port = self._socket.getsockname()[:2]
        return host, port

    def poll(self, now: float) -> Iterable[Slow]:
        slow: list[Slow] = []
        for _ in range(_MAX_DATAGRAMS):
            try:
                datagram, source = self._socket.recvfrom(_MAX_BYTES)
            except BlockingIOError:
                break
            except OSError:  # an ICMP error of what was sent before
                continue
            if not datagram:
                continue
            address = (source[0], source[1])
            peer = self._by_address.get(address)
            kind = kind_of(datagram)
            if kind is None:
                if peer is not None:
                    self._take(peer, datagram, now)
            elif kind is Kind.STUN:
                slow.append(Slow(kind, datagram, address, peer))
            elif peer is not None:
                if kind is Kind.RTCP:
                    opened = self._open_rtcp(peer, datagram)
                    if opened is None:
                        continue
                    datagram = opened
                slow.append(Slow(kind, datagram, address, peer))
        return slow

    def _take(self, peer: Peer, datagram: bytes, now: float) -> None:
        if not isinstance(peer.secured, SrtpPair) or peer.receive is None or datagram[0] >> 6 != 2:
            return
        packet = peer.secured.unprotect(datagram)
        if packet is None:
            peer.refused += 1
            return
        peer.packets_in += 1
        peer.bytes_in += len(datagram)
        delivery = peer.receive(packet, now)
        if delivery is not None:
            self._forward(delivery, now)

    def _forward(self, delivery: Delivery, now: float) -> None:
        packet, routes = delivery
        octets = len(packet.rest) - packet.extension_end
        for route in routes:
            sequence = route.numbering.outgoing(packet.sequence)
            if sequence is None:
                continue
            route.packets += 1
            route.octets += octets
            self.send_rtp(route.peer, route.written(packet, sequence, now))

    def _open_rtcp(self, peer: Peer, datagram: bytes) -> bytes | None:
        if not isinstance(peer.secured, SrtpPair):
            return None
        opened = peer.secured.unprotect_rtcp(datagram)
        if opened is None:
            peer.refused += 1
        return opened

    def bind(self, peer: Peer, addresses: Iterable[Address], target: Address | None) -> None:
        wanted = set(addresses)
        for address in peer.addresses - wanted:
            if self._by_address.get(address) is peer:
                del self._by_address[address]
        for address in wanted:
            self._by_address[address] = peer
        peer.addresses = wanted
        peer.target = target

    def secure(self, peer: Peer, keys: SrtpKeys) -> None:
        peer.secured = SrtpPair(keys)

    def forget(self, peer: Peer) -> None:
        self.bind(peer, (), None)
        peer.secured = peer.receive = None

    def send(self, data: bytes, target: Address) -> None:
        try:
            self._socket.sendto(data, target)
        except OSError:  # a full buffer, no way there: as if lost on the way
            pass

    def send_rtp(self, peer: Peer, packet: bytes) -> None:
        if not isinstance(peer.secured, SrtpPair) or peer.target is None:
            return
        datagram = peer.secured.protect(packet)
        if datagram is None:
            peer.refused += 1
            return
        peer.packets_out += 1
        peer.bytes_out += len(datagram)
        self.send(datagram, peer.target)

    def send_rtcp(self, peer: Peer, packet: bytes) -> None:
        if isinstance(peer.secured, SrtpPair) and peer.target is not None:
            datagram = peer.secured.protect_rtcp(packet)
            if datagram is not None:
                self.send(datagram, peer.target)

    def close(self) -> None:
        self._by_address.clear()
        self._socket.close()
