"""A call in which two people really speak, from its upload to the tasks that came of it, on this machine alone."""

from __future__ import annotations

import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from app.core.settings import Settings
from tests.support import planning, spoken
from tests.support.people import Person, ok
from tests.uploads.sending import send

pytestmark = pytest.mark.slow

WORDS_RIGHT = 0.75


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"transcriber": "local", "analyst": "local"})


def stereo(left: Path, right: Path, path: Path) -> bytes:
    channels = []
    for one in (left, right):
        with wave.open(str(one)) as sound:
            channels.append(np.frombuffer(sound.readframes(sound.getnframes()), np.int16))
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(2)
        sound.setframerate(spoken.RATE)
        sound.writeframes(np.stack(channels, axis=1).tobytes())
    return path.read_bytes()


def test_of_a_call_in_mono_voices_are_told_apart_and_the_task_is_of_the_one_who_took_it(
    anna: Person, tmp_path: Path
) -> None:
    spoken.require()
    lines = spoken.in_mono(tmp_path / "mono.wav", {"Priyanka": "slt", "Rob": "rms"}, planning.SCRIPT)
    upload = send(
        anna, (tmp_path / "mono.wav").read_bytes(), purpose="call_audio", name="m.wav", media_type="audio/wav"
    )
    call = ok(anna.post("/calls", {"upload_id": upload["id"], "held_at": "2026-11-18T10:00:00Z"}), 201)
    notes = ok(anna.get(f"/calls/{call['id']}/notes"))
    labels = {"Priyanka": "Speaker 1", "Rob": "Speaker 2"}  # in the order in which they are heard
    for one in notes["transcript"]["segments"]:
        middle = (one["start_s"] + one["end_s"]) / 2
        (speaker,) = (line.speaker for line in lines if line.start_s - 0.25 <= middle <= line.end_s + 0.25)
        assert (one["speaker"]["label"], one["speaker"]["source"]) == (labels[speaker], "diarized"), one
    tasks = {(item["owner"], item["due"]) for item in notes["analysis"]["action_items"]}
    assert tasks >= {("Speaker 2", "2026-11-25"), ("Speaker 1", "2026-11-23"), ("Speaker 2", "2026-11-19")}
    assert {one["speaker"] for one in notes["analysis"]["talk"]} == set(labels.values())


def test_what_two_people_say_is_heard_of_the_right_one_and_their_tasks_are_found(
    anna: Person, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    spoken.require()
    lines, sounds, _ = spoken.dialogue(tmp_path)
    content = stereo(sounds["Anna"], sounds["Rob"], tmp_path / "call.wav")
    upload = send(anna, content, purpose="call_audio", name="call.wav", media_type="audio/wav")
    told = {"channel_names": ["Anna", "Rob"], "language": "en", "held_at": "2026-11-18T10:00:00Z"}  # a Wednesday
    call = ok(anna.post("/calls", {"upload_id": upload["id"], **told}), 201)
    notes = ok(anna.get(f"/calls/{call['id']}/notes"))
    assert (notes["state"], notes["provider"], notes["cost_usd"]) == ("ready", "local", 0.0)

    segments = notes["transcript"]["segments"]
    errors = sum(
        spoken.word_errors(
            [word for line in lines if line.speaker == name for word in spoken.words_of(line.text)],
            [word for one in segments if one["speaker"]["label"] == name for word in spoken.words_of(one["text"])],
        )
        for name in sounds
    )
    words = sum(len(spoken.words_of(line.text)) for line in lines)
    record_property("figure: words right of a call in two channels", round(1 - errors / words, 3))
    assert 1 - errors / words > WORDS_RIGHT
    for one in segments:
        middle = (one["start_s"] + one["end_s"]) / 2
        (speaker,) = (line.speaker for line in lines if line.start_s - 0.4 <= middle <= line.end_s + 0.4)
        assert one["speaker"]["label"] == speaker, one

    tasks = {(item["owner"], item["due"]) for item in notes["analysis"]["action_items"]}
    assert tasks >= {("Anna", "2026-11-20"), ("Rob", "2026-11-23")}
