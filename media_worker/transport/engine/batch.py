"""The rung for Linux: many datagrams for each system call, encrypted where they lie. No compiler is needed.

What arrives is read up to 64 datagrams at a time (`recvmmsg`). What leaves is written into slots of one buffer, each
packet into the next, encrypted there by libsrtp, and sent by one `sendmmsg`. Packets of one subscriber that have the
same size are one message, and the kernel cuts it up (UDP GSO, Linux 4.18): most of what a packet costs is the way
through the kernel. The last of such a run may be shorter, as the last packet of a frame is.

Pointers into the buffers, and all of a message that stays as it is, are made once: what is left for each packet are the
few numbers that are its own.

libsrtp is called through the binding inside pylibsrtp 1.0, which that keeps private;
`tests/media_worker/transport/engine/test_engines.py` asks for the names.
"""

import errno
import socket
import struct
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

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
_OUT_SLOT_BYTES = 2048 + 64  # of one that leaves, with what encryption adds
_OUT_SLOTS = 1024  # of what one sendmmsg sends at the most: UIO_MAXIOV
_MAX_SEGMENTS = 64  # UDP_MAX_SEGMENTS of older kernels
_MAX_MESSAGE_BYTES = 60_000  # of one message with all its segments
_SOL_UDP, _UDP_SEGMENT = 17, 103
_NAME_BYTES = 28  # sockaddr_in6

_WORD = struct.Struct("!I")
_MESSAGE = struct.Struct("@PIPNPN")  # struct msghdr without its flags

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
_VECTOR_BYTES, _MESSAGE_BYTES = _ffi.sizeof("struct iovec"), _ffi.sizeof("struct mmsghdr")
_SEGMENT_BYTES = _ffi.sizeof("struct segment")
_MESSAGE_WORDS, _LENGTH_WORD = _MESSAGE_BYTES // 4, _ffi.offsetof("struct mmsghdr", "msg_len") // 4


@lru_cache(maxsize=2048)
def _packer(size: int) -> Callable[..., None]:
    """What writes a fixed header and so many bytes behind it: one call is quicker than two."""
    return struct.Struct(f"!BBHII{size}s").pack_into


# What is the same for all subscribers of a packet: what writes it, the first two bytes, the number and the timestamp of
# its track, what follows the fixed header, the bytes of the whole and of its payload, VP8's numbers, the packet.
_Ready = tuple[Callable[..., None], int, int, int, int, bytes, int, int, vp8.Picture | None, Forwarded]


def _ready(packet: Forwarded) -> _Ready:
    first, marker, payload_type, number, timestamp, rest, payload_at, _, _, picture = packet
    size = len(rest)
    second = marker | payload_type
    return _packer(size), first, second, number, timestamp, rest, 12 + size, size - payload_at, picture, packet


class _Name(NamedTuple):
    """A sockaddr, where it lies, and how long it is."""

    memory: Any
    at: int
    length: int


class BatchEngine(PortableEngine):
    name = "batch"

    def __init__(self, sock: socket.socket, *, gso: bool = True) -> None:
        """Takes the bound UDP socket over. Raises AttributeError or OSError where the system calls are missing."""
        super().__init__(sock)
        self._libc: Any = _ffi.dlopen(None)
        self._send_many, self._receive_many = self._libc.sendmmsg, self._libc.recvmmsg
        self._fd = sock.fileno()
        self._family = sock.family
        self._name_bytes = 16 if sock.family == socket.AF_INET else 28  # sockaddr_in, sockaddr_in6
        self._gso = gso
        self._by_name: dict[bytes, Peer] = {}
        self._names: dict[Peer, _Name] = {}  # where each peer's packets go
        self._length = srtp_ffi.new("int *")
        self._prepare_incoming()
        self._prepare_outgoing()

    def _prepare_incoming(self) -> None:
        self._in = bytearray(_BATCH * _SLOT_BYTES)
        self._in_names = bytearray(_BATCH * _NAME_BYTES)
        self._in_srtp = srtp_ffi.from_buffer(self._in)
        self._in_view, self._names_view = memoryview(self._in), memoryview(self._in_names)
        self._in_messages = _ffi.new("struct mmsghdr[]", _BATCH)
        self._in_words = memoryview(_ffi.buffer(self._in_messages)).cast("I")
        self._in_vectors = _ffi.new("struct iovec[]", _BATCH)
        self._in_keep = data, names = _ffi.from_buffer(self._in), _ffi.from_buffer(self._in_names)
        for number in range(_BATCH):
            vector, header = self._in_vectors[number], self._in_messages[number].msg_hdr
            vector.iov_base, vector.iov_len = data + number * _SLOT_BYTES, _SLOT_BYTES
            header.msg_iov, header.msg_iovlen = self._in_vectors + number, 1
            header.msg_name, header.msg_namelen = names + number * _NAME_BYTES, self._name_bytes

    def _prepare_outgoing(self) -> None:
        self._out = bytearray(_OUT_SLOTS * _OUT_SLOT_BYTES)
        slots = _ffi.from_buffer(self._out)
        self._vectors = _ffi.new("struct iovec[]", _OUT_SLOTS)
        self._out_messages = _ffi.new("struct mmsghdr[]", _OUT_SLOTS)
        self._segments = _ffi.new("struct segment[]", _OUT_SLOTS)
        # The same memory, for the quicker ways of Python to write into it.
        self._lengths = memoryview(_ffi.buffer(self._vectors)).cast("L")  # every second one
        self._headers = memoryview(_ffi.buffer(self._out_messages))
        srtp_slots, srtp_vectors = srtp_ffi.from_buffer(self._out), _address_of(self._vectors)
        self._slot_pointers, self._length_pointers = [], []
        for number in range(_OUT_SLOTS):
            self._vectors[number].iov_base = slots + number * _OUT_SLOT_BYTES
            self._slot_pointers.append(srtp_slots + number * _OUT_SLOT_BYTES)
            # libsrtp's int is the lower half of what the system call reads, and the upper half stays 0.
            length_at = srtp_vectors + number * _VECTOR_BYTES + _VECTOR_BYTES // 2
            self._length_pointers.append(srtp_ffi.cast("int *", length_at))
            segment = self._segments[number]
            segment.cmsg_len, segment.cmsg_level, segment.cmsg_type = 18, _SOL_UDP, _UDP_SEGMENT
        self._vectors_at, self._segments_at = srtp_vectors, _address_of(self._segments)

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
            packed = self._packed(target)
            name = _ffi.new("char[]", packed)
            self._names[peer] = _Name(name, _address_of(name), len(packed))

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
        size = self._in_words[number * _MESSAGE_WORDS + _LENGTH_WORD]
        if not size:
            return
        name_at = number * _NAME_BYTES
        name = self._names_view[name_at : name_at + self._name_bytes].tobytes()
        peer = self._by_name.get(name)
        at = number * _SLOT_BYTES
        first = self._in[at]
        if 128 <= first < 192 and size > 1 and not 192 <= self._in[at + 1] <= 223:
            if peer is not None and (packet := self._unprotected(peer, at, size)) and peer.receive is not None:
                delivery = peer.receive(packet, now)
                if delivery is not None and delivery.routes:
                    deliveries.append(delivery)
            return
        datagram = self._in_view[at : at + size].tobytes()
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
        ssrc = self._in_view[at + 8 : at + 12].tobytes()
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
        return self._in_view[at : at + length[0]].tobytes()

    # Out --------------------------------------------------------------------------------------------------------------

    def forward(self, deliveries: list[Delivery], now: float) -> None:
        """Send packets on their ways: peer by peer, so that a peer's lie side by side, and of each track in order."""
        by_track: dict[int, tuple[Sequence[Route], list[_Ready]]] = {}
        for packet, routes in deliveries:
            if (together := by_track.get(id(routes))) is None:
                by_track[id(routes)] = (routes, [_ready(packet)])
            else:
                together[1].append(_ready(packet))
        by_peer: dict[Peer, list[tuple[Route, list[_Ready]]]] = {}
        for routes, packets in by_track.values():
            for route in routes:
                by_peer.setdefault(route.peer, []).append((route, packets))
        slot = 0
        written: list[tuple[Peer, SrtpPair, int, int]] = []
        for peer, waiting in by_peer.items():
            pair = peer.secured
            if peer not in self._names or not isinstance(pair, SrtpPair):
                continue
            if slot + sum(len(packets) for _, packets in waiting) > _OUT_SLOTS:
                self._send_written(written)
                slot, written = 0, []
            begin, slot = slot, self._write(waiting, slot, now)
            written.append((peer, pair, begin, slot))
        self._send_written(written)

    def _write(self, waiting: list[tuple[Route, list[_Ready]]], slot: int, now: float) -> int:
        """Write one peer's packets into the slots from this one on; the first that is free then."""
        out, lengths = self._out, self._lengths
        at = slot * _OUT_SLOT_BYTES
        for route, packets in waiting:
            numbering, ssrc, sent = route.numbering, route.ssrc, route.sent
            outgoing, types, shift = numbering.outgoing, numbering.payload_types, numbering.timestamp_offset
            begin, octets = slot, 0
            for pack, first, second, number, timestamp, rest, size, media, picture, packet in packets:
                if (sequence := outgoing(number)) is None:
                    continue
                if types is not None:
                    second = packet.marker | types.get(packet.payload_type, packet.payload_type)
                pack(out, at, first, second, sequence & 0xFFFF, (timestamp + shift) & 0xFFFFFFFF, ssrc, rest)
                if picture is not None:
                    vp8.write(out, at, picture, numbering.picture_offset, numbering.tl0_offset)
                if sent is not None and packet.feedback_at:
                    number_at = at + packet.feedback_at
                    _WORD.pack_into(out, number_at, packet.feedback_word | sent.note(now, size))
                octets += media
                lengths[2 * slot + 1] = size
                slot += 1
                at += _OUT_SLOT_BYTES
            route.packets += slot - begin
            route.octets += octets
        return slot

    def _send_written(self, written: list[tuple[Peer, SrtpPair, int, int]]) -> None:
        """Encrypt and send what lies in these peers' slots: from, up to but not with."""
        if not written:
            return
        lengths = self._lengths
        handles: list[Any] = []
        for _, pair, begin, end in written:
            handles += [pair.outgoing_handle] * (end - begin)
        failed = map(srtp.srtp_protect, handles, self._slot_pointers, self._length_pointers)
        for slot in [slot for slot, error in enumerate(failed) if error]:
            lengths[2 * slot + 1] = 0
        messages = 0
        for peer, _, begin, end in written:
            sizes = lengths[2 * begin + 1 : 2 * end : 2].tolist()
            peer.bytes_out += sum(sizes)
            peer.refused += sizes.count(0)
            peer.packets_out += len(sizes) - sizes.count(0)
            messages = self._address_to(self._names[peer], sizes, begin, messages)
        self._flush(messages)

    def _address_to(self, name: _Name, sizes: list[int], slot: int, messages: int) -> int:
        """Make messages of one peer's packets, which lie from `slot` on; how many messages there are now."""
        most = _MAX_SEGMENTS if self._gso else 1
        at = 0
        while at < len(sizes):
            size, begin = sizes[at], at
            at += 1
            if not size:  # could not be encrypted
                continue
            until = min(len(sizes), begin + min(most, _MAX_MESSAGE_BYTES // size))
            while at < until and sizes[at] == size:
                at += 1
            if at < until and 0 < sizes[at] < size:
                at += 1
            control = control_length = 0
            if at - begin > 1:
                self._segments[messages].size = size
                control, control_length = self._segments_at + messages * _SEGMENT_BYTES, _SEGMENT_BYTES
            vectors = self._vectors_at + (slot + begin) * _VECTOR_BYTES
            place = messages * _MESSAGE_BYTES
            _MESSAGE.pack_into(self._headers, place, name.at, name.length, vectors, at - begin, control, control_length)
            messages += 1
        return messages

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
        message = self._out_messages[number].msg_hdr
        target = self._address(bytes(_ffi.buffer(message.msg_name, message.msg_namelen)))
        for place in range(message.msg_iovlen):
            vector = message.msg_iov[place]
            self.send(bytes(_ffi.buffer(vector.iov_base, vector.iov_len)), target)


def _address_of(memory: Any) -> int:
    return int(_ffi.cast("uintptr_t", memory))
