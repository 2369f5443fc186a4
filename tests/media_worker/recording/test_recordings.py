"""A call that is recorded: what went in is in the files that come out."""

import asyncio
import io
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import av
import numpy

from media_worker.recording.recordings import Recordings
from tests.media_worker.recording.parley import FakeParley
from tests.media_worker.room import Client, Room, colour, eventually, open_room, tone
from tests.support.small_disk import fill, small_disk

MIB = 1024 * 1024


def run(folder: Path, call: Callable[[Room, FakeParley], Coroutine[Any, Any, None]], reserve: int = MIB) -> FakeParley:
    parley = FakeParley()

    async def in_a_room() -> None:
        recordings = Recordings(folder, reserve, parley)
        async with open_room(recordings=recordings) as room:
            await call(room, parley)

    asyncio.run(in_a_room())
    return parley


async def in_a_call(room: Room, *names: str) -> list[Client]:
    clients = [await room.join(name) for name in names]
    for number, client in enumerate(clients):
        await client.watch()
        await client.share(tone(), colour(60 + 120 * number))
    for client in clients:
        await eventually(lambda client=client: client.got.get("video", 0) > 3, f"{client.id} sees")
    return clients


async def record(room: Room, **asked: Any) -> None:
    await room.tell("recording.start", {"epoch": 1, "recording_id": "r1", "audio_only": False} | asked)


async def stop(room: Room, parley: FakeParley, recording_id: str = "r1") -> None:
    await room.tell("recording.stop", {"epoch": 1, "recording_id": recording_id, "reason": "asked"})
    await eventually(lambda: [one["state"] for one in parley.reports][-1] != "recording", "the end is told")
    await eventually(
        lambda: all(states[-1] in ("uploaded", "lost") for states in parley.states.values()), "files arrive"
    )


def sound_of(data: bytes) -> tuple[int, numpy.ndarray[Any, Any]]:
    """Rate and samples, without what was before the first and between frames."""
    with av.open(io.BytesIO(data)) as container:
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
        rate = container.streams.audio[0].rate
    mixed = numpy.concatenate([frame.mean(axis=0) if frame.shape[0] > 1 else frame[0] for frame in frames])
    return rate, mixed


def loudest_hz(rate: int, samples: numpy.ndarray[Any, Any]) -> float:
    spectrum = numpy.abs(numpy.fft.rfft(samples[-rate:]))
    return float(numpy.fft.rfftfreq(len(samples[-rate:]), 1 / rate)[spectrum.argmax()])


def pictures_of(data: bytes) -> list[tuple[float, int]]:
    """When each picture is shown, and how light it is."""
    with av.open(io.BytesIO(data)) as container:
        return [(float(frame.time), int(frame.to_ndarray()[10, 10])) for frame in container.decode(video=0)]


def test_what_two_people_send_is_in_four_files(tmp_path: Path) -> None:
    async def call(room: Room, parley: FakeParley) -> None:
        await in_a_call(room, "anna", "bert")
        await record(room)
        await asyncio.sleep(2.5)  # is recorded
        await stop(room, parley)

    parley = run(tmp_path, call)
    assert [one["state"] for one in parley.reports] == ["recording", "stopped"]
    assert list(parley.states.values()) == [["recording", "spooled", "uploaded"]] * 4
    for who, luma in (("anna", 60), ("bert", 180)):
        ((said, data),) = parley.of("video", who)
        shown = pictures_of(data)
        assert {abs(light - luma) < 12 for _, light in shown} == {True}
        assert said["stats"]["frames"] == len(shown)
        assert (said["stats"]["width"], said["stats"]["height"]) == (128, 96)
        assert 1.0 < said["duration_s"] <= shown[-1][0] + 0.1
        ((heard, sound),) = parley.of("audio", who)
        assert abs(loudest_hz(*sound_of(sound)) - 440) < 25  # each 20 ms begins the tone anew
        assert (heard["codec"], heard["content_type"], heard["recovered"]) == ("opus", "audio/webm", False)
    assert list(tmp_path.iterdir()) == []  # nothing is left where they were


def test_one_recording_after_another_is_made(tmp_path: Path) -> None:
    async def call(room: Room, parley: FakeParley) -> None:
        anna = await room.join("anna")
        await anna.share(tone(), colour(60))
        for number in (1, 2):
            await record(room, recording_id=f"r{number}")
            await eventually(lambda number=number: len(parley.states) == 2 * number, "files are begun")
            await stop(room, parley, recording_id=f"r{number}")

    parley = run(tmp_path, call)
    assert [one["state"] for one in parley.reports] == ["recording", "stopped"] * 2
    assert {said[0]["started_at"] is not None for said in parley.told.values()} == {True}


def test_who_comes_later_and_who_goes_have_files_of_their_own_length(tmp_path: Path) -> None:
    async def call(room: Room, parley: FakeParley) -> None:
        await record(room)
        await in_a_call(room, "anna", "bert")
        await asyncio.sleep(1)  # is recorded of both
        await room.leave("bert")
        await eventually(lambda: parley.of("video", "bert"), "what the one who left has sent is handed over at once")
        await asyncio.sleep(1)  # is recorded of one
        await stop(room, parley)

    parley = run(tmp_path, call)
    (((anna, _),), ((bert, _),)) = parley.of("audio", "anna"), parley.of("audio", "bert")
    assert anna["duration_s"] > bert["duration_s"] + 0.8


def test_of_a_recording_of_sound_there_are_no_pictures(tmp_path: Path) -> None:
    async def call(room: Room, parley: FakeParley) -> None:
        await record(room, audio_only=True)
        (anna,) = [await room.join("anna")]
        await anna.share(tone(), colour(60))
        await eventually(lambda: parley.states, "a file is begun")
        await stop(room, parley)

    parley = run(tmp_path, call)
    assert {said[-1]["kind"] for said in parley.told.values()} == {"audio"}


def test_whom_a_host_has_muted_is_not_recorded(tmp_path: Path) -> None:
    async def call(room: Room, parley: FakeParley) -> None:
        anna = await room.join("anna")
        await anna.share(tone(), colour(60))
        await record(room)
        await eventually(lambda: len(parley.states) == 2, "files are begun")
        await asyncio.sleep(1)
        await room.tell("participant.mute", {"participant_ids": ["anna"], "by": None})
        await asyncio.sleep(1)
        await room.tell("participant.updated", {"participant": room.shown("anna", muted=True)})
        await room.tell("participant.updated", {"participant": room.shown("anna", muted=False)})
        await asyncio.sleep(1)
        await stop(room, parley)

    parley = run(tmp_path, call)
    ((said, data),) = parley.of("audio")
    ((begun, ended),) = said["mutes"]
    assert ended - begun > 0.8
    with av.open(io.BytesIO(data)) as container:
        times = [float(packet.pts * packet.time_base) for packet in container.demux(audio=0) if packet.pts is not None]
    assert not [at for at in times if begun + 0.1 < at < ended - 0.1]
    assert any(at < begun for at in times)
    assert any(at > ended for at in times)


def test_a_full_disk_ends_the_recording_and_the_call_goes_on(tmp_path: Path) -> None:
    async def call(room: Room, parley: FakeParley) -> None:
        _, bert = await in_a_call(room, "anna", "bert")
        await record(room)
        await eventually(lambda: parley.reports, "told")
        before = bert.got["video"]
        await eventually(lambda: bert.got["video"] > before + 5, "bert still sees")

    parley = run(tmp_path, call, reserve=1 << 60)
    assert [(one["state"], one["reason"]) for one in parley.reports] == [("failed", "disk_full")]
    assert parley.files == {}


def test_a_disk_that_others_fill_costs_what_comes_after_and_not_what_was_written(tmp_path: Path) -> None:
    async def call(room: Room, parley: FakeParley) -> None:
        _, bert = await in_a_call(room, "anna", "bert")
        await record(room)
        await asyncio.sleep(2.5)  # is recorded
        fill(tmp_path)
        await eventually(lambda: [one for one in parley.reports if one["state"] == "failed"], "told")
        await eventually(lambda: len(parley.files) == 4, "what was written is handed over")
        before = bert.got["video"]
        await eventually(lambda: bert.got["video"] > before + 5, "bert still sees")

    with small_disk(tmp_path, 8):
        parley = run(tmp_path, call)
        assert list(tmp_path.glob("*/*")) == []
    assert [(one["state"], one["reason"]) for one in parley.reports] == [("recording", None), ("failed", "disk_full")]
    assert {said[-1]["state"] for said in parley.told.values()} == {"uploaded"}
    assert {said[-1]["reason"] for said in parley.told.values()} & {"disk_full"}
    for _, data in parley.of("audio"):
        rate, samples = sound_of(data)
        assert abs(loudest_hz(rate, samples) - 440) < 25
        assert len(samples) / rate > 0.5  # of the 2.5 s, a second may not have been on the disk yet
    assert all(len(pictures_of(data)) > 5 for _, data in parley.of("video"))


def test_a_recording_that_runs_goes_on_where_the_meeting_is_placed(tmp_path: Path) -> None:
    async def call(room: Room, parley: FakeParley) -> None:
        room.epoch = 2
        placement = {
            "epoch": 2,
            "sfu_participant_id": "sfu",
            "meeting": {"id": room.id},
            "participants": [],
            "recordings": [{"id": "r1", "audio_only": False}],
        }
        await room.meetings.on_message({"type": "media.place", "meeting_id": room.id, "payload": placement})
        anna = await room.join("anna")
        await anna.share(tone(), colour(60))
        await eventually(lambda: len(parley.states) == 2, "files are begun")
        await room.meetings.on_message(
            {"type": "media.release", "meeting_id": room.id, "payload": {"epoch": 2, "reason": "moved"}}
        )
        await eventually(lambda: len(parley.files) == 2, "the end of the placement is the end of its files")

    parley = run(tmp_path, call)
    assert {said[-1]["epoch"] for said in parley.told.values()} == {2}
    assert [one["state"] for one in parley.reports] == ["recording", "stopped"]


def test_files_of_a_recording_that_parley_does_not_know_are_deleted(tmp_path: Path) -> None:
    async def call(room: Room, parley: FakeParley) -> None:
        parley.knows_recording = False
        anna = await room.join("anna")
        await anna.share(tone(), colour(60))
        await record(room)
        await eventually(lambda: parley.refused == 2, "files are told of, and not wanted")
        await room.tell("recording.stop", {"epoch": 1, "recording_id": "r1", "reason": "asked"})

    run(tmp_path, call)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_parley_does_not_take_stays_and_parley_hears_that_it_is_lost(tmp_path: Path) -> None:
    async def call(room: Room, parley: FakeParley) -> None:
        parley.takes_files = False
        anna = await room.join("anna")
        await anna.share(tone(), colour(60))
        await record(room)
        await eventually(lambda: len(parley.states) == 2, "files are begun")
        await stop(room, parley)

    parley = run(tmp_path, call)
    assert {said[-1]["state"] for said in parley.told.values()} == {"lost"}
    assert all("payload_too_large" in said[-1]["reason"] for said in parley.told.values())
    assert len(list(tmp_path.glob("*/*.webm"))) == 2
