"""Calls of aiortc clients over a real worker, packets and all."""

import asyncio
import gc
import random
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from media_worker.session.participant import Participant
from media_worker.sfu.track import Source, Track
from media_worker.transport.connection import CONSENT_TIMEOUT_S, Connection
from media_worker.transport.dtls import DtlsServer
from media_worker.transport.engine.choice import open_engine
from media_worker.transport.engine.portable import PortableEngine
from tests.media_worker.room import Client, Room, colour, eventually, open_room, tone
from tests.support.lossy_link import LossyEngine


def run(call: Callable[[Room], Coroutine[Any, Any, None]], **options: Any) -> None:
    async def in_a_room() -> None:
        async with open_room(**options) as room:
            await call(room)

    asyncio.run(in_a_room())


async def frames(client: Client, kind: str, more: int = 3) -> None:
    """Wait until the client has got some more frames."""
    enough = client.got.get(kind, 0) + more
    await eventually(lambda: client.got.get(kind, 0) >= enough, f"{client.id} gets {kind}")


async def in_a_call(room: Room, *names: str) -> list[Client]:
    """Everybody publishes a tone and a colour, and gets everybody else's."""
    clients = [await room.join(name) for name in names]
    for number, client in enumerate(clients):
        await client.watch()
        await client.share(tone(), colour(60 + 120 * number))
    for client in clients:
        await frames(client, "video")
        await frames(client, "audio")
    return clients


@pytest.mark.parametrize("make_engine", [open_engine, PortableEngine])
def test_two_people_see_and_hear_each_other(make_engine: Any) -> None:
    async def call(room: Room) -> None:
        anna, bert = await in_a_call(room, "anna", "bert")
        assert abs(int(anna.last["video"].to_ndarray()[10, 10]) - 180) < 12
        assert abs(int(bert.last["video"].to_ndarray()[10, 10]) - 60) < 12
        assert [track["source"] for track in room.tracks["anna"]] == ["microphone", "camera"]
        await eventually(lambda: room.speakers, "speakers")
        assert {one["participant_id"] for one in room.speakers[-1]} <= {"anna", "bert"}
        told = room.meetings.load()
        assert (told["participants"], told["tracks"], told["stats"]["connections"]) == (2, 4, 4)
        assert told["stats"]["bitrate_in"] > 0
        assert told["stats"]["bitrate_out"] > 0

    run(call, make_engine=make_engine)


def test_who_comes_later_gets_what_is_there_and_who_leaves_makes_room() -> None:
    async def call(room: Room) -> None:
        anna, _ = await in_a_call(room, "anna", "bert")
        before = anna.offered[-1]
        await room.leave("bert")
        await eventually(lambda: anna.offered[-1]["tracks"] == [], "nothing is left to get")
        cleo = await room.join("cleo")
        await cleo.watch()
        await cleo.share(tone(), colour(220))
        await frames(cleo, "video")
        await eventually(lambda: len(anna.offered[-1]["tracks"]) == 2, "cleo's tracks")
        # on the m-lines that were free, from sources of their own
        assert [one["mid"] for one in anna.offered[-1]["tracks"]] == [one["mid"] for one in before["tracks"]]
        assert anna.offered[-1]["sdp"].count("m=") == 2
        ssrcs = [{line for line in one["sdp"].split("\r\n") if "cname" in line} for one in (before, anna.offered[-1])]
        assert not ssrcs[0] & ssrcs[1]

    run(call)


def test_a_host_silences_a_microphone_and_only_its_owner_can_speak_again() -> None:
    async def call(room: Room) -> None:
        _, bert = await in_a_call(room, "anna", "bert")
        track = next(one.track for one in room.meeting.participants["anna"].publishing.tracks.values())
        await room.tell("participant.mute", {"participant_ids": ["anna"], "by": None})
        (route,) = track.routes
        sent = route.packets
        await frames(bert, "video")
        assert route.packets == sent
        # Something else about anna: her client has not heard of it yet.
        await room.tell("participant.updated", {"participant": room.shown("anna")})
        assert track.muted
        for muted in (True, False):
            await room.tell("participant.updated", {"participant": room.shown("anna", muted=muted)})
        await frames(bert, "audio")
        assert route.packets > sent

    run(call)


def test_a_track_that_nobody_wants_now_is_not_sent_and_comes_back_at_a_wish() -> None:
    async def call(room: Room) -> None:
        _, bert = await in_a_call(room, "anna", "bert")
        video = next(one for one in bert.offered[-1]["tracks"] if one["kind"] == "video")
        await bert.send("rtc.subscribe", {"tracks": {video["track_id"]: {"paused": True}}})
        published = room.meeting.participants["anna"].publishing.tracks[room.tracks["anna"][1]["mid"]]
        assert published.track.routes == []
        await frames(bert, "audio")
        await bert.send("rtc.subscribe", {"tracks": {video["track_id"]: {"paused": False}}})
        await frames(bert, "video")

    run(call)


def test_parley_is_told_how_tracks_and_the_worker_do() -> None:
    async def call(room: Room) -> None:
        _, bert = await in_a_call(room, "anna", "bert")
        camera = room.tracks["anna"][1]["id"]
        for paused in (True, False):  # who comes back needs a key frame
            await bert.send("rtc.subscribe", {"tracks": {camera: {"paused": paused}}})
        await frames(bert, "video", more=40)

        def told() -> bool:
            room.meeting._figures_at = 0.0  # now, not in five seconds
            return room.stats.get(camera, {}).get("bitrate", 0) > 0

        await eventually(told, "a bitrate that was measured")
        assert room.stats[camera]["consumers"] == {"flowing": 1, "paused": 0, "held": 0}
        assert len(room.stats) == 4
        stats = room.meetings.load()["stats"]
        assert (stats["producers"], stats["consumers"], stats["connections"]) == (4, 4, 4)
        assert stats["packets_out"] > 100
        assert stats["plis_sent"] > 0
        assert len(stats) <= 50

    run(call)


def test_a_call_goes_on_where_every_tenth_packet_is_lost() -> None:
    chance = random.Random(3)
    engines: list[LossyEngine] = []

    def lossy(sock: Any) -> LossyEngine:
        engines.append(LossyEngine(sock, lambda incoming: chance.random() < 0.1))
        return engines[0]

    async def call(room: Room) -> None:
        anna, bert = await in_a_call(room, "anna", "bert")
        for client in (anna, bert):
            await frames(client, "video", more=40)
        subscriber = room.meeting.participants["bert"].subscribing.subscriber
        assert subscriber is not None
        assert engines[0].lost_in > 0
        assert engines[0].lost_out > 0
        assert sum(one.resent for one in subscriber.subscriptions) > 0
        track = room.meeting.participants["anna"].publishing.tracks[room.tracks["anna"][1]["mid"]].track
        source = track.current
        assert source is not None

        def share_that_is_there() -> float:
            """Of the last hundred packets: what was lost on the way here was asked for again, and came."""
            newest = max(packet.sequence for packet in track.cache._ring if packet)
            numbers = range(max(newest - 100, 0), newest)
            return sum(track.cache.get(number) is not None for number in numbers) / len(numbers)

        await eventually(lambda: share_that_is_there() >= 0.97, "hardly a hole")

    run(call, make_engine=lossy)


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"sdp": "hello"}, "bad_sdp"),
        ({}, "bad_sdp"),
        ({"sdp": None, "tracks": "no"}, "bad_sdp"),
    ],
)
def test_an_offer_that_cannot_be_answered_is_said_to_be(payload: dict[str, Any], code: str) -> None:
    async def call(room: Room) -> None:
        anna = await room.join("anna")
        await anna.send("rtc.offer", {"connection": "publish", "negotiation": 7, **payload})
        await eventually(lambda: anna.errors, "an error")
        assert (anna.errors[0]["negotiation"], anna.errors[0]["code"]) == (7, code)
        assert len(room.port.mux) == 0

    run(call)


def test_an_answer_to_an_older_offer_is_ignored() -> None:
    async def call(room: Room) -> None:
        _, bert = await in_a_call(room, "anna", "bert")
        number = bert.offered[-1]["negotiation"]
        for wrong in (number - 1, number + 1, None, "x"):
            await bert.send("rtc.answer", {"connection": "subscribe", "negotiation": wrong, "sdp": "v=0"})
        await frames(bert, "video")

    run(call)


def test_another_device_in_a_participants_place_begins_anew() -> None:
    async def call(room: Room) -> None:
        anna, _ = await in_a_call(room, "anna", "bert")
        sdp = anna.publish.localDescription.sdp if anna.publish else ""
        await room.tell("participant.updated", {"participant": room.shown("anna", epoch=2)})
        await eventually(lambda: room.tracks["anna"] == [], "the old device's tracks are gone")
        assert not room.meeting.participants["anna"].has_connections
        # What the old device still says is void.
        await anna.send("rtc.offer", {"connection": "publish", "negotiation": 9, "sdp": sdp})
        assert not room.meeting.participants["anna"].has_connections

    run(call)


def test_a_client_that_vanishes_leaves_nothing_behind() -> None:
    async def call(room: Room) -> None:
        anna, bert = await in_a_call(room, "anna", "bert")
        bert.freeze()
        clock, room.port.mux.clock = room.port.mux.clock, lambda: clock() + CONSENT_TIMEOUT_S + 1
        # anna goes on checking, at the time that it is now
        for connection in (
            room.meeting.participants["anna"].publishing.connection,
            room.meeting.participants["anna"].subscribing.connection,
        ):
            assert connection is not None
            connection.ice.last_check_at = room.port.mux.clock()
        await eventually(lambda: room.tracks["bert"] == [], "bert's tracks are reported away")
        assert not room.meeting.participants["bert"].has_connections
        assert ("bert", "rtc.restart", {"connection": "publish"}) in room.sent
        await eventually(lambda: anna.offered[-1]["tracks"] == [], "anna is told")
        await eventually(lambda: len(room.port.mux) == 2, "anna's connections are left")

    run(call)


def test_a_released_meeting_frees_everything() -> None:
    async def call(room: Room) -> None:
        await in_a_call(room, "anna", "bert")
        assert len(room.port.mux) == 4
        release = {"type": "media.release", "meeting_id": room.id, "payload": {"epoch": 1, "reason": "meeting_ended"}}
        await room.meetings.on_message(release)
        await eventually(lambda: len(room.port.mux) == 0, "the port serves nobody")
        assert room.meetings.open == {}
        assert room.meetings.load()["participants"] == 0

    run(call)
    gc.collect()
    left = [type(one).__name__ for one in gc.get_objects() if isinstance(one, KEPT)]
    assert left == []


KEPT = (Participant, Track, Source, Connection, DtlsServer)


def test_five_hundred_joins_and_leaves_leave_nothing() -> None:
    async def call(room: Room) -> None:
        anna = await room.join("anna")
        await anna.share(tone())
        await eventually(lambda: room.tracks.get("anna"), "anna's track")
        offer = anna.publish.localDescription.sdp if anna.publish else ""
        for number in range(500):
            name = f"guest-{number}"
            await room.tell("participant.joined", {"participant": room.shown(name)})
            await room.tell("rtc.subscribe", {"fresh": True}, sender=name)
            payload = {"connection": "publish", "negotiation": 1, "sdp": offer}
            await room.tell("rtc.offer", payload, sender=name)
            await room.tell("participant.left", {"participant": room.shown(name, state="left")})
        await eventually(lambda: len(room.port.mux) == 1, "only anna is left")
        gc.collect()
        counts = {kind.__name__: sum(isinstance(one, kind) for one in gc.get_objects()) for kind in KEPT}
        assert counts["Participant"] == 1
        assert counts["Track"] == 1
        assert counts["Connection"] == 1

    run(call)
