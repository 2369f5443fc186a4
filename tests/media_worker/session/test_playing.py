"""Players of a meeting (WHEP), as aiortc's peer connections, on a real worker."""

import re
from itertools import pairwise
from typing import Any
from unittest.mock import AsyncMock

import pytest
from aiortc.rtp import RtpPacket

from media_worker.session.stage import choose
from media_worker.transport.connection import CONSENT_TIMEOUT_S
from tests.media_worker.room import Client, Room, colour, eventually, tone
from tests.media_worker.session.test_call import frames, run

ANNA, BERT, SCREEN = 60, 180, 230  # what their pictures show


async def shows(player: Client, luma: int) -> None:
    def look() -> bool:
        frame = player.last.get("video")
        return frame is not None and abs(int(frame.to_ndarray()[10, 10]) - luma) < 12

    await eventually(look, f"{player.id} is shown {luma}")


async def in_a_call(room: Room) -> tuple[Client, Client]:
    anna, bert = await room.join("anna"), await room.join("bert")
    await anna.share(colour(ANNA))
    await eventually(lambda: room.tracks.get("anna"), "anna publishes")
    await bert.share(tone(), colour(BERT))
    await eventually(lambda: room.tracks.get("bert"), "bert publishes")
    return anna, bert


def wiretap(player: Client, kind: str) -> list[RtpPacket]:
    """What arrives from now on on the m-line of this kind."""
    assert player.player is not None
    [receiver] = [one.receiver for one in player.player.getTransceivers() if one.kind == kind]
    heard: list[RtpPacket] = []
    handle = receiver._handle_rtp_packet

    async def hear(packet: RtpPacket, **more: Any) -> None:
        heard.append(packet)
        await handle(packet, **more)

    receiver._handle_rtp_packet = hear  # type: ignore[method-assign]
    return heard


def test_one_who_only_plays_is_shown_the_meeting_and_publishes_nothing() -> None:
    async def call(room: Room) -> None:
        player = await room.join("player")
        await player.play("audio", "video")
        await eventually(lambda: player.player and player.player.connectionState == "connected", "connected")
        await in_a_call(room)
        await frames(player, "video")
        await frames(player, "audio")
        assert "player" not in room.tracks
        assert room.meetings.load()["participants"] == 3

    run(call)


def test_who_speaks_is_shown_and_a_shared_screen_before_everybody() -> None:
    async def call(room: Room) -> None:
        _anna, bert = await in_a_call(room)
        await bert.share(colour(BERT))  # anna was there first, and nobody speaks
        player = await room.join("player")
        await player.play("video")
        await shows(player, ANNA)
        heard = wiretap(player, "video")

        await bert.share(tone(), colour(BERT))
        await shows(player, BERT)
        cara = await room.join("cara")
        await cara.share((colour(SCREEN)[0], "screen"))
        await shows(player, SCREEN)
        await room.leave("cara")
        await shows(player, BERT)

        # It is one stream: no number is left out or used twice, and time goes on.
        assert len({packet.ssrc for packet in heard}) == 1
        numbers = [packet.sequence_number for packet in heard]
        assert sorted(numbers) == list(range(min(numbers), min(numbers) + len(numbers)))
        times = [packet.timestamp for packet in sorted(heard, key=lambda packet: packet.sequence_number)]
        steps = [(after - before) & 0xFFFFFFFF for before, after in pairwise(times)]
        assert max(steps) < 90_000 * 60

    run(call)


def test_one_person_alone_can_be_played() -> None:
    async def call(room: Room) -> None:
        await in_a_call(room)
        player = await room.join("player")
        await player.play("video", participant_id="bert")
        await shows(player, BERT)
        await room.leave("bert")
        before = player.got["video"]
        await eventually(lambda: "bert" not in room.meeting.participants, "bert has left")
        another = await room.join("another")
        await another.play("video")
        await shows(another, ANNA)
        assert player.got["video"] - before < 5  # what was on its way

    run(call)


def test_packets_come_under_the_payload_types_that_the_player_offered() -> None:
    async def call(room: Room) -> None:
        await in_a_call(room)
        player = await room.join("player")

        offered: list[str] = []

        async def keep(type_: str, payload: dict[str, Any]) -> None:
            offered.append(payload["sdp"])
            await room.tell(type_, payload, sender="player")

        player.send = keep  # type: ignore[method-assign]
        await player.play("audio", "video")
        heard = wiretap(player, "video")
        await frames(player, "video")
        vp8 = re.search(r"a=rtpmap:(\d+) VP8/90000", offered[0])
        assert vp8 is not None
        assert {packet.payload_type for packet in heard} == {int(vp8[1])}

    run(call)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda sdp: "v=0", "bad_sdp"),
        (lambda sdp: sdp.replace("a=recvonly", "a=sendonly"), "bad_sdp"),
        (lambda sdp: re.sub(r"(a=rtpmap:\d+) \w+/", r"\1 SPEEX/", sdp), "no_common_codec"),
        (lambda sdp: sdp.replace("a=setup:actpass", "a=setup:passive"), "not_accepted"),
    ],
    ids=["no SDP", "nothing wanted", "unknown codec", "DTLS server"],
)
def test_what_cannot_be_played_is_refused(change: Any, code: str) -> None:
    async def call(room: Room) -> None:
        player = await room.join("player")

        async def send(type_: str, payload: dict[str, Any]) -> None:
            await room.tell(type_, payload | {"sdp": change(payload["sdp"])}, sender="player")

        player.send = send  # type: ignore[method-assign]
        await player.play("audio", "video")
        await eventually(lambda: player.errors, "it is told")
        told = player.errors[0]
        assert (told["connection"], told["negotiation"], told["code"]) == ("play", 1, code)
        assert len(room.port.mux) == 0

    run(call)


def test_new_credentials_keep_the_connection() -> None:
    async def call(room: Room) -> None:
        await in_a_call(room)
        player = await room.join("player")
        await player.play("video")
        await frames(player, "video")
        playing = room.meeting.participants["player"].playing
        connection, before = playing.connection, playing.connection and playing.connection.ice.credentials
        assert player.player is not None
        player.receive = AsyncMock()  # type: ignore[method-assign] # aiortc knows no restart
        sdp = re.sub("a=ice-ufrag:.*", "a=ice-ufrag:anew", player.player.localDescription.sdp)
        await player.send("rtc.offer", {"connection": "play", "negotiation": 2, "sdp": sdp})
        await eventually(lambda: room.sent[-1][2].get("negotiation") == 2, "it is answered")
        to, type_, answer = room.sent[-1]
        assert (to, type_, answer["negotiation"]) == ("player", "rtc.answer", 2)
        assert playing.connection is connection
        assert before is not None
        assert f"a=ice-ufrag:{before.ufrag}" not in answer["sdp"]
        await frames(player, "video")  # the old path holds until there is a new one

    run(call)


def test_a_player_that_vanishes_is_told_of_and_leaves_nothing_behind() -> None:
    async def call(room: Room) -> None:
        player = await room.join("player")
        await player.play("video")
        await eventually(lambda: player.player and player.player.connectionState == "connected", "connected")
        player.freeze()
        clock, room.port.mux.clock = room.port.mux.clock, lambda: clock() + CONSENT_TIMEOUT_S + 1
        await eventually(lambda: ("player", "rtc.restart", {"connection": "play"}) in room.sent, "Parley is told")
        await eventually(lambda: len(room.port.mux) == 0, "nothing is left")

    run(call)


# What is chosen -----------------------------------------------------------------------------------------------------


class Shown:
    """As much of a published track as matters: `anna`, `bert screen`, `cara sound`."""

    def __init__(self, name: str, *, newest: float | None = 10.0) -> None:
        who, _, what = name.partition(" ")
        self.name, self.track = name, self
        self.id, self.participant_id = name, who
        self.kind = "audio" if what == "sound" else "video"
        self.source = {"sound": "microphone", "screen": "screen"}.get(what, "camera")
        self.last = None if newest is None else (0, newest)


@pytest.mark.parametrize(
    ("able", "loudest", "shown", "wanted"),
    [
        ([], [], [None], [None]),
        (["anna", "bert"], [], [None], ["anna"]),
        (["anna", "bert"], [], ["bert"], ["bert"]),  # nobody speaks: as it is
        (["anna", "bert"], ["bert", "anna"], ["anna"], ["bert"]),
        (["anna", "bert screen", "cara"], ["cara"], ["anna"], ["bert screen"]),
        (["anna screen", "bert screen"], ["anna"], [None], ["anna screen"]),
        (["anna screen", "bert screen"], [], [None], ["bert screen"]),
        (["anna", "bert"], [], ["cara"], ["anna"]),  # who was shown is gone
        (["anna", "bert", "cara"], ["cara"], ["anna", "bert"], ["anna", "cara"]),
        (["anna"], [], ["anna", None], ["anna", None]),
        (["anna", "bert sound"], ["bert"], ["anna"], ["anna"]),
    ],
)
def test_what_a_player_is_shown(able: list[str], loudest: list[str], shown: list[Any], wanted: list[Any]) -> None:
    published: dict[str, Any] = {name: Shown(name) for name in able}
    before = [None if name is None else published.get(name, Shown(name)) for name in shown]
    chosen = choose("video", list(published.values()), loudest, before, 11.0)
    assert [one and one.track.id for one in chosen] == wanted


def test_a_camera_that_sends_nothing_is_shown_last_and_a_screen_that_stands_still_is_not() -> None:
    dark, light = Shown("anna", newest=1.0), Shown("bert")
    able: list[Any] = [dark, light]
    assert choose("video", able, ["anna"], [None], 11.0) == [light]
    able = [light, Shown("cara screen", newest=1.0)]
    assert choose("video", able, [], [None], 11.0) == [able[1]]
    able = [dark]
    assert choose("video", able, [], [None], 11.0) == [dark]


def test_sound_follows_who_speaks() -> None:
    able: list[Any] = [Shown("anna sound"), Shown("bert sound")]
    assert choose("audio", able, ["bert"], [able[0]], 11.0) == [able[1]]
