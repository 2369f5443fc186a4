"""The load of `forwarding`: who publishes, who counts what arrives, and what both say of it."""

import selectors
import socket
import struct
import time
from multiprocessing.connection import Connection as Pipe
from typing import NamedTuple

from benchmarks.figure import percentile
from media_worker.transport.dtls import SrtpKeys
from media_worker.transport.engine.base import kind_of
from media_worker.transport.ice_lite import Address
from media_worker.transport.srtp import SrtpPair

FORWARDS_PER_S = 20_000
PAYLOAD = bytes(1_100 - 12)
BURST = 8  # packets at a time, as a frame of video has
SECONDS = 3
FIRST_SEQUENCE = 65_000  # wraps within the first seconds
SSRC = 0x1234
STRAGGLERS_S = 2.0

_HEADER = struct.Struct("!BBHII")


class Run(NamedTuple):
    cpu_us: float  # for each forwarded packet
    delay_p99_ms: float  # from send() to recv()


def publish(sock: socket.socket, srtp: SrtpPair, target: Address, rate: int) -> list[float]:
    """When each packet was sent. Sequence numbers begin at FIRST_SEQUENCE."""
    datagrams = []
    for number in range(rate * SECONDS):
        header = _HEADER.pack(0x80, 96, (FIRST_SEQUENCE + number) & 0xFFFF, number * 90, SSRC)
        datagrams.append(srtp.protect(header + PAYLOAD) or b"")
    sent_at, begin = [], time.monotonic() + 0.1
    for first in range(0, len(datagrams), BURST):
        time.sleep(max(0.0, begin + first / rate - time.monotonic()))
        for datagram in datagrams[first : first + BURST]:
            sent_at.append(time.monotonic())
            sock.sendto(datagram, target)
    return sent_at


def subscribe(pipe: Pipe, sockets: list[socket.socket], first: SrtpKeys) -> None:
    """All subscribers: how many packets came, and when each of the first one's did, by its number in order.

    `first` opens the first one's packets, whose sequence must have neither hole nor double.
    """
    srtp = SrtpPair(first)
    selector = selectors.DefaultSelector()
    for sock in sockets:
        sock.setblocking(False)
        selector.register(sock, selectors.EVENT_READ)
    selector.register(pipe, selectors.EVENT_READ)
    pipe.send("ready")
    arrived, expected, raw = 0, None, []
    deadline = time.monotonic() + 60
    while (expected is None or arrived < expected) and time.monotonic() < deadline:
        for key, _ in selector.select(0.5):
            if key.fileobj is pipe:
                expected = pipe.recv() * len(sockets)
                deadline = time.monotonic() + STRAGGLERS_S
                selector.unregister(pipe)
                continue
            while True:
                try:
                    datagram = key.fileobj.recv(2048)  # type: ignore[union-attr]
                except BlockingIOError:
                    break
                if kind_of(datagram) is not None:
                    continue
                arrived += 1
                if key.fileobj is sockets[0]:
                    raw.append((datagram, time.monotonic()))
    arrivals, before = [], None
    for datagram, at in raw:
        packet = srtp.unprotect(datagram)
        number = -1 if packet is None else int.from_bytes(packet[2:4], "big")
        if packet is None or (before is not None and number != (before + 1) & 0xFFFF):
            raise RuntimeError(f"after packet {before} the first subscriber got {number}")
        arrivals.append(at)
        before = number
    pipe.send((arrived, arrivals))


def judge(cpu_s: float, sent_at: list[float], arrived: int, arrivals: list[float], subscribers: int) -> Run:
    """Raises RuntimeError where packets are missing: what isn't forwarded costs nothing."""
    expected = len(sent_at) * subscribers
    if arrived < 0.999 * expected:
        raise RuntimeError(f"of {expected} packets {arrived} arrived")
    delays = [(at - sent) * 1000 for sent, at in zip(sent_at, arrivals, strict=False)]
    return Run(cpu_s / arrived * 1e6, percentile(delays, 99))
