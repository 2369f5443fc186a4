"""The client's side of STUN, DTLS and SRTP, on a socket of its own."""

import asyncio
import socket
from typing import Any

from aioice import stun
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsParameters, RTCDtlsTransport

from media_worker.transport.ice_lite import Credentials


def check(credentials: Credentials, *, nominate: bool = True, **attributes: Any) -> stun.Message:
    """A binding request as a browser sends it."""
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    message.attributes["USERNAME"] = f"{credentials.ufrag}:peer"
    message.attributes["PRIORITY"] = 1
    message.attributes["ICE-CONTROLLING"] = 7
    if nominate:
        message.attributes["USE-CANDIDATE"] = None
    for name, value in attributes.items():
        message.attributes.pop("ICE-CONTROLLING", None)
        message.attributes[name.replace("_", "-")] = value
    message.add_message_integrity(credentials.password.encode())
    return message


class ClientSocket:
    """A UDP socket that speaks to one port; also what aiortc's DTLS takes for its ICE transport."""

    role = "controlling"
    state = "completed"

    def __init__(self, server: tuple[str, int]) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.server = server
        self.address = self.socket.getsockname()

    def send(self, data: bytes) -> None:
        self.socket.sendto(data, self.server)

    async def receive(self) -> bytes:
        return await asyncio.get_running_loop().sock_recv(self.socket, 2048)

    _recv = receive

    async def _send(self, data: bytes) -> None:
        self.send(data)

    async def validate(self, credentials: Credentials) -> stun.Message:
        """Prove this socket's address; the answer."""
        request = check(credentials)
        self.send(bytes(request))
        while True:
            data = await self.receive()
            if data[0] < 4:
                answer = stun.parse_message(data)
                assert answer.transaction_id == request.transaction_id
                assert answer.check_message_integrity(credentials.password.encode())
                return answer

    async def shake_hands(self, certificate: RTCCertificate, fingerprints: list[Any], **changes: Any) -> Any:
        """A DTLS client's handshake with the worker."""
        dtls = RTCDtlsTransport(self, [certificate])  # type: ignore[arg-type]
        for name, value in changes.items():
            setattr(dtls, name, value)
        dtls._set_role("client")
        await dtls.start(RTCDtlsParameters(fingerprints=fingerprints, role="server"))
        return dtls

    def close(self) -> None:
        self.socket.close()
