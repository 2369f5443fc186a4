"""A meeting on a real worker in the test's own process: Parley is played, clients are aiortc's peer connections."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import aioice.ice
import av
import numpy
from aiortc import (
    AudioStreamTrack,
    RTCConfiguration,
    RTCDataChannel,
    RTCPeerConnection,
    RTCSessionDescription,
    VideoStreamTrack,
)
from aiortc.mediastreams import MediaStreamTrack

from media_worker.recording.recordings import Recordings
from media_worker.session.meeting import Meeting
from media_worker.session.meetings import Meetings
from media_worker.transport.connection import Port
from media_worker.transport.engine.base import Engine
from media_worker.transport.engine.choice import open_engine
from media_worker.transport.udp_mux import UdpMux, open_socket

PATIENCE_S = 30.0


async def eventually(done: Callable[[], Any], what: str) -> Any:
    """The first true result of `done`."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if result := done():
                return result
            await asyncio.sleep(0.01)
    raise AssertionError(what)


class Colour(VideoStreamTrack):
    """A picture of one colour, small and cheap."""

    def __init__(self, luma: int) -> None:
        super().__init__()
        self._luma = luma

    async def recv(self) -> av.VideoFrame:
        pts, time_base = await self.next_timestamp()
        frame = av.VideoFrame.from_ndarray(numpy.full((96 * 3 // 2, 128), self._luma, numpy.uint8), format="yuv420p")
        frame.pts, frame.time_base = pts, time_base
        return frame


@dataclass(eq=False)
class Client:
    """One participant: `publish`, `subscribe` and `player` are RTCPeerConnections, `got` counts frames by kind."""

    room: "Room"
    id: str
    publish: RTCPeerConnection | None = None
    subscribe: RTCPeerConnection | None = None
    player: RTCPeerConnection | None = None
    offered: list[dict[str, Any]] = field(default_factory=list)  # payloads of subscribe offers
    errors: list[dict[str, Any]] = field(default_factory=list)
    restarts: list[dict[str, Any]] = field(default_factory=list)
    got: dict[str, int] = field(default_factory=dict)
    last: dict[str, Any] = field(default_factory=dict)
    channels: dict[str, RTCDataChannel] = field(default_factory=dict)
    heard: list[tuple[str, str | bytes]] = field(default_factory=list)  # on channels: label, message
    _negotiation: int = 0
    _readers: list[asyncio.Task[None]] = field(default_factory=list)

    async def send(self, type_: str, payload: dict[str, Any]) -> None:
        await self.room.tell(type_, payload, sender=self.id)

    async def share(self, *tracks: tuple[MediaStreamTrack, str], channels: Sequence[str] = ()) -> None:
        """Publish tracks with their sources, on a new connection, and open data channels with these labels."""
        self.publish = _new_connection()
        self.channels = {label: self.publish.createDataChannel(label) for label in channels}
        for label, channel in self.channels.items():
            channel.on("message", lambda message, label=label: self.heard.append((label, message)))
        for track, _ in tracks:
            self.publish.addTransceiver(track, direction="sendonly")
        await self.offer([source for _, source in tracks])

    async def offer(self, sources: list[str]) -> None:
        pc = self.publish
        assert pc is not None
        await pc.setLocalDescription(await pc.createOffer())
        mids = [transceiver.mid for transceiver in pc.getTransceivers()]
        named = [{"mid": mid, "source": source} for mid, source in zip(mids, sources, strict=True)]
        self._negotiation += 1
        await self.send(
            "rtc.offer",
            {
                "connection": "publish",
                "negotiation": self._negotiation,
                "sdp": pc.localDescription.sdp,
                "tracks": named,
            },
        )

    async def watch(self) -> None:
        """Ask for everybody else's tracks."""
        await self.send("rtc.subscribe", {"fresh": True})

    async def play(self, *kinds: str, **wishes: Any) -> None:
        """Offer to be shown the meeting, with an m-line for each of `kinds` (as WHEP does)."""
        self.player = _new_connection()
        self.player.on("track", self._read)
        for kind in kinds:
            self.player.addTransceiver(kind, direction="recvonly")
        await self.player.setLocalDescription(await self.player.createOffer())
        offer = {"connection": "play", "negotiation": 1, "sdp": self.player.localDescription.sdp}
        await self.send("rtc.offer", offer | wishes)

    async def receive(self, type_: str, payload: dict[str, Any]) -> None:
        if type_ == "rtc.answer" and payload["connection"] == "play":
            assert self.player is not None
            await self.player.setRemoteDescription(RTCSessionDescription(payload["sdp"], "answer"))
        elif type_ == "rtc.answer" and self.publish is not None:
            await self.publish.setRemoteDescription(RTCSessionDescription(payload["sdp"], "answer"))
        elif type_ == "rtc.offer":
            self.offered.append(payload)
            await self.answer(payload)
        elif type_ == "rtc.error":
            self.errors.append(payload)
        elif type_ == "rtc.restart":
            self.restarts.append(payload)

    async def answer(self, payload: dict[str, Any]) -> None:
        if self.subscribe is None:
            self.subscribe = _new_connection()
            self.subscribe.on("track", self._read)
        await self.subscribe.setRemoteDescription(RTCSessionDescription(payload["sdp"], "offer"))
        await self.subscribe.setLocalDescription(await self.subscribe.createAnswer())
        reply = {"connection": "subscribe", "negotiation": payload["negotiation"]}
        await self.send("rtc.answer", reply | {"sdp": self.subscribe.localDescription.sdp})

    def _read(self, track: MediaStreamTrack) -> None:
        self._readers.append(asyncio.get_running_loop().create_task(self._count(track)))

    async def _count(self, track: MediaStreamTrack) -> None:
        while True:
            try:
                frame = await track.recv()
            except Exception:  # the track has ended
                return
            self.got[track.kind] = self.got.get(track.kind, 0) + 1
            self.last[track.kind] = frame

    def freeze(self) -> None:
        """The device is gone without a word: nothing of it reaches the worker any more."""
        for pc in (self.publish, self.subscribe, self.player):
            for transceiver in pc.getTransceivers() if pc else ():
                connection = transceiver.sender.transport.transport._connection
                for protocol in connection._protocols:
                    protocol.transport.sendto = lambda *_: None

    async def close(self) -> None:
        for reader in self._readers:
            reader.cancel()
        for pc in (self.publish, self.subscribe, self.player):
            if pc is not None:
                await pc.close()
        self.publish = self.subscribe = self.player = None


def _new_connection() -> RTCPeerConnection:
    return RTCPeerConnection(RTCConfiguration(iceServers=[]))


@dataclass(eq=False)
class Room:
    """Plays Parley: `tracks` and `speakers` are what the worker reported."""

    meetings: Meetings
    port: Port
    id: str = "meeting"
    epoch: int = 1
    clients: dict[str, Client] = field(default_factory=dict)
    tracks: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    speakers: list[list[dict[str, Any]]] = field(default_factory=list)
    stats: dict[str, dict[str, Any]] = field(default_factory=dict)  # by track id
    sent: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)  # to, type, payload

    async def signal(
        self, meeting_id: str, epoch: int, sfu_participant_id: str, messages: list[dict[str, Any]]
    ) -> None:
        assert (meeting_id, epoch, sfu_participant_id) == (self.id, self.epoch, "sfu")
        for message in messages:
            self.sent.append((message["to"], message["type"], message["payload"]))
            if client := self.clients.get(message["to"]):
                await client.receive(message["type"], message["payload"])

    async def report(
        self,
        meeting_id: str,
        epoch: int,
        *,
        tracks: list[dict[str, Any]] | None = None,
        speakers: list[dict[str, Any]] | None = None,
        stats: list[dict[str, Any]] | None = None,
    ) -> None:
        self.stats = {one["track_id"]: one for one in stats} if stats is not None else self.stats
        assert (meeting_id, epoch) == (self.id, self.epoch)
        for entry in tracks or ():
            self.tracks[entry["participant_id"]] = entry["tracks"]
        if speakers is not None:
            self.speakers.append(speakers)

    async def place(self) -> None:
        placement = {"epoch": self.epoch, "sfu_participant_id": "sfu", "meeting": {"id": self.id}, "participants": []}
        await self.meetings.on_message({"type": "media.place", "meeting_id": self.id, "payload": placement})

    async def join(self, name: str) -> Client:
        self.clients[name] = Client(self, name)
        await self.tell("participant.joined", {"participant": self.shown(name)})
        return self.clients[name]

    async def leave(self, name: str) -> None:
        await self.tell("participant.left", {"participant": self.shown(name, state="left")})
        await self.clients.pop(name).close()

    @property
    def meeting(self) -> Meeting:
        return self.meetings.open[self.id]

    def shown(self, name: str, **changes: Any) -> dict[str, Any]:
        return {"id": name, "kind": "user", "state": "joined", "epoch": 1, "muted": False} | changes

    async def tell(self, type_: str, payload: dict[str, Any], sender: str = "", epoch: int = 1) -> None:
        about = {"type": type_, "meeting_id": self.id, "from": {"participant_id": sender, "epoch": epoch}}
        await self.meetings.on_message(about | {"payload": payload})


@asynccontextmanager
async def open_room(
    make_engine: Callable[[socket.socket], Engine] = open_engine,
    recordings: Recordings | None = None,
) -> AsyncIterator[Room]:
    """A worker on a port of the system's choice, with one meeting placed on it. Everything is closed at the end."""
    mux = UdpMux(make_engine(open_socket("127.0.0.1", 0)))
    port = Port(mux, [mux.engine.address])
    room = Room(Meetings(port, capacity=100, recordings=recordings), port)
    # aioice leaves loopback out
    with patch.object(aioice.ice, "get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"]):
        room.meetings.start(room)
        try:
            await room.place()
            yield room
        finally:
            await asyncio.gather(*(client.close() for client in room.clients.values()))
            await room.meetings.stop()


class Tone(AudioStreamTrack):
    """A tone of 440 Hz, loud enough to be a speaker's."""

    async def recv(self) -> av.AudioFrame:
        frame = await super().recv()
        wave = numpy.sin(numpy.arange(frame.samples) * 2 * numpy.pi * 440 / frame.sample_rate) * 12_000
        frame.planes[0].update(wave.astype(numpy.int16).tobytes())
        return frame


def tone() -> tuple[MediaStreamTrack, str]:
    return Tone(), "microphone"


def colour(luma: int) -> tuple[MediaStreamTrack, str]:
    return Colour(luma), "camera"
