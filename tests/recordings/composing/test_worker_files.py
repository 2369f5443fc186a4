"""A call through a real media worker, and the film that is composed of the files it wrote: who comes late, who goes,
who is muted, and a shared window that changes its size are in it at their time.
"""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from app.recordings.composing.compose import compose
from app.recordings.composing.plan import Plan, TrackFile
from media_worker.recording.recordings import Recordings
from tests.media_worker.recording.parley import FakeParley
from tests.media_worker.recording.test_recordings import record, stop
from tests.media_worker.room import eventually, open_room
from tests.support.senders import Plain, Tone
from tests.support.tracks import BLUE, GREEN, RED, SAMPLES_PER_S, YELLOW, Colour, Watched

ANNA_HZ, BERT_HZ = 1000, 600
PAUSE_S = 1.3  # between what happens


def share_of(picture: npt.NDArray[np.uint8], colour: Colour) -> float:
    return float((np.abs(picture.astype(int) - colour).max(axis=2) < 60).mean())


def loudness_of(sound: npt.NDArray[np.float32], hz: int, at_s: float) -> float:
    """Of that tone, half a second around a time."""
    part = sound[round((at_s - 0.25) * SAMPLES_PER_S) : round((at_s + 0.25) * SAMPLES_PER_S)]
    wave = np.exp(-2j * np.pi * hz * np.arange(len(part)) / SAMPLES_PER_S)
    return float(2 * np.abs((part * wave).mean()))


async def call(folder: Path, parley: FakeParley) -> dict[str, float]:
    """When what has happened, in seconds since 1970."""
    happened: dict[str, float] = {}

    async def note(what: str) -> None:
        happened[what] = time.time()
        await asyncio.sleep(PAUSE_S)  # is recorded

    async with open_room(recordings=Recordings(folder, 1, parley)) as room:
        anna, cleo, screen = await room.join("anna"), await room.join("cleo"), Plain(RED, 320, 180)
        await anna.share((Tone(ANNA_HZ), "microphone"), (Plain(GREEN), "camera"))
        await cleo.share((screen, "screen"))  # aiortc sends no second picture over one connection
        await record(room)
        await eventually(lambda: len(parley.told) == 3, "files are begun")
        await note("began")
        screen.show(BLUE, 200, 300)
        await note("resized")
        bert = await room.join("bert")
        await bert.share((Tone(BERT_HZ), "microphone"), (Plain(YELLOW), "camera"))
        await eventually(lambda: len(parley.told) == 5, "bert's files are begun")
        await note("bert came")
        await room.tell("participant.mute", {"participant_ids": ["anna"], "by": None})
        await note("muted")
        await room.tell("participant.updated", {"participant": room.shown("anna", muted=True)})
        await room.tell("participant.updated", {"participant": room.shown("anna", muted=False)})
        await note("unmuted")
        await room.leave("bert")
        await note("bert left")
        happened["ended"] = time.time()
        await stop(room, parley)
    return happened


def composed(parley: FakeParley, happened: dict[str, float], folder: Path) -> tuple[Watched, float]:
    """The film, and when it begins."""
    told: dict[str, Any] = {file: said[-1] for file, said in parley.told.items()}
    begins = {file: datetime.fromisoformat(one["started_at"]).timestamp() for file, one in told.items()}
    began = min(begins.values())
    tracks = []
    for file, one in told.items():
        path, offset_s = folder / f"{file}.webm", begins[file] - began
        path.write_bytes(parley.files[file])
        mutes = [(since + offset_s, until + offset_s) for since, until in one["mutes"]]
        who = one["participant_id"]
        tracks.append(TrackFile(path, one["kind"], one["source"], who, who.title(), offset_s, mutes))
    ran_s = happened["ended"] - began
    bert = ("bert", "Bert", happened["bert came"] - began, happened["bert left"] - began)
    present = [("anna", "Anna", 0.0, ran_s), ("cleo", "Cleo", 0.0, ran_s), bert]
    plan = Plan(tracks, ran_s, "grid", audio_only=False, width=320, height=180, present=present)
    made = compose(plan, folder / "made", lambda _: None)
    assert made.warnings == []
    return Watched(made.path), began


def test_everything_that_happens_in_a_call_is_in_the_film_at_its_time(tmp_path: Path) -> None:
    parley = FakeParley()
    (tmp_path / "spool").mkdir()
    happened = asyncio.run(call(tmp_path / "spool", parley))
    film, began = composed(parley, happened, tmp_path)
    assert abs(film.duration_s - (happened["ended"] - began)) < 0.2
    sound = film.sound()
    middle = {what: at - began + PAUSE_S / 2 for what, at in happened.items()}
    heard = {
        what: (loudness_of(sound, ANNA_HZ, at) > 0.05, loudness_of(sound, BERT_HZ, at) > 0.05)
        for what, at in middle.items()
        if what != "ended"
    }
    assert heard == {
        "began": (True, False),
        "resized": (True, False),
        "bert came": (True, True),
        "muted": (False, True),
        "unmuted": (True, True),
        "bert left": (True, False),
    }
    seen = {what: film.picture(at) for what, at in middle.items() if what != "ended"}
    assert share_of(seen["began"], RED) > 0.3
    assert {what for what, picture in seen.items() if share_of(picture, RED) > 0.05} == {"began"}
    # As high as the stage, and not stretched: 2 : 3.
    assert all(0.33 < share_of(seen[what], BLUE) < 0.4 for what in seen if what != "began")
    assert all(share_of(picture, GREEN) > 0.01 for picture in seen.values())
    assert {what for what, picture in seen.items() if share_of(picture, YELLOW) > 0.01} == {
        "bert came",
        "muted",
        "unmuted",
    }
