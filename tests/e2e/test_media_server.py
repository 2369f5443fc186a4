"""Calls through real media workers, between real browsers."""

import os
import re
import signal
import sqlite3
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import expect

from tests.e2e import chromium
from tests.e2e.person import Person, eventually, see_and_hear
from tests.e2e.server import START_S, Server

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WORKERS = 2
People = Callable[..., Person]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Its media workers are there."""
    chromium.require_chromium()
    folder = tmp_path_factory.mktemp("with-media-workers")
    with Server(folder, MEDIA_WORKERS=str(WORKERS), POLL_DEFAULT_WAIT_S="5") as running:
        give_up_at = time.monotonic() + START_S
        while len(rows(running, "SELECT id FROM media_workers WHERE state = 'active'")) < WORKERS:
            assert time.monotonic() < give_up_at, running.logs()[-4000:]
            time.sleep(0.1)  # between two looks, not for luck
        yield running


def rows(server: Server, query: str, *values: Any) -> list[Any]:
    with closing(sqlite3.connect(server.folder / "meetings.db", timeout=START_S)) as database:
        return database.execute(query, values).fetchall()


class Placed(NamedTuple):
    """Where a meeting's media goes through."""

    worker_id: str
    pid: int
    epoch: int


def placement_of(server: Server, meeting_id: str) -> Placed | None:
    found = rows(
        server,
        "SELECT w.id, json_extract(w.stats, '$.pid'), p.epoch FROM meeting_participants p"
        " JOIN media_workers w ON w.id = p.session_id AND w.state != 'gone'"
        " WHERE p.meeting_id = ? AND p.kind = 'sfu' AND p.state = 'joined'",
        meeting_id,
    )
    return Placed(*found[0]) if found and found[0][1] else None


def sees_and_hears(person: Person, *others: Person) -> None:
    """Pictures and sound of each of the others come from the media server, over one connection."""

    def look() -> bool:
        coming = person.page.evaluate(
            """async () => {
              const found = {};
              for (const connection of window.peerConnections) {
                if (connection.connectionState !== "connected") continue;
                for (const one of (await connection.getStats()).values())
                  if (one.type === "inbound-rtp")
                    found[one.trackIdentifier] = one.kind === "video" ? one.framesDecoded : one.totalAudioEnergy;
              }
              return [...document.querySelectorAll('.tile[data-source="camera"]:not(.is-self)')].map((tile) => {
                const id = (element) => tile.querySelector(element).srcObject?.getTracks()[0]?.id;
                return [tile.textContent, found[id("video")] ?? 0, found[id("audio")] ?? 0];
              });
            }"""
        )
        return len(coming) == len(others) and all(
            any(other.name in name and frames > 5 and energy > 0 for name, frames, energy in coming) for other in others
        )

    eventually(person.page, look, f"{person.name} sees and hears {[other.name for other in others]}")


@pytest.fixture
def couple(couple: tuple[Person, Person, str], server: Server) -> tuple[Person, Person, str]:
    """Ada and Bo, in a meeting that is placed on a worker."""
    ada, bo, meeting_id = couple
    eventually(ada.page, lambda: placement_of(server, meeting_id), "the meeting is on a media worker")
    sees_and_hears(ada, bo)
    sees_and_hears(bo, ada)
    return couple


def test_three_people_see_and_hear_each_other_over_two_connections_each(someone: People) -> None:
    ada, bo, cleo = (someone(name) for name in ("Ada Lind", "Bo Berg", "Cleo Marsh"))
    meeting_id = ada.create_meeting("Trio", invite=bo)
    ada.api("POST", f"/meetings/{meeting_id}/invitations", {"invitees": [{"email": cleo.email}]})
    for person in (ada, bo, cleo):
        person.join(meeting_id)
    sees_and_hears(ada, bo, cleo)
    sees_and_hears(bo, ada, cleo)
    sees_and_hears(cleo, ada, bo)
    for person in (ada, bo, cleo):
        assert person.page.evaluate("() => peerConnections.length") == 2


def test_people_mute_share_a_screen_go_and_come_again(couple: tuple[Person, Person, str]) -> None:
    ada, bo, meeting_id = couple
    bo.control("Share screen").click()
    screen = ada.tile(bo, "screen").locator("video")
    eventually(ada.page, lambda: screen.evaluate("(video) => video.videoWidth") > 0, "the shared screen is painted")
    expect(ada.tile(bo)).to_have_attribute("data-state", "connected")
    bo.control("Stop sharing").click()
    expect(ada.tile(bo, "screen")).to_have_count(0)
    bo.control("Share screen").click()
    eventually(ada.page, lambda: screen.evaluate("(video) => video.videoWidth") > 0, "the second one, too")

    bo.control("Devices").click()
    connection = bo.page.locator(".quality")
    expect(connection).to_contain_text("Through a media server")
    expect(connection).to_contain_text(re.compile(r"Sending\d+ kb/s|Sending[\d.]+ Mb/s"))
    expect(connection).to_contain_text(re.compile(r"Pictures\d+p"))
    expect(connection).to_contain_text(re.compile(r"Receiving\d+ kb/s|Receiving[\d.]+ Mb/s"))
    bo.page.get_by_role("dialog", name="Devices").get_by_role("button", name="Close").click()

    bo.control("Stop camera").click()
    expect(ada.tile(bo).locator("video")).to_be_hidden()
    bo.control("Start camera").click()
    expect(ada.tile(bo).locator("video")).to_be_visible()
    bo.control("Mute").click()
    expect(ada.tile(bo)).to_contain_text("Muted:")
    bo.control("Unmute").click()

    bo.leave()
    expect(ada.tile(bo)).to_have_count(0)
    bo.join(meeting_id)
    sees_and_hears(ada, bo)
    sees_and_hears(bo, ada)


def test_the_call_goes_on_when_its_worker_is_killed_hangs_or_is_drained(
    couple: tuple[Person, Person, str], server: Server, record_property: Callable[[str, object], None]
) -> None:
    ada, bo, meeting_id = couple

    def moved_from(before: Placed, how: str) -> Placed:
        began = time.monotonic()
        after: Placed = eventually(
            ada.page,
            lambda: (now := placement_of(server, meeting_id)) and now.epoch > before.epoch and now,
            f"the meeting is on another worker, since its own {how}",
        )
        record_property(f"figure: seconds until a meeting has moved whose worker {how}", time.monotonic() - began)
        sees_and_hears(ada, bo)
        sees_and_hears(bo, ada)
        return after

    first = placement_of(server, meeting_id)
    assert first is not None
    os.kill(first.pid, signal.SIGKILL)
    second = moved_from(first, "was killed")
    os.kill(second.pid, signal.SIGSTOP)
    try:
        third = moved_from(second, "hangs")
    finally:
        os.kill(second.pid, signal.SIGCONT)

    def is_there_again() -> bool:
        there = rows(server, "SELECT id FROM media_workers WHERE state = 'active' AND id != ?", third.worker_id)
        return len(there) == WORKERS - 1

    eventually(ada.page, is_there_again, "whoever had hung has registered anew")
    key = (server.folder / "secrets" / "media_workers_key").read_text()
    drain = urllib.request.Request(
        f"{server.url}/api/v1/media/workers/{third.worker_id}?meetings=move",
        headers={"Authorization": f"Bearer parley_sk_{key}"},
        method="DELETE",
    )
    urllib.request.urlopen(drain, timeout=START_S).close()
    moved_from(third, "was drained")


def test_a_call_is_recorded_and_its_film_is_played_beside_its_tracks(server: Server, someone: People) -> None:
    ada, bo = someone("Ada Lind"), someone("Bo Berg")
    meeting_id = ada.api("POST", "/meetings", {"title": "Recorded review", "media_mode": "sfu"})["id"]
    ada.api("POST", f"/meetings/{meeting_id}/invitations", {"invitees": [{"email": bo.email}]})
    ada.join(meeting_id)
    bo.join(meeting_id)
    see_and_hear(ada, 2)
    see_and_hear(bo, 2)
    ada.control("Record").click()
    expect(ada.banner("recording")).to_have_text("Being recorded")
    bo.banner("recording").get_by_role("button", name="I don't").click()
    expect(ada.page.locator(".toast").filter(has_text="Bo Berg does not consent")).to_be_visible()
    expect(bo.banner("recording")).to_have_text("Being recorded")
    first = ada.media()["frames"]
    eventually(ada.page, lambda: ada.media()["frames"] > first + 30, "something to record")
    ada.control("Stop recording").click()
    bo.leave()
    ada.page.goto(f"/meetings/{meeting_id}")
    recordings = ada.page.get_by_role("region", name="Recordings")
    play = recordings.get_by_role("button", name="Play")
    expect(play).to_be_visible(timeout=180_000)  # it is composed, on a machine that does other things too
    play.click()
    player = ada.page.get_by_label("Recording of")
    seen = "(film) => film.videoWidth === 1280 && film.duration > 1 && film.seekable.length > 0"
    eventually(ada.page, lambda: player.evaluate(seen), "it plays, and can be sought in")
    recordings.get_by_role("button", name="Tracks").click()
    expect(recordings.locator("[data-track]")).to_have_count(4)
    recordings.get_by_text("Who consented").click()
    expect(recordings.get_by_text("Bo Berg declines")).to_be_visible()
    with ada.page.expect_download() as download:
        recordings.get_by_role("link", name="Download Camera of Bo Berg").click()
    assert download.value.suggested_filename.endswith(".webm")
    if folder := os.environ.get("SCREENSHOTS"):
        ada.page.screenshot(path=f"{folder}/recording.png", full_page=True)
