"""What people say on data channels, over a real worker."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from media_worker.session import data_relay
from media_worker.transport.connection import CONSENT_TIMEOUT_S
from tests.media_worker.room import Client, Room, eventually, open_room, tone


def run(call: Callable[[Room], Coroutine[Any, Any, None]]) -> None:
    async def in_a_room() -> None:
        async with open_room() as room:
            await call(room)

    asyncio.run(in_a_room())


async def with_channels(room: Room, **labels: tuple[str, ...]) -> list[Client]:
    """Participants by name, each with its channels open."""
    clients = [await room.join(name) for name in labels]
    for client, wanted in zip(clients, labels.values(), strict=True):
        await client.share(channels=wanted)
    for client in clients:
        for channel in client.channels.values():
            await eventually(lambda channel=channel: channel.readyState == "open", "open")
    await eventually(lambda: len(room.meeting.data) == len(clients), "all take part")
    return clients


def test_what_one_says_reaches_all_others_on_the_same_label() -> None:
    async def call(room: Room) -> None:
        anna, bert, cleo, dora = await with_channels(
            room, anna=("chat", "state"), bert=("chat",), cleo=("chat",), dora=("state",)
        )
        for number in range(20):
            anna.channels["chat"].send(f"hello {number}")
        bert.channels["chat"].send(b"\x00\xff")
        expected = [("chat", f"hello {number}") for number in range(20)]
        await eventually(lambda: len(cleo.heard) == 21, "cleo hears both")
        assert [one for one in cleo.heard if isinstance(one[1], str)] == expected
        assert bert.heard == expected
        assert anna.heard == [("chat", b"\x00\xff")]
        assert dora.heard == []

    run(call)


def test_channels_go_beside_sound_and_stay_when_tracks_change() -> None:
    async def call(room: Room) -> None:
        anna, bert = [await room.join(name) for name in ("anna", "bert")]
        for client in (anna, bert):
            await client.watch()
            await client.share(tone(), channels=("chat",))
        await eventually(lambda: bert.got.get("audio", 0) > 3, "sound")
        await anna.offer(["microphone"])  # again, as when a track changes
        for client in (anna, bert):
            await eventually(lambda client=client: client.channels["chat"].readyState == "open", "open")
        await eventually(lambda: len(room.meeting.data) == 2, "both take part")
        bert.channels["chat"].send("over")
        await eventually(lambda: anna.heard == [("chat", "over")], "anna hears it")

    run(call)


def test_who_leaves_takes_no_part_any_more() -> None:
    async def call(room: Room) -> None:
        anna, _ = await with_channels(room, anna=("chat",), bert=("chat",))
        await room.leave("bert")
        await eventually(lambda: len(room.meeting.data) == 1, "one is left")
        anna.channels["chat"].send("anybody?")
        await room.tell("participant.updated", {"participant": room.shown("anna", epoch=2)})
        assert len(room.meeting.data) == 0

    run(call)


@pytest.mark.parametrize("way", ["lost", "left"])
def test_an_association_ends_with_its_connection_however_that_ends(way: str) -> None:
    async def call(room: Room) -> None:
        anna, _ = await with_channels(room, anna=("chat",), bert=("chat",))
        bert = room.meeting.participants["bert"].publishing
        sctp = bert._data._sctp if bert._data else None
        anna.channels["chat"].send("on its way")
        await eventually(lambda: anna.channels["chat"].bufferedAmount == 0, "sent")
        if way == "lost":
            assert bert.connection is not None
            bert.connection.tick(room.port.mux.clock() + CONSENT_TIMEOUT_S + 1)
        else:
            await room.leave("bert")
        assert sctp is not None
        # Else its timers would go on, and keep everything.
        await eventually(lambda: sctp.state == "closed", "closed")

    run(call)


def test_who_opens_too_many_channels_has_those_closed() -> None:
    async def call(room: Room) -> None:
        labels = tuple(str(number) for number in range(data_relay._MAX_CHANNELS + 2))
        anna = await room.join("anna")
        await anna.share(channels=labels)
        await eventually(
            lambda: sum(one.readyState == "closed" for one in anna.channels.values()) == 2, "two are closed"
        )
        assert sum(one.readyState == "open" for one in anna.channels.values()) == data_relay._MAX_CHANNELS

    run(call)


def test_who_says_too_much_has_the_channel_closed(monkeypatch: Any) -> None:
    async def call(room: Room) -> None:
        monkeypatch.setattr(data_relay, "_MAX_BYTES_PER_S", 5000)
        now = room.port.mux.clock()
        room.port.mux.clock = lambda: now  # all within one second, however slow the machine is
        anna, bert = await with_channels(room, anna=("chat",), bert=("chat",))
        for _ in range(10):
            anna.channels["chat"].send("x" * 1000)
        await eventually(lambda: anna.channels["chat"].readyState == "closed", "closed")
        assert len(bert.heard) == 5
        assert bert.channels["chat"].readyState == "open"

    run(call)


def test_who_falls_too_far_behind_has_the_channel_closed(monkeypatch: Any) -> None:
    async def call(room: Room) -> None:
        monkeypatch.setattr(data_relay, "_MAX_BEHIND_BYTES", -1)
        anna, bert = await with_channels(room, anna=("chat",), bert=("chat",))
        anna.channels["chat"].send("hello")
        await eventually(lambda: bert.channels["chat"].readyState == "closed", "closed")
        assert bert.heard == []

    run(call)
