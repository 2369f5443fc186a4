"""DTLS over someone else's datagrams, with the keys for SRTP as its result.

The only file that touches what aiortc 1.16 keeps private; `tests/media_worker/transport/test_dtls.py` asks for each of
these names, so that an upgrade says at once what has gone. `RTCDtlsTransport` needs of what is below it `role`, `_recv`
and `_send`; `ConnectionError` from either ends it. `_setup_srtp` is where it would make its own SRTP sessions: here it
hands the keys out instead.

We are always the server (`a=setup:passive`): as a client, aiortc offers cipher suites that some stacks don't have.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple, cast

from aiortc.rtcdtlstransport import (
    SRTP_AEAD_AES_128_GCM,
    SRTP_AES128_CM_SHA1_80,
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    SRTPProtectionProfile,
    State,
)

# GCM first: it is what the forwarding of packets costs least with.
PROFILES = [SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80]
_MAX_WAITING = 64  # datagrams; a flight of a handshake is a handful

__all__ = ["PROFILES", "DtlsServer", "RTCCertificate", "SrtpKeys"]


class SrtpKeys(NamedTuple):
    """Master keys with their salts, of both directions."""

    profile: SRTPProtectionProfile
    incoming: bytes
    outgoing: bytes


class _Datagrams:
    """What RTCDtlsTransport takes for its ICE transport."""

    role = "controlled"
    state = "completed"

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send_now = send
        self._waiting: deque[bytes] = deque(maxlen=_MAX_WAITING)
        self._something = asyncio.Event()
        self._closed = False

    def put(self, datagram: bytes) -> None:
        self._waiting.append(datagram)
        self._something.set()

    def close(self) -> None:
        self._closed = True
        self._something.set()

    async def _recv(self) -> bytes:
        while not self._waiting:
            if self._closed:
                raise ConnectionError
            self._something.clear()
            await self._something.wait()
        return self._waiting.popleft()

    async def _send(self, datagram: bytes) -> None:
        if self._closed:
            raise ConnectionError
        self._send_now(datagram)


class DtlsServer(RTCDtlsTransport):
    """One client's DTLS. `keys` are there once `connect` has returned True."""

    def __init__(self, certificate: RTCCertificate, send: Callable[[bytes], None]) -> None:
        self._datagrams = _Datagrams(send)
        super().__init__(cast(Any, self._datagrams), [certificate])
        self._srtp_profiles = PROFILES
        self._set_role("server")
        self.keys: SrtpKeys | None = None
        self._work: set[asyncio.Task[None]] = set()

    async def connect(self, fingerprints: list[RTCDtlsFingerprint], timeout_s: float) -> bool:
        """Shake hands with whoever has the certificate of these fingerprints; False when it comes to nothing."""
        try:
            async with asyncio.timeout(timeout_s):
                await self.start(RTCDtlsParameters(fingerprints=fingerprints, role="client"))
        except TimeoutError:
            self._set_state(State.FAILED)
        return self._state == State.CONNECTED

    def receive(self, datagram: bytes) -> None:
        """Take a datagram of the client's; when too many wait, the oldest is lost, as on any network."""
        self._datagrams.put(datagram)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something short that writes to this connection: nothing here waits for an answer."""
        task = asyncio.get_running_loop().create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    async def close(self) -> None:
        """Say goodbye to the client as far as that is possible, and end."""
        await asyncio.gather(*self._work, return_exceptions=True)  # what is to be said before
        await self.stop()
        self._datagrams.close()
        self.remove_all_listeners()

    def _setup_srtp(self) -> None:
        ssl = self._ssl
        name = ssl.get_selected_srtp_profile() if ssl else b""
        profile = next((one for one in PROFILES if one.openssl_profile == name), None)
        if ssl is None or profile is None:
            self._set_state(State.FAILED)
            return
        # RFC 5764 §4.2: client's key, server's key, client's salt, server's salt
        material = ssl.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (profile.key_length + profile.salt_length))
        self.keys = SrtpKeys(profile, profile.get_key_and_salt(material, 0), profile.get_key_and_salt(material, 1))
