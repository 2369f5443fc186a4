"""Which engine works here: the fastest that passes its self-test."""

import os
import socket
import time

import structlog

from media_worker.rtp.packet import Forwarded
from media_worker.rtp.routing import Delivery, Route
from media_worker.rtp.sequence import Numbering
from media_worker.transport.dtls import PROFILES, SrtpKeys
from media_worker.transport.engine.base import Engine, Kind, Peer
from media_worker.transport.engine.portable import PortableEngine
from media_worker.transport.srtp import SrtpPair
from media_worker.transport.udp_mux import open_socket

_PATIENCE_S = 1.0
_SIZES = (900, 900, 900, 500, 1100)  # a run, its shorter end, and one of another size

log = structlog.get_logger()


def open_engine(sock: socket.socket, wanted: str = "auto") -> Engine:
    """The engine that `wanted` names, or with `auto` the fastest that works here. It takes the socket over.

    Raises OSError where the one that is named does not work.
    """
    if wanted == "portable":
        return PortableEngine(sock)
    for gso in (True, False):
        try:
            if _works(gso):
                from media_worker.transport.engine.batch import BatchEngine

                return BatchEngine(sock, gso=gso)
        except (ImportError, AttributeError, OSError) as error:
            log.info("engine_does_not_work", engine="batch", gso=gso, error=str(error))
    if wanted == "batch":
        raise OSError("MEDIA_ENGINE=batch: it needs recvmmsg and sendmmsg, which Linux has")
    return PortableEngine(sock)


def _works(gso: bool) -> bool:
    """Whether packets that go through a batch engine on loopback come out of it, decrypted, all and in order."""
    from media_worker.transport.engine.batch import BatchEngine

    key = os.urandom(PROFILES[0].key_length + PROFILES[0].salt_length)
    keys = SrtpKeys(PROFILES[0], key, key)
    engine = BatchEngine(open_socket("127.0.0.1", 0), gso=gso)
    other = open_socket("127.0.0.1", 0)
    try:
        other.settimeout(_PATIENCE_S)
        peer = Peer()
        engine.bind(peer, [other.getsockname()], other.getsockname())
        engine.secure(peer, keys)
        client = SrtpPair(keys)
        route = Route(peer, 7, Numbering(next_sequence=1000, timestamp_offset=0))
        packets = [Forwarded(0x80, 0, 96, number, 0, bytes(size), 0) for number, size in enumerate(_SIZES)]
        engine.forward([Delivery(packet, [route]) for packet in packets], 0.0)
        for packet in packets:
            arrived = client.unprotect(other.recv(2048))
            if arrived != packet.numbered(96, 1000 + packet.sequence, 0, 7):
                return False
        return _receives(engine, other, client)
    finally:
        other.close()
        engine.close()


def _receives(engine: Engine, other: socket.socket, client: SrtpPair) -> bool:
    sent = client.protect_rtcp(bytes.fromhex("80c9000100000007"))
    if sent is None:
        return False
    other.sendto(sent, engine.address)
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        for slow in engine.poll(0.0):
            return slow.kind is Kind.RTCP and slow.source == other.getsockname()
        time.sleep(0.001)
    return False
