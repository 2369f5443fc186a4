"""What Parley says to a worker, without a packet."""

import asyncio
from typing import Any

from tests.media_worker.room import Room, open_room


def placement(meeting_id: str, epoch: int) -> dict[str, Any]:
    return {"epoch": epoch, "sfu_participant_id": "sfu", "meeting": {"id": meeting_id}, "participants": []}


def message(type_: str, meeting_id: str, **payload: Any) -> dict[str, Any]:
    return {"type": type_, "meeting_id": meeting_id, "from": {}, "payload": payload}


def epochs(room: Room) -> dict[str, int]:
    return {meeting_id: meeting.epoch for meeting_id, meeting in room.meetings.open.items()}


def test_a_meeting_is_there_from_its_placement_to_its_release() -> None:
    async def run() -> None:
        async with open_room() as room:
            tell = room.meetings.on_message
            await tell(message("media.place", "m", **placement("m", 4)))
            await tell(message("media.place", "m", **placement("m", 4)))  # told twice
            await tell(message("media.place", "m", **placement("m", 3)))  # an old one
            assert epochs(room)["m"] == 4
            await tell(message("media.release", "m", epoch=3, reason="moved"))
            assert epochs(room)["m"] == 4
            await tell(message("media.place", "m", **placement("m", 6)))
            assert epochs(room)["m"] == 6
            await tell(message("media.release", "m", epoch=6, reason="meeting_ended"))
            assert "m" not in epochs(room)

    asyncio.run(run())


def test_the_list_of_placements_is_the_truth() -> None:
    async def run() -> None:
        async with open_room() as room:
            await room.meetings.on_placements([placement("a", 1), placement("b", 2)])
            assert epochs(room) == {"a": 1, "b": 2}
            await room.meetings.on_placements([placement("b", 3)])
            assert epochs(room) == {"b": 3}
            await room.meetings.on_lost()
            assert epochs(room) == {}

    asyncio.run(run())


def test_nonsense_from_the_inbox_stops_nothing() -> None:
    async def run() -> None:
        async with open_room() as room:
            for type_ in ("participant.joined", "participant.left", "participant.mute", "rtc.offer", "rtc.answer"):
                for payload in ({}, {"participant": None}, {"participant_ids": None}, {"sdp": 5}, {"tracks": [1]}):
                    await room.tell(type_, payload, sender="nobody")
            await room.meetings.on_message({})
            await room.meetings.on_message({"type": "media.place", "meeting_id": "x", "payload": {"epoch": "?"}})
            await room.meetings.on_message(message("of.tomorrow", room.id))
            assert epochs(room) == {room.id: 1}

    asyncio.run(run())


def test_people_who_are_not_in_the_room_cannot_connect() -> None:
    async def run() -> None:
        async with open_room() as room:
            await room.tell("rtc.subscribe", {"fresh": True}, sender="stranger")
            await room.tell("participant.joined", {"participant": room.shown("waiting", state="waiting")})
            await room.tell("participant.joined", {"participant": room.shown("another", kind="sfu")})
            assert room.meeting.participants == {}

    asyncio.run(run())
