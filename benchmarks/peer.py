"""A client's peer connection as small as it can be: ICE, DTLS and SRTP on a socket of its own, no media stack."""

import asyncio
import re
from collections.abc import Sequence

from aioice import stun
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, State

from media_worker.transport.dtls import DtlsServer, SrtpKeys
from media_worker.transport.ice_lite import Credentials
from media_worker.transport.udp_mux import open_socket

CONNECT_S = 20.0
CHECK_EVERY_S = 0.05  # as browsers do


class _DtlsClient(DtlsServer):
    """The other side of it, with the same limits."""

    async def connect(self, fingerprints: list[RTCDtlsFingerprint], timeout_s: float) -> bool:
        self._set_role("client")
        async with asyncio.timeout(timeout_s):
            await self.start(RTCDtlsParameters(fingerprints=fingerprints, role="server"))
        return self._state == State.CONNECTED

    def _setup_srtp(self) -> None:
        super()._setup_srtp()
        if self.keys is not None:
            self.keys = SrtpKeys(self.keys.profile, incoming=self.keys.outgoing, outgoing=self.keys.incoming)


class Peer:
    """It speaks with one media server. Whoever answers `a=setup:passive` is the DTLS server, as anywhere else."""

    def __init__(self, address: str, certificate: RTCCertificate | None = None) -> None:
        self.socket = open_socket(address, 0)
        self.socket.setblocking(False)
        self.credentials = Credentials.new()
        self.certificate = certificate or RTCCertificate.generateCertificate()
        self.remote = ("", 0)
        self._reached = asyncio.Event()

    def sdp(self, media: Sequence[str], direction: str, mid: str, setup: str) -> str:
        """With one m-line: `media` is it, and the attributes that are its own."""
        fingerprint = next(one.value for one in self.certificate.getFingerprints() if one.algorithm == "sha-256")
        host, port = self.socket.getsockname()
        lines = ["v=0", f"o=- 1 1 IN IP4 {host}", "s=-", "t=0 0", f"a=group:BUNDLE {mid}", media[0], f"c=IN IP4 {host}"]
        lines += [f"a={direction}", f"a=mid:{mid}", "a=rtcp-mux", f"a=ice-ufrag:{self.credentials.ufrag}"]
        lines += [f"a=ice-pwd:{self.credentials.password}", f"a=fingerprint:sha-256 {fingerprint}", f"a=setup:{setup}"]
        lines += [f"a=candidate:1 1 udp 2130706431 {host} {port} typ host", "a=end-of-candidates", *media[1:]]
        return "\r\n".join(lines) + "\r\n"

    async def connect(self, remote: str, *, controlling: bool, dtls_client: bool) -> SrtpKeys:
        """Reach whoever has written the SDP `remote`, and shake hands."""
        theirs = Credentials(attribute(remote, "ice-ufrag"), attribute(remote, "ice-pwd"))
        candidate = next(line.split() for line in attributes(remote, "candidate") if " udp " in line.lower())
        self.remote = (candidate[4], int(candidate[5]))
        fingerprint = RTCDtlsFingerprint(*attribute(remote, "fingerprint").split())
        dtls = (_DtlsClient if dtls_client else DtlsServer)(self.certificate, self.send)
        checking = asyncio.create_task(self._check(theirs, controlling))
        reading = asyncio.create_task(self._read(dtls))
        try:
            if dtls_client:
                await asyncio.wait_for(self._reached.wait(), CONNECT_S)
            if not await dtls.connect([fingerprint], CONNECT_S) or dtls.keys is None:
                raise RuntimeError("the handshake failed")
            return dtls.keys
        finally:
            for task in (checking, reading):
                task.cancel()
            await asyncio.gather(checking, reading, return_exceptions=True)
            if dtls._task is not None:  # the connection stays, though nobody listens to its DTLS any more
                dtls._task.cancel()

    def send(self, data: bytes) -> None:
        self.socket.sendto(data, self.remote)

    async def receive(self) -> bytes:
        return await asyncio.get_running_loop().sock_recv(self.socket, 4096)

    def close(self) -> None:
        self.socket.close()

    async def _check(self, theirs: Credentials, controlling: bool) -> None:
        while True:
            message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
            message.attributes["USERNAME"] = f"{theirs.ufrag}:{self.credentials.ufrag}"
            message.attributes["PRIORITY"] = 1845501695
            if controlling:
                message.attributes |= {"ICE-CONTROLLING": 1 << 62, "USE-CANDIDATE": None}
            else:
                message.attributes["ICE-CONTROLLED"] = 5
            message.add_message_integrity(theirs.password.encode())
            self.send(bytes(message))
            await asyncio.sleep(CHECK_EVERY_S)

    async def _read(self, dtls: DtlsServer) -> None:
        while True:
            data = await self.receive()
            if 20 <= data[0] < 64:
                dtls.receive(data)
            elif data[0] < 4:
                message = stun.parse_message(data)
                if message.message_class == stun.Class.RESPONSE:
                    self._reached.set()
                elif message.message_class == stun.Class.REQUEST:
                    reply = stun.Message(message.message_method, stun.Class.RESPONSE, message.transaction_id)
                    reply.attributes["XOR-MAPPED-ADDRESS"] = self.remote
                    reply.add_message_integrity(self.credentials.password.encode())
                    self.send(bytes(reply))


def attributes(sdp: str, name: str) -> list[str]:
    return re.findall(rf"^a={name}:(.*?)\r?$", sdp, re.MULTILINE)


def attribute(sdp: str, name: str) -> str:
    return str(attributes(sdp, name)[0])
