"""One client's connection, from the first check to the last packet: ICE-lite, DTLS and the engine's peer together.

    waiting ──check believed, fingerprints known──▶ handshaking ──keys──▶ connected ──▶ closed
       └──────────────── CONNECT_TIMEOUT_S ───────────────┘──▶ lost        └── CONSENT_TIMEOUT_S, goodbye ──▶ lost

Until the client's address is proven nothing is kept for it but credentials; and whoever does not come is forgotten.
A client that answers begins to shake hands while its answer is on its way. What comes so early is kept, for it would be
sent again only after 50 ms (browsers) or a second (OpenSSL).
"""

import asyncio
import enum
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
from aiortc.rtcdtlstransport import RTCDtlsFingerprint

from media_worker.transport.dtls import DtlsServer, RTCCertificate
from media_worker.transport.engine.base import Peer, Receive
from media_worker.transport.ice_lite import Address, IceLite
from media_worker.transport.udp_mux import Endpoint, UdpMux

CONNECT_TIMEOUT_S = 30.0  # a browser gives up after about as long
CONSENT_TIMEOUT_S = 30.0  # RFC 7675 §5.1
_MAX_EARLY = 4  # datagrams of DTLS; a client's first flight is one or two

log = structlog.get_logger()


class State(enum.Enum):
    WAITING = "waiting"
    HANDSHAKING = "handshaking"
    CONNECTED = "connected"
    CLOSED = "closed"


@dataclass(eq=False)
class Port:
    """What all connections of a worker share. `candidates` are the addresses that clients are told."""

    mux: UdpMux
    candidates: list[Address]
    certificate: RTCCertificate = field(default_factory=RTCCertificate.generateCertificate)

    @property
    def fingerprint(self) -> RTCDtlsFingerprint:
        return next(one for one in self.certificate.getFingerprints() if one.algorithm == "sha-256")


class Connection:
    """`receive` and `on_rtcp` get decrypted packets; `on_lost` is called once, unless `close` comes first."""

    def __init__(
        self,
        port: Port,
        *,
        receive: Receive | None,
        on_rtcp: Callable[[bytes, float], None],
        on_connected: Callable[[], None],
        on_lost: Callable[[str], None],
    ) -> None:
        self._port = port
        self._on_connected, self._on_lost = on_connected, on_lost
        self.state = State.WAITING
        self.ice = IceLite()
        self.peer = Peer(receive)
        self._fingerprints: list[RTCDtlsFingerprint] = []
        self._dtls: DtlsServer | None = None
        self._early: deque[bytes] = deque(maxlen=_MAX_EARLY)
        self._handshake: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._on_rtcp = on_rtcp
        self._opened_at = port.mux.clock()
        self._heard_at = self._opened_at  # the client's newest packet that was decrypted, or a little earlier
        self._looked_at = self._opened_at
        self._packets_seen = 0
        self._endpoint = Endpoint(self.peer, self.ice, self._begin, self._on_dtls, self._receive_rtcp)
        port.mux.add(self._endpoint)

    @property
    def fingerprints(self) -> list[str]:
        """The client's, as SDP writes them; empty before it has said them."""
        return [f"{one.algorithm} {one.value}" for one in self._fingerprints]

    @property
    def dtls(self) -> DtlsServer | None:
        """For what else travels on it; None before it is there."""
        return self._dtls if self.state is State.CONNECTED else None

    def expect(self, fingerprints: list[RTCDtlsFingerprint]) -> None:
        """Whom to shake hands with: the client's SDP has come."""
        self._fingerprints = fingerprints
        self._begin()

    def restart_ice(self) -> None:
        self.ice.restart()
        self._port.mux.add(self._endpoint)

    def _begin(self) -> None:
        if self.state is not State.WAITING or not self._fingerprints or self.ice.selected is None:
            return
        self.state = State.HANDSHAKING
        self._dtls = DtlsServer(self._port.certificate, self._send)
        while self._early:
            self._dtls.receive(self._early.popleft())
        self._handshake = asyncio.get_running_loop().create_task(self._shake_hands(self._dtls))

    async def _shake_hands(self, dtls: DtlsServer) -> None:
        connected = await dtls.connect(self._fingerprints, CONNECT_TIMEOUT_S)
        if self.state is not State.HANDSHAKING:
            return
        if not connected or dtls.keys is None:
            self._lose("handshake_failed")
            return
        self._port.mux.engine.secure(self.peer, dtls.keys)
        self.state = State.CONNECTED
        dtls.on("statechange", self._on_dtls_state)
        self._on_connected()

    def _on_dtls_state(self) -> None:
        if self._dtls is not None and self._dtls.state in ("closed", "failed"):
            self._lose("said_goodbye")

    def _on_dtls(self, datagram: bytes) -> None:
        if self._dtls is not None:
            self._dtls.receive(datagram)
        elif self.state is State.WAITING:
            self._early.append(datagram)

    def _send(self, datagram: bytes) -> None:
        if self.ice.selected is not None:
            self._port.mux.engine.send(datagram, self.ice.selected)

    def _receive_rtcp(self, packet: bytes, now: float) -> None:
        self._heard_at = now
        self._on_rtcp(packet, now)

    def send_rtp(self, packet: bytes) -> None:
        self._port.mux.engine.send_rtp(self.peer, packet)

    def send_rtcp(self, packet: bytes) -> None:
        self._port.mux.engine.send_rtcp(self.peer, packet)

    def tick(self, now: float) -> None:
        """See whether the client is still there."""
        if self.state is State.CONNECTED:
            if self.peer.packets_in != self._packets_seen:
                self._packets_seen = self.peer.packets_in
                self._heard_at = max(self._heard_at, self._looked_at)
            self._looked_at = now
            # Not every client goes on checking (libnice, and so GStreamer, does not): what only it can have encrypted
            # says as well that it is there.
            if now - max(self.ice.last_check_at or 0.0, self._heard_at) > CONSENT_TIMEOUT_S:
                self._lose("silent")
        elif self.state is not State.CLOSED and now - self._opened_at > CONNECT_TIMEOUT_S:
            self._lose("never_connected")

    def _lose(self, why: str) -> None:
        if self.state is not State.CLOSED:
            self.close()
            self._on_lost(why)

    def close(self) -> None:
        """Free everything; `on_lost` is not called any more."""
        if self.state is State.CLOSED:
            return
        self.state = State.CLOSED
        self.peer.receive = None
        dtls, self._dtls = self._dtls, None
        if dtls is not None:
            dtls.remove_all_listeners()
            self._closing = asyncio.get_running_loop().create_task(self._say_goodbye(dtls))
        else:
            self._port.mux.remove(self._endpoint)

    async def _say_goodbye(self, dtls: DtlsServer) -> None:
        try:
            if self._handshake is not None and not self._handshake.done():
                self._handshake.cancel()
            await dtls.close()
        finally:
            self._port.mux.remove(self._endpoint)
