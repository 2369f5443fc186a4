"""An encoder that sends a tone of 1 kHz and a green picture into a meeting with WHIP (RFC 9725): real media, and no
browser.
"""

import asyncio
import threading
import urllib.request
from typing import Any, Self
from unittest.mock import patch

import aioice.ice
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from tests.durability.processes import LONGEST_S
from tests.support.senders import Plain, Tone
from tests.support.tracks import GREEN

HZ = 1000


class Encoder:
    """`with Encoder(parley.port, token, meeting_id):` is connected within, in a thread of its own."""

    def __init__(self, port: int, token: str, meeting_id: str) -> None:
        self._endpoint, self._token = f"http://127.0.0.1:{port}/api/v1/meetings/{meeting_id}/whip", token
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._connect())
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._connection.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(LONGEST_S)

    async def _connect(self) -> None:
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        connected = asyncio.Event()
        self._connection.on(
            "connectionstatechange", lambda: self._connection.connectionState == "connected" and connected.set()
        )
        for track in (Tone(HZ), Plain(GREEN)):
            self._connection.addTransceiver(track, direction="sendonly")
        # aioice leaves loopback out
        with patch.object(aioice.ice, "get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"]):
            await self._connection.setLocalDescription(await self._connection.createOffer())
        answer = await asyncio.to_thread(self._exchange, self._connection.localDescription.sdp)
        await self._connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        await connected.wait()

    def _exchange(self, offer: str) -> str:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/sdp"}
        request = urllib.request.Request(self._endpoint, offer.encode(), headers)
        with urllib.request.urlopen(request, timeout=LONGEST_S) as answer:
            return str(answer.read().decode())
