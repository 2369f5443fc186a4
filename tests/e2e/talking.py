"""A meeting in which people talk: each in a window of their own, with a synthetic voice for a microphone."""

from __future__ import annotations

import base64
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from playwright.sync_api import expect

from tests.e2e.person import Person, eventually
from tests.e2e.server import START_S, Server
from tests.e2e.test_media_server import placement_of, rows
from tests.support import spoken

SPEAK = (Path(__file__).parent / "speak.js").read_text()
LEAD_S = 3.0  # from what a page is told until it speaks


@dataclass(frozen=True)
class Held:
    """What was said, and what came of it, as the API gives it.

    :param lines: with their times in seconds from `zero_s` of the transcript on.
    """

    lines: list[spoken.Line]
    zero_s: float
    meeting: dict[str, Any]
    recording: dict[str, Any]
    notes: dict[str, Any]

    @property
    def on(self) -> date:
        """The day on which it was held, where it was held."""
        begun = datetime.fromisoformat(self.meeting["started_at"])
        return begun.astimezone(ZoneInfo(self.meeting["time_zone"])).date()


@contextmanager
def server(folder: Path) -> Iterator[Server]:
    """Its media worker is there."""
    with Server(folder, MEDIA_WORKERS="1", POLL_DEFAULT_WAIT_S="5") as running:
        give_up_at = time.monotonic() + START_S
        while not rows(running, "SELECT id FROM media_workers WHERE state = 'active'"):
            assert time.monotonic() < give_up_at, running.logs()[-4000:]
            time.sleep(0.1)  # between two looks, not for luck
        yield running


def hold(server: Server, people: Sequence[Person], script: spoken.Script) -> Held:
    """They register, and the first of them invites the other; the script is said by those of the same names, recorded
    without pictures, and noted down.
    """
    for person in people:
        person.context.add_init_script(SPEAK)
        person.register()
    host, guest = people
    meeting_id = host.create_meeting("Planning", invite=guest)
    host.join(meeting_id)
    eventually(host.page, lambda: placement_of(server, meeting_id), "the meeting is on a media worker")
    guest.join(meeting_id)
    expect(guest.tile(host)).to_have_attribute("data-state", "connected")
    asked = host.api("POST", f"/meetings/{meeting_id}/recordings", {"mode": "tracks", "audio_only": True})
    _recording(host, asked["id"], "recording")
    lines, begins_at = _say(people, script)
    host.api("POST", f"/recordings/{asked['id']}/stop", {})
    recording = _recording(host, asked["id"], "ready", "failed")
    host.api("POST", f"/meetings/{meeting_id}/notes", {})
    notes = eventually(
        host.page,
        lambda: (made := host.api("GET", f"/meetings/{meeting_id}/notes"))["state"] != "pending" and made,
        "the notes are written",
    )
    meeting = host.api("GET", f"/meetings/{meeting_id}")
    zero = min(datetime.fromisoformat(one) for one in (meeting["started_at"], recording["started_at"]))
    return Held(lines, begins_at - zero.timestamp(), meeting, recording, notes)


def _say(people: Sequence[Person], script: spoken.Script) -> tuple[list[spoken.Line], float]:
    """The lines, and when they began, in seconds since 1970. Returns when all is said."""
    with tempfile.TemporaryDirectory() as folder:
        lines, sounds, lasts_s = spoken.dialogue(Path(folder), script)
        wavs = {name: base64.b64encode(path.read_bytes()).decode() for name, path in sounds.items()}
    begins_at = time.time() + LEAD_S
    for person in people:
        person.page.evaluate("([wav, atMs]) => speak(wav, atMs)", [wavs[person.name], begins_at * 1000])
    people[0].page.wait_for_timeout((begins_at + lasts_s + 1 - time.time()) * 1000)
    return lines, begins_at


def _recording(person: Person, recording_id: str, *states: str) -> Any:
    def look() -> Any:
        found = person.api("GET", f"/recordings/{recording_id}")
        return found["state"] in states and found

    return eventually(person.page, look, f"the recording is {' or '.join(states)}")
