"""Handshakes over a real socket with aiortc's DTLS as the client, and the names that we use of its private ones."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiortc
import pytest
from aiortc.rtcdtlstransport import (
    SRTP_AEAD_AES_128_GCM,
    SRTP_AES128_CM_SHA1_80,
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsTransport,
)
from aiortc.rtp import RtcpByePacket
from pylibsrtp import Policy

from media_worker.transport.connection import CONSENT_TIMEOUT_S, Connection, Port, State
from media_worker.transport.engine.portable import PortableEngine
from media_worker.transport.srtp import SrtpPair
from media_worker.transport.udp_mux import UdpMux, open_socket
from tests.media_worker.room import eventually
from tests.media_worker.transport.wire import ClientSocket


def test_aiortc_has_what_is_used_of_it() -> None:
    assert aiortc.__version__ == "1.16.0"
    for name in ("_set_role", "_set_state", "_setup_srtp", "start", "stop", "_recv_next", "_write_ssl"):
        assert callable(getattr(RTCDtlsTransport, name)), name
    made = RTCDtlsTransport(object(), [RTCCertificate.generateCertificate()])  # type: ignore[arg-type]
    for name in ("_ssl", "_srtp_profiles", "_state", "_role", "_rx_srtp", "_tx_srtp"):
        assert hasattr(made, name), name
    assert Policy(srtp_profile=SRTP_AEAD_AES_128_GCM.libsrtp_profile)


class Opened:
    """A connection of the worker's, and what it told."""

    def __init__(self, port: Port) -> None:
        self.packets: list[bytes] = []
        self.rtcp: list[bytes] = []
        self.connected = 0
        self.lost: list[str] = []
        self.connection = Connection(
            port,
            receive=lambda data, now: self.packets.append(data),  # type: ignore[func-returns-value]
            on_rtcp=lambda data, now: self.rtcp.append(data),
            on_connected=self._on_connected,
            on_lost=self.lost.append,
        )

    def _on_connected(self) -> None:
        self.connected += 1


@asynccontextmanager
async def worker() -> AsyncIterator[Port]:
    mux = UdpMux(PortableEngine(open_socket("127.0.0.1", 0)))
    mux.start()
    try:
        yield Port(mux, [mux.engine.address])
    finally:
        mux.close()


async def connect(port: Port, **changes: Any) -> tuple[Opened, ClientSocket, Any]:
    """A client that has come all the way; `changes` are made to its DTLS before it begins."""
    opened, client = Opened(port), ClientSocket(port.mux.engine.address)
    certificate = RTCCertificate.generateCertificate()
    opened.connection.expect(certificate.getFingerprints())
    await client.validate(opened.connection.ice.credentials)
    dtls = await client.shake_hands(certificate, [port.fingerprint], **changes)
    return opened, client, dtls


@pytest.mark.parametrize("profile", [SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80])
def test_packets_pass_both_ways_under_either_profile(profile: Any) -> None:
    async def run() -> None:
        async with worker() as port:
            opened, client, dtls = await connect(port, _srtp_profiles=[profile])
            await eventually(lambda: opened.connected, "connected")
            packet = bytes.fromhex("806000010000000a00000005") + b"hello"
            client.send(dtls._tx_srtp.protect(packet))
            await eventually(lambda: opened.packets == [packet], "the packet")
            opened.connection.send_rtp(packet)
            assert dtls._rx_srtp.unprotect(await client.receive()) == packet
            await dtls.stop()
            await eventually(lambda: opened.lost == ["said_goodbye"], "goodbye")
            client.close()

    asyncio.run(run())


def test_who_sends_packets_is_there_although_it_checks_no_more() -> None:
    """As GStreamer does, whose libnice ends its checks once it is connected."""

    async def run() -> None:
        async with worker() as port:
            opened, client, dtls = await connect(port)
            await eventually(lambda: opened.connected, "connected")
            connection = opened.connection
            later = (connection.ice.last_check_at or 0.0) + CONSENT_TIMEOUT_S - 1
            connection.tick(later)
            client.send(dtls._tx_srtp.protect(bytes.fromhex("806000010000000a00000005") + b"hello"))
            await eventually(lambda: opened.packets, "the packet")
            connection.tick(later + 5)
            connection.tick(later + CONSENT_TIMEOUT_S - 1)
            assert opened.lost == []
            port.mux.clock = lambda: later + CONSENT_TIMEOUT_S - 1
            client.send(dtls._tx_srtp.protect_rtcp(bytes(RtcpByePacket([7]))))
            await eventually(lambda: connection._heard_at > later, "a report")
            connection.tick(later + 2 * CONSENT_TIMEOUT_S - 2)
            assert opened.lost == []
            connection.tick(later + 2 * CONSENT_TIMEOUT_S)
            assert opened.lost == ["silent"]
            await dtls.stop()
            client.close()

    asyncio.run(run())


def test_gcm_is_preferred() -> None:
    async def run() -> None:
        async with worker() as port:
            opened, client, dtls = await connect(port)
            assert dtls._ssl.get_selected_srtp_profile() == b"SRTP_AEAD_AES_128_GCM"
            opened.connection.close()
            await dtls.stop()
            client.close()

    asyncio.run(run())


def test_a_certificate_that_was_not_announced_does_not_connect() -> None:
    async def run() -> None:
        async with worker() as port:
            opened, client = Opened(port), ClientSocket(port.mux.engine.address)
            opened.connection.expect([RTCDtlsFingerprint("sha-256", "00:" * 31 + "00")])
            await client.validate(opened.connection.ice.credentials)
            dtls = await client.shake_hands(RTCCertificate.generateCertificate(), [port.fingerprint])
            await eventually(lambda: opened.lost == ["handshake_failed"], "refused")
            assert opened.connected == 0
            assert len(port.mux) == 0
            await dtls.stop()
            client.close()

    asyncio.run(run())


def test_a_handshake_may_begin_before_the_clients_answer_has_come() -> None:
    async def run() -> None:
        async with worker() as port:
            opened, client = Opened(port), ClientSocket(port.mux.engine.address)
            certificate = RTCCertificate.generateCertificate()
            await client.validate(opened.connection.ice.credentials)
            hellos: list[bytes] = []

            async def send_hello_once(data: bytes) -> None:
                is_hello = data[0] == 22 and data[13] == 1  # RFC 6347 §4.2.2
                if not is_hello or not hellos:
                    client.send(data)
                hellos.extend([data] * is_hello)

            client._send = send_hello_once  # type: ignore[method-assign]
            shaking = asyncio.create_task(client.shake_hands(certificate, [port.fingerprint]))
            await eventually(lambda: hellos, "the first flight")
            await eventually(lambda: opened.connection._early, "it at the worker")
            opened.connection.expect(certificate.getFingerprints())
            dtls = await shaking
            await eventually(lambda: opened.connected, "connected")
            await dtls.stop()
            client.close()

    asyncio.run(run())


def test_a_packet_that_is_replayed_or_forged_is_dropped() -> None:
    async def run() -> None:
        async with worker() as port:
            opened, client, dtls = await connect(port)
            await eventually(lambda: opened.connected, "connected")
            first = dtls._tx_srtp.protect(bytes.fromhex("806000010000000a00000005") + b"one")
            last = dtls._tx_srtp.protect(bytes.fromhex("806000020000000a00000005") + b"two")
            for datagram in (first, first, first[:-1] + bytes([first[-1] ^ 1]), b"\x80\x60", b"\x80", last):
                client.send(datagram)
            await eventually(lambda: len(opened.packets) >= 2, "both")
            assert [packet[-3:] for packet in opened.packets] == [b"one", b"two"]
            assert opened.connection.peer.refused == 4
            await dtls.stop()
            client.close()

    asyncio.run(run())


def test_a_client_that_changes_its_address_is_followed_once_it_has_proven_the_new_one() -> None:
    async def run() -> None:
        async with worker() as port:
            opened, home, dtls = await connect(port)
            await eventually(lambda: opened.connected, "connected")
            road = ClientSocket(port.mux.engine.address)
            unproven = dtls._tx_srtp.protect(bytes.fromhex("806000010000000a00000005") + b"no")
            road.send(unproven)
            await road.validate(opened.connection.ice.credentials)
            road.send(dtls._tx_srtp.protect(bytes.fromhex("806000020000000a00000005") + b"yes"))
            await eventually(lambda: opened.packets, "a packet")
            assert [packet[12:] for packet in opened.packets] == [b"yes"]
            opened.connection.send_rtp(bytes.fromhex("806000010000000a00000009") + b"here")
            assert dtls._rx_srtp.unprotect(await road.receive())[12:] == b"here"
            opened.connection.close()
            home.close()
            road.close()

    asyncio.run(run())


def test_nobody_takes_an_address_that_another_client_uses() -> None:
    async def run() -> None:
        async with worker() as port:
            opened, client, dtls = await connect(port)
            await eventually(lambda: opened.connected, "connected")
            thief = Opened(port)
            # as if it came from the client's address, though signed with the thief's password
            from tests.media_worker.transport.wire import check

            client.send(bytes(check(thief.connection.ice.credentials)))
            await eventually(lambda: port.mux.dropped.contested, "contested")
            assert thief.connection.ice.selected is None
            assert opened.connection.ice.selected == client.address
            opened.connection.close()
            thief.connection.close()
            await dtls.stop()
            client.close()

    asyncio.run(run())


def test_who_never_comes_and_who_falls_silent_are_forgotten() -> None:
    async def run() -> None:
        async with worker() as port:
            never = Opened(port)
            silent, client, dtls = await connect(port)
            await eventually(lambda: silent.connected, "connected")
            began = (never.connection._opened_at, silent.connection.ice.last_check_at or 0.0)
            for opened in (never, silent):
                opened.connection.tick(min(began) + 29)
            assert never.lost == silent.lost == []
            for opened in (never, silent):
                opened.connection.tick(max(began) + 31)
            assert (never.lost, silent.lost) == (["never_connected"], ["silent"])
            await eventually(lambda: len(port.mux) == 0, "nothing is left")
            assert never.connection.state is silent.connection.state is State.CLOSED
            await dtls.stop()
            client.close()

    asyncio.run(run())


def test_a_peer_sends_with_a_bounded_number_of_sources() -> None:
    async def run() -> None:
        async with worker() as port:
            opened, client, dtls = await connect(port)
            await eventually(lambda: opened.connected, "connected")
            keys = opened.connection.peer.secured
            assert isinstance(keys, SrtpPair)
            for ssrc in range(300):
                packet = dtls._tx_srtp.protect(bytes.fromhex("806000010000000a") + ssrc.to_bytes(4, "big"))
                keys.unprotect(packet)
            packet = dtls._tx_srtp.protect(bytes.fromhex("806000020000000a00000001"))
            assert keys.unprotect(packet) is not None
            packet = dtls._tx_srtp.protect(bytes.fromhex("806000010000000a0000ffff"))
            assert keys.unprotect(packet) is None
            opened.connection.close()
            await dtls.stop()
            client.close()

    asyncio.run(run())
