"""What every rung promises; a subclass for each."""

import errno
import os
import socket
import sys
from collections.abc import Iterator
from typing import Any

import pylibsrtp
import pytest

from media_worker.rtp.packet import Forwarded
from media_worker.rtp.routing import Delivery, Route
from media_worker.rtp.sequence import Numbering
from media_worker.transport.dtls import PROFILES, SrtpKeys
from media_worker.transport.engine import batch
from media_worker.transport.engine.base import Engine, Kind, Peer, Slow
from media_worker.transport.engine.batch import BatchEngine
from media_worker.transport.engine.choice import open_engine
from media_worker.transport.engine.portable import PortableEngine
from media_worker.transport.srtp import SrtpPair
from media_worker.transport.udp_mux import open_socket

NOW = 1.0
PATIENCE_S = 20.0


def keys(profile: int = 0) -> SrtpKeys:
    length = PROFILES[profile].key_length + PROFILES[profile].salt_length
    key = os.urandom(length)
    return SrtpKeys(PROFILES[profile], key, key)


class Client:
    """A peer's other side. Both directions have one key, which is enough for a test."""

    def __init__(self, engine: Engine, profile: int = 0, host: str = "127.0.0.1") -> None:
        self.socket = open_socket(host, 0)
        self.socket.settimeout(PATIENCE_S)
        self.address = self.socket.getsockname()[:2]
        self.engine = engine
        self.peer = Peer()
        shared = keys(profile)
        self.srtp = SrtpPair(shared)
        engine.bind(self.peer, [self.address], self.address)
        engine.secure(self.peer, shared)

    def send(self, packet: bytes, *, rtcp: bool = False) -> bytes:
        protected = self.srtp.protect_rtcp(packet) if rtcp else self.srtp.protect(packet)
        assert protected is not None
        self.send_raw(protected)
        return protected

    def send_raw(self, datagram: bytes) -> None:
        self.socket.sendto(datagram, self.engine.address)

    def receive(self) -> bytes:
        packet = self.srtp.unprotect(self.socket.recv(4096))
        assert packet is not None
        return packet

    def has_nothing(self) -> bool:
        self.socket.setblocking(False)
        try:
            self.socket.recv(4096)
        except BlockingIOError:
            return True
        return False


def rtp(number: int, size: int = 20) -> bytes:
    return bytes.fromhex("8060") + number.to_bytes(2, "big") + bytes(4) + b"\0\0\0\5" + bytes([number & 0xFF]) * size


def forwarded(data: bytes, sequence: int) -> Forwarded:
    return Forwarded(0x80, 0, 96, sequence, 0, data[12:], 0)


class EngineSuite:
    """`engine` is opened by the subclass on 127.0.0.1."""

    def open(self, host: str = "127.0.0.1") -> Engine:
        raise NotImplementedError

    @pytest.fixture
    def engine(self) -> Iterator[Engine]:
        engine = self.open()
        yield engine
        engine.close()

    @pytest.fixture
    def clients(self, engine: Engine) -> Iterator[list[Client]]:
        clients = [Client(engine, profile % 2) for profile in range(4)]
        yield clients
        for client in clients:
            client.socket.close()

    def poll(self, engine: Engine) -> list[Slow]:
        """Until something has come that isn't RTP: send that last."""
        while True:
            if slow := list(engine.poll(NOW)):
                return slow

    def test_a_packet_goes_to_every_route_with_the_numbers_of_each(self, engine: Engine, clients: list[Client]) -> None:
        publisher, *subscribers = clients
        routes = [Route(one.peer, 100 + n, Numbering(1000 * n, n)) for n, one in enumerate(subscribers)]
        publisher.peer.receive = lambda data, now: Delivery(forwarded(data, int.from_bytes(data[2:4], "big")), routes)
        for number in range(50):
            publisher.send(rtp(number, size=100 + number % 3))
        publisher.send(bytes.fromhex("80c9000100000005"), rtcp=True)
        self.poll(engine)
        for n, subscriber in enumerate(subscribers):
            for number in range(50):
                packet = subscriber.receive()
                assert int.from_bytes(packet[2:4], "big") == 1000 * n + number
                assert (packet[4:8], packet[8:12]) == (n.to_bytes(4, "big"), (100 + n).to_bytes(4, "big"))
                assert packet[12:] == rtp(number, size=100 + number % 3)[12:]
            assert (routes[n].packets, subscriber.peer.packets_out) == (50, 50)
        assert publisher.peer.packets_in == 50

    def test_numbers_and_rollover_go_on_across_a_wrap(self, engine: Engine, clients: list[Client]) -> None:
        publisher, subscriber = clients[:2]
        route = Route(subscriber.peer, 9, Numbering(65_000, 0))
        count = 0

        def receive(data: bytes, now: float) -> Delivery:
            nonlocal count
            count += 1
            return Delivery(forwarded(data, count), [route])

        publisher.peer.receive = receive
        for part in range(30):
            for number in range(50):
                publisher.send(rtp(part * 50 + number))
            publisher.send(bytes.fromhex("80c9000100000005"), rtcp=True)
            self.poll(engine)
            for number in range(50):
                expected = (65_000 + part * 50 + number) & 0xFFFF
                assert int.from_bytes(subscriber.receive()[2:4], "big") == expected

    def test_what_is_not_rtp_is_handed_back(self, engine: Engine, clients: list[Client]) -> None:
        (client,) = clients[:1]
        stranger = open_socket("127.0.0.1", 0)
        for datagram in (b"\x00\x01" + bytes(18), b"\x16\xfe\xfd" + bytes(10)):
            client.send_raw(datagram)
            stranger.sendto(datagram, engine.address)
        client.send(bytes.fromhex("80c9000100000005"), rtcp=True)
        slow: list[Slow] = []
        while not slow or slow[-1].kind is not Kind.RTCP:
            slow += engine.poll(NOW)
        found = [(one.kind, one.source, one.peer) for one in slow]
        theirs = stranger.getsockname()
        assert found == [
            (Kind.STUN, client.address, client.peer),
            (Kind.STUN, theirs, None),
            (Kind.DTLS, client.address, client.peer),
            (Kind.RTCP, client.address, client.peer),
        ]
        assert slow[-1].data == bytes.fromhex("80c9000100000005")
        stranger.close()

    def test_forged_and_replayed_packets_are_refused(self, engine: Engine, clients: list[Client]) -> None:
        (client,) = clients[:1]
        taken: list[bytes] = []

        def receive(data: bytes, now: float) -> None:
            taken.append(data)

        client.peer.receive = receive
        sent = client.send(rtp(1))
        client.send_raw(sent)
        client.send_raw(sent[:-1] + bytes([sent[-1] ^ 1]))
        client.send_raw(b"\x80")
        client.send_raw(b"\x80\x60\x00")
        client.send(bytes.fromhex("80c9000100000005"), rtcp=True)
        self.poll(engine)
        assert taken == [rtp(1)]
        assert client.peer.refused >= 3

    def test_a_peer_that_is_forgotten_gets_nothing(self, engine: Engine, clients: list[Client]) -> None:
        publisher, gone, there = clients[:3]
        routes = [Route(one.peer, 9, Numbering(1, 0)) for one in (gone, there)]
        publisher.peer.receive = lambda data, now: Delivery(forwarded(data, 1), routes)
        engine.forget(gone.peer)
        publisher.send(rtp(1))
        publisher.send(bytes.fromhex("80c9000100000005"), rtcp=True)
        self.poll(engine)
        assert there.receive()[12:] == rtp(1)[12:]
        assert gone.has_nothing()
        gone.send(bytes.fromhex("80c9000100000005"), rtcp=True)
        assert list(engine.poll(NOW)) == []

    def test_a_packet_of_ones_own_is_encrypted_and_sent(self, engine: Engine, clients: list[Client]) -> None:
        (client,) = clients[:1]
        engine.send_rtp(client.peer, rtp(5))
        assert client.receive() == rtp(5)
        engine.send_rtcp(client.peer, bytes.fromhex("80c9000100000005"))
        assert client.srtp.unprotect_rtcp(client.socket.recv(2048)) == bytes.fromhex("80c9000100000005")
        engine.send_rtp(Peer(), rtp(5))  # to nobody
        assert client.has_nothing()

    def test_a_path_that_does_not_exist_keeps_nothing_from_the_others(
        self, engine: Engine, clients: list[Client]
    ) -> None:
        publisher, there = clients[:2]
        nowhere = Peer()
        engine.bind(nowhere, [("127.0.0.9", 9)], ("240.0.0.1", 9))
        engine.secure(nowhere, keys())
        routes = [Route(peer, 9, Numbering(1, 0)) for peer in (nowhere, there.peer)]
        publisher.peer.receive = lambda data, now: Delivery(forwarded(data, int.from_bytes(data[2:4], "big")), routes)
        for number in range(3):
            publisher.send(rtp(number))
        publisher.send(bytes.fromhex("80c9000100000005"), rtcp=True)
        self.poll(engine)
        assert [there.receive()[12:] for _ in range(3)] == [rtp(number)[12:] for number in range(3)]

    def test_it_works_over_ipv6(self) -> None:
        try:
            engine = self.open("::1")
        except OSError:
            pytest.skip("this machine has no IPv6 loopback")
        publisher, subscriber = (Client(engine, host="::1") for _ in range(2))
        route = Route(subscriber.peer, 9, Numbering(1, 0))
        publisher.peer.receive = lambda data, now: Delivery(forwarded(data, 1), [route])
        publisher.send(rtp(1))
        publisher.send(bytes.fromhex("80c9000100000005"), rtcp=True)
        (slow,) = self.poll(engine)
        assert slow.source == publisher.address
        assert subscriber.receive()[12:] == rtp(1)[12:]
        for one in (publisher, subscriber):
            one.socket.close()
        engine.close()


class TestPortable(EngineSuite):
    def open(self, host: str = "127.0.0.1") -> Engine:
        return PortableEngine(open_socket(host, 0))


linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="batches of datagrams are Linux's")


@linux
class TestBatch(EngineSuite):
    def open(self, host: str = "127.0.0.1") -> Engine:
        return BatchEngine(open_socket(host, 0))


@linux
class TestBatchWithoutSegmentation(EngineSuite):
    def open(self, host: str = "127.0.0.1") -> Engine:
        return BatchEngine(open_socket(host, 0), gso=False)


@linux
def test_the_fastest_engine_is_chosen_and_any_can_be_named() -> None:
    assert pylibsrtp.__version__ == "1.0.0"  # whose binding is used
    for wanted, name in (("auto", "batch"), ("batch", "batch"), ("portable", "portable")):
        engine = open_engine(open_socket("127.0.0.1", 0), wanted)
        assert engine.name == name
        engine.close()


def test_where_batches_do_not_work_packets_go_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("media_worker.transport.engine.choice._works", lambda gso: False)
    engine = open_engine(open_socket("127.0.0.1", 0), "auto")
    assert engine.name == "portable"
    engine.close()
    sock = open_socket("127.0.0.1", 0)
    with pytest.raises(OSError, match="MEDIA_ENGINE=batch"):
        open_engine(sock, "batch")
    sock.close()


@linux
def test_a_network_that_cannot_segment_is_served_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = BatchEngine(open_socket("127.0.0.1", 0))
    client = Client(engine)
    send = engine._send_many

    def refuse_segments(fd: int, messages: Any, count: int, flags: int) -> int:
        if messages[0].msg_hdr.msg_controllen:
            batch._ffi.errno = errno.EIO  # as of an interface that computes no checksums
            return -1
        return int(send(fd, messages, count, flags))

    monkeypatch.setattr(engine, "_send_many", refuse_segments)
    route = Route(client.peer, 9, Numbering(1, 0))
    engine.forward([Delivery(forwarded(rtp(number), number), [route]) for number in range(5)], 0.0)
    assert [client.receive()[12:] for _ in range(5)] == [rtp(number)[12:] for number in range(5)]
    assert not engine._gso
    client.socket.close()
    engine.close()


@linux
def test_a_packet_that_cannot_be_encrypted_is_left_out_and_its_neighbours_arrive() -> None:
    engine = BatchEngine(open_socket("127.0.0.1", 0))
    client = Client(engine)
    broken = forwarded(rtp(2), 2)._replace(first_byte=0x90, rest=bytes.fromhex("bedeffff") + bytes(16))
    packets = [broken if number == 2 else forwarded(rtp(number), number) for number in range(5)]
    for ssrc, run in enumerate(([2], [0, 1, 2, 3, 4])):  # alone, and within what the kernel cuts up
        route = Route(client.peer, ssrc, Numbering(1, 0))
        client.peer.refused = client.peer.packets_out = 0
        engine.forward([Delivery(packets[number], [route]) for number in run], 0.0)
        arriving = [number for number in run if number != 2]
        assert [client.receive()[12:] for _ in arriving] == [rtp(number)[12:] for number in arriving]
        assert (client.peer.refused, client.peer.packets_out) == (1, len(arriving))
    client.socket.setblocking(False)
    with pytest.raises(BlockingIOError):
        client.socket.recv(2048)  # not even an empty one
    client.socket.close()
    engine.close()


def test_nothing_is_read_for_ever() -> None:
    """A flood doesn't keep timers waiting: a poll reads a bounded number of datagrams."""
    for engine in (PortableEngine(open_socket("127.0.0.1", 0)), open_engine(open_socket("127.0.0.1", 0))):
        flood = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for _ in range(1000):
            flood.sendto(b"\x00\x01" + bytes(18), engine.address)
        assert 0 < len(list(engine.poll(NOW))) <= 256
        flood.close()
        engine.close()
