"""From joining to the first packet of media at the other side, through a media server on loopback, against Janus.

Somebody is there already, with a poll parked. Another joins, publishes a sound, and sends a packet every 5 ms as soon
as the connection stands; the first one that the other side has decrypted ends the measurement. Both connections are
made within that time: two exchanges of SDP, two of ICE, two handshakes. With Parley that is `join`, signals and polls
over REST, a worker in a process of its own, and a database; with Janus VideoRoom its HTTP API with long polls.
Signing in to Parley and a session with a handle of Janus are there before; so are the clients' HTTP connections.
"""

import asyncio
import json
import os
import struct
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any, Protocol, Self

from aiortc.rtcdtlstransport import RTCCertificate

from app.media.own_key import own_key
from benchmarks import client, janus
from benchmarks.figure import Figure, Missing, percentile, spread
from benchmarks.meeting import Organiser
from benchmarks.peer import Peer, attribute
from benchmarks.server import END_TIMEOUT_S, ROOT, START_TIMEOUT_S, parley
from media_worker.transport.engine.base import kind_of
from media_worker.transport.srtp import SrtpPair

PAIRS = 5
JOINS = 20  # of each, in a pair
EVERY_S = 0.005
WITHIN_S = 20.0
POLL_S = 25
CODEC = ["m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=rtpmap:111 opus/48000/2"]
PUBLISHED = [*CODEC, "a=ssrc:4711 cname:x"]
_HEADER = struct.Struct("!BBHII")


def measure() -> list[Figure | Missing]:
    ours: list[list[float]] = []
    others: list[list[float]] = []
    why = janus.missing()
    for _ in range(PAIRS):
        ours.append(_joins_of_parley())
        if not why:
            others.append(_joins_of_janus())
    name = "join → first packet at the other side"
    if why:
        return [Missing(name, why)]
    figures: list[Figure | Missing] = []
    for percent, must, aim in ((50, 1.5, 0.7), (95, 1.5, 0.7)):
        values, yardstick = ([percentile(run, percent) for run in runs] for runs in (ours, others))
        figures.append(
            Figure(
                f"{name}, p{percent}",
                unit="ms",
                value=median(values),
                yardstick=median(yardstick),
                yardstick_name="Janus VideoRoom, Debian's default",
                must=must,
                aim=aim,
                spread=spread(values),
            )
        )
    return figures


# Media, the same for both


async def _send_sound(peer: Peer, srtp: SrtpPair) -> None:
    number = 0
    while True:
        packet = _HEADER.pack(0x80, 111, number & 0xFFFF, number * 240, 4711) + bytes(80)
        peer.send(srtp.protect(packet) or b"")
        number += 1
        await asyncio.sleep(EVERY_S)


async def _hear(peer: Peer, srtp: SrtpPair) -> None:
    """Until a packet has come that could be decrypted."""
    while True:
        data = await peer.receive()
        if kind_of(data) is None and srtp.unprotect(data) is not None:
            return


class _Side(Protocol):
    async def publish(self, certificate: RTCCertificate) -> tuple[Peer, SrtpPair]: ...
    async def listen(self, certificate: RTCCertificate) -> tuple[Peer, SrtpPair]:
        """Once there is something to hear."""
        ...


async def _time_join(joining: _Side, there: _Side, certificates: list[RTCCertificate]) -> float:
    """In milliseconds."""
    listening = asyncio.create_task(there.listen(certificates[0]))
    await asyncio.sleep(0.05)  # until its poll is parked
    began = time.monotonic()
    async with asyncio.timeout(WITHIN_S):
        publisher, srtp = await joining.publish(certificates[1])
        sending = asyncio.create_task(_send_sound(publisher, srtp))
        subscriber, theirs = await listening
        await _hear(subscriber, theirs)
    took = (time.monotonic() - began) * 1000
    sending.cancel()
    publisher.close()
    subscriber.close()
    return took


def _certificates() -> list[RTCCertificate]:
    return [RTCCertificate.generateCertificate() for _ in range(2)]


# Parley


def _joins_of_parley() -> list[float]:
    with tempfile.TemporaryDirectory() as folder:
        storage = Path(folder)
        organiser = Organiser(storage)
        token, key = organiser.person().token, own_key(organiser.runtime)
        with parley(storage, log_level="WARNING") as server:
            environment = {
                "PARLEY_URL": f"http://127.0.0.1:{server.port}",
                "MEDIA_SERVICE_KEY": key,
                "MEDIA_ADDRESSES": "127.0.0.1",
                "LOG_LEVEL": "WARNING",
            }
            worker = subprocess.Popen([sys.executable, "-m", "media_worker"], cwd=ROOT, env=os.environ | environment)
            try:
                return asyncio.run(_with_parley(server.port, token))
            finally:
                worker.terminate()
                with suppress(subprocess.TimeoutExpired):
                    worker.wait(END_TIMEOUT_S)
                worker.kill()


async def _with_parley(port: int, token: str) -> list[float]:
    asking = await client.connect(port)
    meeting = await asking.json(client.post("/api/v1/meetings", {"title": "Sound", "media_mode": "sfu"}, token))
    there = await ParleyDevice.ready(port, token, meeting["id"], "laptop")
    await there.enter()
    took = []
    for _ in range(JOINS + 1):
        await there.begin_anew()
        joining = await ParleyDevice.ready(port, token, meeting["id"], "phone")
        took.append(await _time_join(joining, there, _certificates()))
        await joining.leave()
    return took[1:]


class ParleyDevice:
    """One device of somebody's, with one connection for requests and one for polls."""

    def __init__(self, asking: client.Connection, polling: client.Connection, token: str, meeting_id: str) -> None:
        self._asking, self._polling, self._token, self._meeting_id = asking, polling, token, meeting_id
        self._device = ""
        self.id = ""
        self.sfu: str | None = None
        self._seen = 0

    @classmethod
    async def ready(cls, port: int, token: str, meeting_id: str, device: str) -> Self:
        made = cls(await client.connect(port), await client.connect(port), token, meeting_id)
        made._device = device
        return made

    async def enter(self) -> None:
        """The first to come, as soon as there is a media worker."""
        give_up = time.monotonic() + START_TIMEOUT_S
        while self.sfu is None:
            try:
                await self._join()
            except RuntimeError as refused:
                if "no_media_worker" not in str(refused) or time.monotonic() > give_up:
                    raise
                await asyncio.sleep(0.1)

    async def _join(self) -> None:
        path = f"/api/v1/meetings/{self._meeting_id}/join"
        stay = await self._asking.json(client.post(path, {"device": self._device}, self._token))
        self.id, self.sfu = stay["participant"]["id"], stay["rtc"]["sfu_participant_id"]

    async def leave(self) -> None:
        await self._asking.json(client.post(f"/api/v1/participants/{self.id}/leave", {}, self._token))
        self._asking.close()
        self._polling.close()

    async def _send(self, type_: str, payload: dict[str, Any]) -> None:
        message = {"to": self.sfu, "type": type_, "payload": payload}
        path = f"/api/v1/meetings/{self._meeting_id}/rtc/signals"
        await self._asking.json(client.post(path, {"from": self.id, "messages": [message]}, self._token))

    async def _next(self, type_: str) -> dict[str, Any]:
        """The payload of the next such message."""
        while True:
            query = f"participant_id={self.id}&wait={POLL_S}&after={self._seen}&ack={self._seen}"
            reply = await self._polling.json(client.get(f"/api/v1/rtc/inbox?{query}", self._token))
            for message in reply["messages"]:
                self._seen = message["seq"]
                if message["type"] == type_:
                    payload: dict[str, Any] = message["payload"]
                    return payload

    async def begin_anew(self) -> None:
        """Ask for an offer. There is nobody to hear, so that none comes yet."""
        await self._send("rtc.subscribe", {"fresh": True})

    async def publish(self, certificate: RTCCertificate) -> tuple[Peer, SrtpPair]:
        await self._join()
        peer = Peer("127.0.0.1", certificate)
        offer = {"connection": "publish", "negotiation": 1, "sdp": peer.sdp(PUBLISHED, "sendonly", "0", "actpass")}
        await self._send("rtc.offer", offer)
        answer = (await self._next("rtc.answer"))["sdp"]
        return peer, SrtpPair(await peer.connect(answer, controlling=True, dtls_client=True))

    async def listen(self, certificate: RTCCertificate) -> tuple[Peer, SrtpPair]:
        offer = await self._next("rtc.offer")
        while not offer["tracks"]:  # it told that whoever joined before has left
            offer = await self._next("rtc.offer")
        peer = Peer("127.0.0.1", certificate)
        sdp = peer.sdp(CODEC, "recvonly", attribute(offer["sdp"], "mid"), "active")
        answer = {"connection": "subscribe", "negotiation": offer["negotiation"], "sdp": sdp}
        # As a browser does: it begins to connect while the answer is on its way.
        _, keys = await asyncio.gather(
            self._send("rtc.answer", answer), peer.connect(offer["sdp"], controlling=True, dtls_client=True)
        )
        return peer, SrtpPair(keys)


# Janus


def _joins_of_janus() -> list[float]:
    command = ["unshare", "--net", sys.executable, "-m", "benchmarks.first_packet"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=300)
    took: list[float] = json.loads(done.stdout.splitlines()[-1])
    return took


async def _with_janus() -> list[float]:
    room = 4711
    maker = await JanusHandle.open()
    await maker.say({"request": "create", "room": room, "publishers": 6, "audiocodec": "opus"})
    there = JanusDevice(room, await JanusHandle.open())
    await there.enter()
    took = []
    for _ in range(JOINS + 1):
        await there.begin_anew()
        joining = JanusDevice(room, await JanusHandle.open())
        took.append(await _time_join(joining, there, _certificates()))
        await joining.leave()
    return took[1:]


class JanusHandle:
    """A plugin handle in a session of its own, with one connection for requests and one for events."""

    def __init__(self, asking: client.Connection, polling: client.Connection) -> None:
        self._asking, self._polling = asking, polling
        self._session = self._path = "/janus"

    @classmethod
    async def open(cls) -> Self:
        made = cls(await client.connect(janus.PORT), await client.connect(janus.PORT))
        created = await made._ask("/janus", {"janus": "create"})
        made._session = f"/janus/{created['data']['id']}"
        attached = await made._ask(made._session, {"janus": "attach", "plugin": "janus.plugin.videoroom"})
        made._path = f"{made._session}/{attached['data']['id']}"
        return made

    async def _ask(self, path: str, message: dict[str, Any]) -> dict[str, Any]:
        told: dict[str, Any] = await self._asking.json(client.post(path, {**message, "transaction": "x"}))
        return told

    async def say(self, body: dict[str, Any], jsep: dict[str, str] | None = None) -> None:
        await self._ask(self._path, {"janus": "message", "body": body, **({"jsep": jsep} if jsep else {})})

    async def event(self, *, having: str) -> Any:
        """What an event tells under this name, the next that does: of the plugin's, or `jsep`."""
        while True:
            told = await self._polling.json(client.get(self._session))
            found = {**told.get("plugindata", {}).get("data", {}), "jsep": told.get("jsep")}.get(having)
            if found:
                return found

    async def close(self) -> None:
        await self._ask(self._session, {"janus": "destroy"})
        self._asking.close()
        self._polling.close()


class JanusDevice:
    def __init__(self, room: int, handle: JanusHandle) -> None:
        self._room, self._handle = room, handle
        self._hearing: JanusHandle | None = None

    async def enter(self) -> None:
        await self._handle.say({"request": "join", "ptype": "publisher", "room": self._room})
        await self._handle.event(having="videoroom")

    async def begin_anew(self) -> None:
        if self._hearing is not None:
            await self._hearing.close()
        self._hearing = await JanusHandle.open()

    async def leave(self) -> None:
        await self._handle.close()

    async def publish(self, certificate: RTCCertificate) -> tuple[Peer, SrtpPair]:
        peer = Peer(janus.ADDRESS, certificate)
        offer = {"type": "offer", "sdp": peer.sdp(PUBLISHED, "sendonly", "0", "passive")}
        body = {"request": "joinandconfigure", "ptype": "publisher", "room": self._room, "audio": True, "video": False}
        await self._handle.say(body, offer)
        answer = (await self._handle.event(having="jsep"))["sdp"]
        return peer, SrtpPair(await peer.connect(answer, controlling=True, dtls_client=False))

    async def listen(self, certificate: RTCCertificate) -> tuple[Peer, SrtpPair]:
        [publisher] = await self._handle.event(having="publishers")
        assert self._hearing is not None
        feed = {"request": "join", "ptype": "subscriber", "room": self._room, "streams": [{"feed": publisher["id"]}]}
        await self._hearing.say(feed)
        offer = (await self._hearing.event(having="jsep"))["sdp"]
        peer = Peer(janus.ADDRESS, certificate)
        answer = {"type": "answer", "sdp": peer.sdp(CODEC, "recvonly", attribute(offer, "mid"), "passive")}
        _, keys = await asyncio.gather(
            self._hearing.say({"request": "start", "room": self._room}, answer),
            peer.connect(offer, controlling=False, dtls_client=False),
        )
        return peer, SrtpPair(keys)


if __name__ == "__main__":
    with janus.in_a_network_of_its_own():
        print(json.dumps(asyncio.run(_with_janus())))
