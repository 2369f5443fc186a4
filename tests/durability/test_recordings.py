"""The jobs process is killed while it makes the files of recordings: each is made in the end, and told of once."""

import hashlib
import random
import time
from collections import Counter
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any

import pytest
from sqlalchemy import text

from tests.durability.device import register
from tests.durability.processes import Api, Http, Jobs, Parley
from tests.support.waiting import eventually

RECORDINGS = 6
MADE_WITHIN_S = 60.0
LIFE = ("recording", "stopping", "processing", "ready")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def test_every_recording_becomes_ready_once_when_the_jobs_process_is_killed(
    parley: Callable[..., Parley], record_property: Callable[[str, int], None]
) -> None:
    here, chance = parley(), random.Random("kill jobs")
    with Api(here), Jobs(here) as jobs:
        token = register(here.port, "anna")
        anna = Http(here.port, token)
        meeting_id = anna.ok("POST", "/meetings", {"title": "Durability", "media_mode": "mock"})["id"]
        anna.ok("POST", f"/meetings/{meeting_id}/join", {"device": "laptop"})
        stopped: list[str] = []
        for number in range(RECORDINGS):
            recording = anna.ok("POST", f"/meetings/{meeting_id}/recordings", {"audio_only": number % 2 == 1})
            anna.ok("POST", f"/recordings/{recording['id']}/stop")
            stopped.append(recording["id"])
            if number % 3 < 2:  # while it is made; the third time whenever that happens to be
                eventually(lambda: state_of(anna, stopped[-1]) != "stopping", "its file to be begun")
            time.sleep(chance.uniform(0, 0.15))
            jobs.kill()
            jobs.start()
        eventually(
            lambda: {state_of(anna, recording_id) for recording_id in stopped} == {"ready"},
            "all to be ready", MADE_WITHIN_S,
        )  # fmt: skip
        jobs.terminate()
        assert told_of(anna, stopped) == dict.fromkeys(stopped, LIFE)
        assert completions(here) == dict.fromkeys(stopped, 1)
        for recording_id in stopped:
            recording = anna.ok("GET", f"/recordings/{recording_id}")
            assert (recording["outcome"], recording["error"]) == ("complete", None)
            assert hashlib.sha256(download(here, token, recording_id)).hexdigest() == recording["sha256"]
    files = [path for path in (here.storage / "objects").rglob("*.m*") if path.suffix in (".mp4", ".m4a")]
    assert len(files) == RECORDINGS
    assert list((here.storage / "spool").iterdir()) == []
    record_property("figure: kills of the jobs process while recordings were made; each was made once", RECORDINGS)
    record_property("figure: recordings whose making was taken over by the next process", taken_over(here))


def state_of(http: Http, recording_id: str) -> str:
    return str(http.ok("GET", f"/recordings/{recording_id}")["state"])


def told_of(http: Http, recording_ids: list[str]) -> dict[str, tuple[str, ...]]:
    """The states that the owner's inbox was told of, in order."""
    states: dict[str, tuple[str, ...]] = dict.fromkeys(recording_ids, ())
    for message in http.ok("GET", "/rtc/inbox?after=0&wait=0&limit=200")["messages"]:
        if message["type"] == "recording.state":
            recording: dict[str, Any] = message["payload"]["recording"]
            states[recording["id"]] += (recording["state"],)
    return states


def completions(parley: Parley) -> dict[str, int]:
    named = "SELECT payload ->> 'recording_id' FROM events WHERE name = 'recording.completed'"
    return dict(Counter(select(parley, named)))


def taken_over(parley: Parley) -> int:
    return len(select(parley, "SELECT id FROM jobs WHERE task = 'recordings.produce' AND attempts > 1"))


def select(parley: Parley, statement: str) -> list[Any]:
    with parley.connection() as connection:
        return list(connection.execute(text(statement)).scalars())


def download(parley: Parley, token: str, recording_id: str) -> bytes:
    connection = HTTPConnection("127.0.0.1", parley.port, timeout=40)
    headers = {"Authorization": f"Bearer {token}"}
    connection.request("GET", f"/api/v1/recordings/{recording_id}/download", headers=headers)
    answer = connection.getresponse()
    assert answer.status == 200
    return answer.read()
