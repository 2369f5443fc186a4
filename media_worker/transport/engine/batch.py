"""The rung for Linux: many datagrams for each system call, encrypted where they lie. No compiler is needed.

What arrives is read up to 64 datagrams at a time (`recvmmsg`). What leaves is written one packet behind the other into
one buffer, encrypted there by libsrtp, and sent by one `sendmmsg`. Packets of one subscriber that have the same size
lie side by side, so that one message carries them all and the kernel cuts it up (UDP GSO, Linux 4.18): most of what a
packet costs is the way through the kernel. The last of such a run may be shorter, as the last packet of a frame is.

libsrtp is called through the binding inside pylibsrtp 1.0, which that keeps private;
`tests/media_worker/transport/engine/test_engines.py` asks for the names.
"""

import errno
import socket
import struct
from collections.abc import Iterable
from typing import Any

from cffi import FFI
from pylibsrtp._binding import ffi as srtp_ffi
from pylibsrtp._binding import lib as srtp

from media_worker.rtp import vp8
from media_worker.rtp.packet import Forwarded
from media_worker.rtp.routing import Delivery, Route
from media_worker.transport.engine.base import Kind, Peer, Slow, kind_of
from media_worker.transport.engine.portable import PortableEngine
from media_worker.transport.ice_lite import Address
from media_worker.transport.srtp import MAX_SSRCS, SrtpPair

_BATCH = 64  # datagrams of one recvmmsg
_MAX_READS = 16  # of one poll
_ENOUGH = 128  # datagrams of one poll, so that timers get their turn
_SLOT_BYTES = 2048  # of one datagram that arrives
_OUT_BYTES = 1 << 20  # of what one sendmmsg sends
_OUT_MESSAGES = 1024  # UIO_MAXIOV
_LONGEST_PACKET = 2048 + 64  # with what encryption adds
_MAX_SEGMENTS = 64  # UDP_MAX_SEGMENTS of older kernels
_MAX_MESSAGE_BYTES = 60_000  # of one message with all its segments
_SOL_UDP, _UDP_SEGMENT = 17, 103
_NAME_BYTES = 28  # sockaddr_in6

_HEADER = struct.Struct("!BBHII")
_WORD = struct.Struct("!I")

_ffi = FFI()
_ffi.cdef(
    """
    struct iovec { void *iov_base; size_t iov_len; };
    struct msghdr { void *msg_name; unsigned msg_namelen; struct iovec *msg_iov; size_t msg_iovlen;
                    void *msg_control; size_t msg_controllen; int msg_flags; };
    struct mmsghdr { struct msghdr msg_hdr; unsigned msg_len; };
    struct segment { size_t cmsg_len; int cmsg_level; int cmsg_type; uint16_t size; char padding[6]; };
    int sendmmsg(int, struct mmsghdr *, unsigned, int);
    int recvmmsg(int, struct mmsghdr *, unsigned, int, void *);
    """
)


class BatchEngine(PortableEngine):
    name = "batch"

    def __init__(self, sock: socket.socket, *, gso: bool = True) -> None:
        """Takes the bound UDP socket over. Raises AttributeError or OSError where the system calls are missing."""
        super().__init__(sock)
        self._libc: Any = _ffi.dlopen(None)
        self._send_many, self._receive_many = self._libc.sendmmsg, self._libc.recvmmsg
        self._fd = sock.fileno()
        self._family = sock.family
        self._gso = gso
        self._by_name: dict[bytes, Peer] = {}
        self._names: dict[Peer, Any] = {}  # where each peer's packets go, as a sockaddr
        self._length = srtp_ffi.new("int *")
        self._prepare_incoming()
        self._prepare_outgoing()

    def _prepare_incoming(self) -> None:
        self._in = bytearray(_BATCH * _SLOT_BYTES)
        self._in_names = bytearray(_BATCH * _NAME_BYTES)
        self._in_srtp = srtp_ffi.from_buffer(self._in)
        self._in_messages = _ffi.new("struct mmsghdr[]", _BATCH)
        self._in_vectors = _ffi.new("struct iovec[]", _BATCH)
        self._in_keep = data, names = _ffi.from_buffer(self._in), _ffi.from_buffer(self._in_names)
        for number in range(_BATCH):
            vector, header = self._in_vectors[number], self._in_messages[number].msg_hdr
            vector.iov_base, vector.iov_len = data + number * _SLOT_BYTES, _SLOT_BYTES
            header.msg_iov, header.msg_iovlen = self._in_vectors + number, 1
            header.msg_name, header.msg_namelen = names + number * _NAME_BYTES, _NAME_BYTES

    def _prepare_outgoing(self) -> None:
        self._out = bytearray(_OUT_BYTES)
        self._out_srtp = srtp_ffi.from_buffer(self._out)
        self._out_data = _ffi.from_buffer(self._out)
        self._out_messages = _ffi.new("struct mmsghdr[]", _OUT_MESSAGES)
        self._out_vectors = _ffi.new("struct iovec[]", _OUT_MESSAGES)
        self._out_segments = _ffi.new("struct segment[]", _OUT_MESSAGES)
        for number in range(_OUT_MESSAGES):
            header, segment = self._out_messages[number].msg_hdr, self._out_segments[number]
            header.msg_iov, header.msg_iovlen = self._out_vectors + number, 1
            segment.cmsg_len, segment.cmsg_level, segment.cmsg_type = 18, _SOL_UDP, _UDP_SEGMENT

    # Peers ----------------------------------------------------------------------------------------------------------

    def bind(self, peer: Peer, addresses: Iterable[Address], target: Address | None) -> None:
        before = peer.addresses
        super().bind(peer, addresses, target)
        for address in before - peer.addresses:
            if self._by_name.get(self._packed(address)) is peer:
                del self._by_name[self._packed(address)]
        for address in peer.addresses:
            self._by_name[self._packed(address)] = peer
        if target is None:
            self._names.pop(peer, None)
        else:
            self._names[peer] = _ffi.new("char[]", self._packed(target))

    def _packed(self, address: Address) -> bytes:
        """As the kernel writes it: sockaddr_in, or sockaddr_in6 without a scope."""
        host, port = address
        head = struct.pack("=H", self._family) + struct.pack("!H", port)
        if self._family == socket.AF_INET:
            return head + socket.inet_aton(host) + bytes(8)
        return head + bytes(4) + socket.inet_pton(socket.AF_INET6, host) + bytes(4)

    def _address(self, name: bytes) -> Address:
        (port,) = struct.unpack_from("!H", name, 2)
        if self._family == socket.AF_INET:
            return socket.inet_ntoa(name[4:8]), port
        return socket.inet_ntop(socket.AF_INET6, name[8:24]), port

    # In ---------------------------------------------------------------------------------------------------------------

    def poll(self, now: float) -> Iterable[Slow]:
        slow: list[Slow] = []
        deliveries: list[Delivery] = []
        # Until nothing is left: what arrives while the first packets are decrypted goes out together with them.
        for _ in range(_MAX_READS):
            count = self._receive_many(self._fd, self._in_messages, _BATCH, socket.MSG_DONTWAIT, _ffi.NULL)
            if count <= 0:
                break
            for number in range(count):
                self._sort(number, now, deliveries, slow)
            if len(deliveries) + len(slow) >= _ENOUGH:
                break
        if deliveries:
            self.forward(deliveries, now)
        return slow

    def _sort(self, number: int, now: float, deliveries: list[Delivery], slow: list[Slow]) -> None:
        """Look at one of the datagrams that have arrived."""
        message = self._in_messages[number]
        size = message.msg_len
        name_at = number * _NAME_BYTES
        name = bytes(self._in_names[name_at : name_at + message.msg_hdr.msg_namelen])
        message.msg_hdr.msg_namelen = _NAME_BYTES
        if not size:
            return
        peer = self._by_name.get(name)
        at = number * _SLOT_BYTES
        first = self._in[at]
        if 128 <= first < 192 and size > 1 and not 192 <= self._in[at + 1] <= 223:
            if peer is not None and (packet := self._unprotected(peer, at, size)) and peer.receive is not None:
                delivery = peer.receive(packet, now)
                if delivery is not None and delivery.routes:
                    deliveries.append(delivery)
            return
        datagram = bytes(self._in[at : at + size])
        kind = kind_of(datagram)
        if kind is Kind.STUN:
            slow.append(Slow(kind, datagram, self._address(name), peer))
        elif kind is not None and peer is not None:
            opened = self._open_rtcp(peer, datagram) if kind is Kind.RTCP else datagram
            if opened is not None:
                slow.append(Slow(kind, opened, self._address(name), peer))

    def _unprotected(self, peer: Peer, at: int, size: int) -> bytes | None:
        pair = peer.secured
        if not isinstance(pair, SrtpPair):
            return None
        ssrc = bytes(self._in[at + 8 : at + 12])
        known = ssrc in pair.ssrcs
        length = self._length
        length[0] = size
        if not known and len(pair.ssrcs) >= MAX_SSRCS:
            peer.refused += 1
            return None
        if srtp.srtp_unprotect(pair.incoming_handle, self._in_srtp + at, length):
            peer.refused += 1
            return None
        if not known:
            pair.ssrcs.add(ssrc)
        peer.packets_in += 1
        peer.bytes_in += size
        return bytes(self._in[at : at + length[0]])

    # Out --------------------------------------------------------------------------------------------------------------

    def forward(self, deliveries: list[Delivery], now: float) -> None:
        """Send packets on their ways: peer by peer, so that a peer's lie side by side."""
        by_peer: dict[Peer, list[tuple[Route, Forwarded]]] = {}
        for packet, routes in deliveries:
            for route in routes:
                if (waiting := by_peer.get(route.peer)) is None:
                    by_peer[route.peer] = [(route, packet)]
                else:
                    waiting.append((route, packet))
        at = messages = 0
        for peer, waiting in by_peer.items():
            name = self._names.get(peer)
            if name is None or not isinstance(peer.secured, SrtpPair):
                continue
            room = len(waiting)
            if at + room * _LONGEST_PACKET > _OUT_BYTES or messages + room > _OUT_MESSAGES:
                self._flush(messages)
                at = messages = 0
            at, messages = self._write(peer, peer.secured, name, waiting, at, messages, now)
        self._flush(messages)

    def _write(
        self,
        peer: Peer,
        pair: SrtpPair,
        name: Any,
        waiting: list[tuple[Route, Forwarded]],
        at: int,
        messages: int,
        now: float,
    ) -> tuple[int, int]:
        """Write and encrypt one peer's packets behind `at`; how far that went, and how many messages there are now."""
        out, out_srtp, length, protect = self._out, self._out_srtp, self._length, srtp.srtp_protect
        handle = pair.outgoing_handle
        pack, pack_word = _HEADER.pack_into, _WORD.pack_into
        segment = segments = 0  # size and number of those of the newest message; 0: it takes no more
        start = at
        packets = 0
        for route, packet in waiting:
            numbering = route.numbering
            first, marker, payload_type, number, timestamp, rest, extension_end, feedback_at, word, picture = packet
            sequence = numbering.outgoing(number)
            if sequence is None:
                continue
            if numbering.payload_types is not None:
                payload_type = numbering.payload_types.get(payload_type, payload_type)
            plain = 12 + len(rest)
            timestamp = (timestamp + numbering.timestamp_offset) & 0xFFFFFFFF
            pack(out, at, first, marker | payload_type, sequence & 0xFFFF, timestamp, route.ssrc)
            out[at + 12 : at + plain] = rest
            if picture is not None:
                vp8.write(out, at, picture, numbering.picture_offset, numbering.tl0_offset)
            if feedback_at and (sent := route.sent) is not None:
                pack_word(out, at + feedback_at, word | sent.note(now, plain))
            length[0] = plain
            if protect(handle, out_srtp + at, length):
                peer.refused += 1
                continue
            size = length[0]
            route.packets += 1
            route.octets += plain - 12 - extension_end
            packets += 1
            if 0 < size <= segment and segments < _MAX_SEGMENTS:
                vector = self._out_vectors[messages - 1]
                vector.iov_len += size
                if segments == 1:
                    header = self._out_messages[messages - 1].msg_hdr
                    self._out_segments[messages - 1].size = segment
                    header.msg_control, header.msg_controllen = self._out_segments + messages - 1, 24
                segments += 1
                if size < segment or vector.iov_len + segment > _MAX_MESSAGE_BYTES:
                    segment = 0
            else:
                vector, header = self._out_vectors[messages], self._out_messages[messages].msg_hdr
                vector.iov_base, vector.iov_len = self._out_data + at, size
                header.msg_name, header.msg_namelen = name, len(name) - 1
                header.msg_control, header.msg_controllen = _ffi.NULL, 0
                messages += 1
                segment, segments = (size if self._gso else 0), 1
            at += size
        peer.packets_out += packets
        peer.bytes_out += at - start
        return at, messages

    def _flush(self, messages: int) -> None:
        sent = 0
        while sent < messages:
            done = self._send_many(self._fd, self._out_messages + sent, messages - sent, socket.MSG_DONTWAIT)
            if done > 0:
                sent += done
            elif _ffi.errno == errno.EAGAIN:
                return  # the network takes no more: as if lost on the way
            elif _ffi.errno in (errno.EIO, errno.EINVAL) and self._out_messages[sent].msg_hdr.msg_controllen:
                self._gso = False  # a path that can't: what lies here goes one by one, and so does all that follows
                self._send_apart(sent)
                sent += 1
            elif _ffi.errno != errno.EINTR:
                sent += 1  # no way to this one

    def _send_apart(self, number: int) -> None:
        """The segments of one message as datagrams of their own."""
        message, vector = self._out_messages[number].msg_hdr, self._out_vectors[number]
        target = self._address(bytes(_ffi.buffer(message.msg_name, message.msg_namelen)))
        whole = bytes(_ffi.buffer(vector.iov_base, vector.iov_len))
        size = self._out_segments[number].size
        for at in range(0, len(whole), size):
            self.send(whole[at : at + size], target)
