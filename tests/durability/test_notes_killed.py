"""Notes are made in the end, and nothing is asked of a provider twice but what a kill broke off. API and jobs process
are real, and so is the sound; the provider is a server of the test's.
"""

import hashlib
import io
import threading
import wave
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import numpy
import pytest

from tests.durability.device import register
from tests.durability.processes import Api, Http, Jobs, Parley
from tests.durability.test_recordings import select
from tests.support.openai_server import AUDIO, KEY, Asked, OpenAiServer, Reply, openai_server, transcription
from tests.support.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture
def provider() -> Iterator[OpenAiServer]:
    with openai_server() as server:
        segments = [{"id": 0, "start": 0.1, "end": 1.9, "text": "Please write to Carla."}]
        server.otherwise[AUDIO] = transcription("Please write to Carla.", segments=segments)
        yield server


DONE = "SELECT COUNT(*) FROM notes_stages WHERE name = 'transcribe' AND state = 'done'"


class Anna:
    """Sends a call."""

    def __init__(self, parley: Parley) -> None:
        self.http = Http(parley.port, register(parley.port, "anna"))

    def send(self, content: bytes) -> str:
        wanted = {"purpose": "call_audio", "name": "call.wav", "size": len(content), "media_type": "audio/wav"}
        begun = self.http.ok("POST", "/uploads", wanted)
        url = urlsplit(begun["parts"][0]["url"])
        connection = HTTPConnection(url.netloc)
        connection.request("PUT", f"{url.path}?{url.query}", content)
        assert connection.getresponse().status == 200
        connection.close()
        upload = f"/uploads/{begun['upload']['id']}"
        self.http.ok("POST", f"{upload}/complete", {"sha256": hashlib.sha256(content).hexdigest()})
        eventually(lambda: self.http.ok("GET", upload)["state"] == "complete", "the upload to be verified")
        call_id: str = self.http.ok("POST", "/calls", {"upload_id": begun["upload"]["id"]})["id"]
        return call_id

    def done(self, call_id: str) -> Any:
        return eventually(
            lambda: (call := self.http.ok("GET", f"/calls/{call_id}"))["state"] in ("done", "failed") and call,
            "the call to be done",
            120.0,
        )


def stereo(seconds: float = 2.0) -> bytes:
    at = numpy.arange(round(8000 * seconds)) / 8000
    channels = [(0.4 * numpy.sin(2 * numpy.pi * hz * at) * 32767).astype("<i2") for hz in (300, 500)]
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(numpy.stack(channels, axis=1).tobytes())
    return file.getvalue()


def test_a_jobs_process_that_is_killed_while_it_transcribes_repeats_one_track(
    parley: Callable[..., Parley], provider: OpenAiServer
) -> None:
    killed = threading.Event()
    asked = threading.Event()

    def never_told(_: Asked) -> Reply:
        asked.set()
        killed.wait(60)
        return Reply({})

    first = provider.otherwise[AUDIO]
    assert isinstance(first, Reply)
    provider.answers(first, never_told)
    here = parley(
        TRANSCRIBER="openai",
        TRANSCRIBER_URL=provider.url,
        TRANSCRIBER_KEY=KEY,
        TRANSCRIBER_MODEL="whisper-1",
        TRANSCRIBER_USD_PER_MINUTE="0.6",
        NOTES_BUDGET_USD="1",
        ANALYST="local",
    )
    with Api(here), Jobs(here) as jobs:
        anna = Anna(here)
        call_id = anna.send(stereo())
        assert asked.wait(60)
        eventually(lambda: select(here, DONE) == [1], "the other channel")
        jobs.kill()
        killed.set()
        assert anna.http.ok("GET", f"/calls/{call_id}")["state"] == "transcribing"
        jobs.start()
        call = anna.done(call_id)
        assert call["state"] == "done", call
        transcribed = [stage for stage in call["stages"] if stage["name"] == "transcribe"]
        assert sorted(stage["attempts"] for stage in transcribed) == [1, 2]
        assert sum(stage["attempts"] for stage in call["stages"]) == len(call["stages"]) + 1
        assert len(provider.asked) == 3
        segments = anna.http.ok("GET", f"/calls/{call_id}/transcript")["segments"]
        assert [one["speaker"]["label"] for one in segments] == ["Channel 1", "Channel 2"]
        booked = anna.http.ok("GET", "/auth/me/spending")["items"]
        assert len(booked) == 2, "the booking of what was broken off passes to its next run"
    left = [path for path in (here.storage / "spool").rglob("*") if path.is_file()]
    assert left == []
    kept = {path.name for path in (here.storage / "objects" / "transcripts").rglob("*.json")}
    assert {"transcript.json", "analysis.json"} <= kept
    assert list((here.storage / "objects" / "transcripts").rglob("*.wav")) == []
