"""Somebody whose network loses a tenth of everything, and all of it for ten seconds, is recorded: what is in the film
is at its time, and what is not there is a hole.
"""

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import av
import numpy
import pytest

from tests.e2e import chromium
from tests.e2e.person import Person, eventually
from tests.e2e.server import ROOT, START_S, Server
from tests.e2e.test_media_server import placement_of, rows
from tests.e2e.test_recording import (
    FLASH_AND_BEEP,
    RED,
    SAMPLE_RATE,
    beeps_of,
    downloaded,
    flashes_of,
    pictures_of,
    recording_of,
    sound_of,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]

HOLE_S = 10.0


class Network:
    """Of a media worker: `loses(0.1)` is a tenth of all datagrams from now on."""

    def __init__(self, told: Path) -> None:
        self.told = told
        self.loses(0)

    def loses(self, share: float) -> None:
        new = self.told.with_suffix(".new")
        new.write_text(str(share))
        new.replace(self.told)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    chromium.require_chromium()
    with Server(tmp_path_factory.mktemp("recorded"), MEDIA_WORKERS="0", POLL_DEFAULT_WAIT_S="5") as running:
        yield running


@pytest.fixture
def network(server: Server, tmp_path: Path) -> Iterator[Network]:
    """There is one worker, and this is its."""
    network = Network(tmp_path / "share")
    environment = {
        **server.environment,
        "PARLEY_URL": server.url,
        "MEDIA_SERVICE_KEY": server.told_by("media", "key"),
        "MEDIA_SPOOL_DIR": str(tmp_path / "spool"),
        "MEDIA_ENGINE": "portable",
        "PORT": "",
        "BAD_NETWORK": str(network.told),
    }
    command = [sys.executable, "-m", "tests.support.bad_network_worker"]
    with (server.folder / "worker.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        give_up_at = time.monotonic() + START_S
        while not rows(server, "SELECT id FROM media_workers WHERE state = 'active'"):
            assert time.monotonic() < give_up_at, server.logs()[-4000:]
            time.sleep(0.1)  # between two looks, not for luck
        yield network
    finally:
        os.kill(process.pid, signal.SIGTERM)
        process.wait(START_S)


def tracks_of(person: Person, meeting_id: str) -> list[Any]:
    [recording] = person.api("GET", f"/meetings/{meeting_id}/recordings")["items"]
    tracks: list[Any] = person.api("GET", f"/recordings/{recording['id']}")["tracks"]
    return tracks


def first_of_each(times: list[float]) -> list[float]:
    """Of what begins once a second: a lost packet in the middle of a beep makes two of it."""
    return [at for n, at in enumerate(times) if n == 0 or at - times[n - 1] > 0.6]


def longest_gap(track: Any) -> tuple[float, float]:
    """In the recording's time."""
    since, until = max(track["gaps"], key=lambda gap: gap[1] - gap[0])
    return since + track["offset_s"], until + track["offset_s"]


def sizes_in(film: bytes) -> list[tuple[float, int]]:
    """When pictures of another height begin."""
    with av.open(io.BytesIO(film)) as container:
        found = [(float(frame.time), frame.height) for frame in container.decode(video=0)]
    return [found[n] for n in range(len(found)) if n == 0 or found[n][1] != found[n - 1][1]]


def test_a_hole_of_ten_seconds_stays_one_and_what_comes_after_it_is_at_its_time(
    visitor: Callable[..., Person],
    server: Server,
    network: Network,
    record_property: Callable[[str, object], None],
) -> None:
    ada = visitor("Ada Lind")
    ada.context.add_init_script(FLASH_AND_BEEP.replace("COLOUR", f'"{RED}"').replace("SCALE = 1", "SCALE = 3"))
    ada.register()
    meeting_id = ada.create_meeting("Bad networks")
    ada.join(meeting_id)
    eventually(ada.page, lambda: placement_of(server, meeting_id), "the meeting is on a media worker")
    ada.control("Record").click()
    recording_of(ada, meeting_id, "recording")
    eventually(ada.page, lambda: len(tracks_of(ada, meeting_id)) == 2, "both tracks are written")
    ada.page.wait_for_timeout(7000)  # all of it is recorded
    network.loses(0.1)
    ada.page.wait_for_timeout(3000)  # is recorded
    hole_at = datetime.now(UTC)
    network.loses(1)
    ada.page.wait_for_timeout(1000 * HOLE_S)  # is not
    network.loses(0.1)
    ada.page.wait_for_timeout(5000)  # is recorded again
    ada.control("Stop recording").click()
    made = recording_of(ada, meeting_id, "ready", "failed")
    assert (made["state"], made["outcome"], made["error"]) == ("ready", "complete", None)
    hole_s = (hole_at - datetime.fromisoformat(made["started_at"])).total_seconds()
    ran_s = (datetime.fromisoformat(made["ended_at"]) - datetime.fromisoformat(made["started_at"])).total_seconds()

    # The gap map names it. (Of sound, Chromium keeps the last seconds, and sends them when it can again.)
    tracks = {track["kind"]: track for track in tracks_of(ada, meeting_id)}
    for kind, at_least_s in (("audio", 3.0), ("video", HOLE_S - 1)):
        since, until = longest_gap(tracks[kind])
        assert since == pytest.approx(hole_s, abs=1)
        assert until - since > at_least_s
        assert until < hole_s + HOLE_S + 5

    film = downloaded(ada, made["download_url"])
    pictures, samples = pictures_of(film), sound_of(film)
    for duration_s in (made["duration_s"], pictures[-1][0], len(samples) / SAMPLE_RATE):
        assert duration_s == pytest.approx(ran_s, abs=0.2)
    spectrum = numpy.abs(numpy.fft.rfft(samples))
    assert abs(spectrum.argmax() * SAMPLE_RATE / len(samples) - 1000) < 5

    # After the hole, beeps and flashes come with the same second's beat as before, and together.
    beeps, flashes = first_of_each(beeps_of(samples)), first_of_each(flashes_of(pictures))
    calm, after = hole_s - 4, longest_gap(tracks["video"])[1] + 0.5
    beat = median(beep % 1 for beep in beeps if beep < calm)
    late = [(beep - beat + 0.5) % 1 - 0.5 for beep in beeps if beep > after]
    apart = [min((beep - flash for flash in flashes), key=abs) for beep in beeps if beep > after]
    assert len(late) >= 3
    assert abs(median(late)) <= 0.08, beeps
    assert abs(median(apart)) <= 0.08, (beeps, flashes)
    record_property("figure: seconds by which beeps are late after a hole of ten seconds", round(median(late), 3))
    record_property("figure: seconds by which a beep comes after its flash, after the hole", round(median(apart), 3))

    # The camera sends layers: the best is in the file as soon as it comes, and nothing is missing where it begins.
    camera = downloaded(ada, tracks["video"]["download_url"])
    assert 540 in [height for at, height in sizes_in(camera) if at < calm]
    assert (tracks["video"]["stats"]["width"], tracks["video"]["stats"]["height"]) == (960, 540)
    assert not [gap for gap in tracks["video"]["gaps"] if gap[0] + tracks["video"]["offset_s"] < calm]
