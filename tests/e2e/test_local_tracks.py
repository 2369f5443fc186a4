"""Participants record themselves: what comes out is judged by what is in the film."""

from collections.abc import Callable, Iterator
from datetime import datetime
from statistics import median
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e import chromium, talking
from tests.e2e.person import Person, eventually
from tests.e2e.server import Server
from tests.e2e.test_media_server import placement_of, sees_and_hears
from tests.e2e.test_recording import (
    BLUE,
    FLASH_AND_BEEP,
    RED,
    SAMPLE_RATE,
    beeps_of,
    downloaded,
    flashes_of,
    pictures_of,
    recording_of,
    share_of,
    sound_of,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LIP_SYNC_S = 0.08
PLACED_S = 0.15  # Chromium's own way from a tone to a recorder, on a busy machine, counts too
# When the page's tone began, by its clock: beeps come at whole seconds from then on.
TONE_BEGAN = "() => performance.timeOrigin + performance.now() - window.tone.currentTime * 1000"
KEEP_TONE = """
window.AudioContext = class extends AudioContext {
  constructor(...options) {
    super(...options);
    window.tone ??= this;
  }
};
"""
Flashing = Callable[[str, str], Person]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Meetings may be peer to peer, or on its media worker."""
    chromium.require_chromium()
    with talking.server(tmp_path_factory.mktemp("local")) as running:
        yield running


@pytest.fixture
def flashing(visitor: Callable[..., Person]) -> Flashing:
    """As in `test_recording`; everything that they record counts from when they opened the page."""

    def come(name: str, colour: str) -> Person:
        person = visitor(name)
        person.context.add_init_script(KEEP_TONE)
        person.context.add_init_script(FLASH_AND_BEEP.replace("COLOUR", f'"{colour}"'))
        return person.register()

    return come


def meeting_of(ada: Person, bo: Person, mode: str) -> str:
    meeting = ada.api("POST", "/meetings", {"title": "Flash and beep", "media_mode": mode})
    ada.api("POST", f"/meetings/{meeting['id']}/invitations", {"invitees": [{"email": bo.email}]})
    return str(meeting["id"])


def consent(person: Person) -> None:
    person.page.get_by_role("button", name="I consent").click()


def tracks_of(person: Person, recording_id: str) -> dict[tuple[str, str, str], list[dict[str, Any]]]:
    found: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for one in person.api("GET", f"/recordings/{recording_id}")["tracks"]:
        found.setdefault((one["display_name"], one["source"], one["origin"]), []).append(one)
    return found


def apart(beeps: list[float], flashes: list[float]) -> float:
    """By how much beeps come after their flashes, mostly."""
    assert len(beeps) >= 2, (beeps, flashes)
    return median(min((beep - flash for flash in flashes), key=abs) for beep in beeps)


def test_two_people_peer_to_peer_are_recorded_by_themselves_although_one_reloads(
    flashing: Flashing, server: Server, record_property: Callable[[str, object], None]
) -> None:
    ada, bo = flashing("Ada Lind", RED), flashing("Bo Berg", BLUE)
    meeting_id = meeting_of(ada, bo, "p2p")
    for person in (ada, bo):
        person.join(meeting_id)
    expect(ada.tile(bo)).to_have_attribute("data-state", "connected")
    ada.control("Record").click()
    recording = recording_of(ada, meeting_id, "recording")
    consent(bo)
    eventually(bo.page, lambda: len(tracks_of(ada, recording["id"])) == 4, "both have begun to record themselves")
    bo.page.wait_for_timeout(5000)  # is recorded
    bo.page.reload()
    bo.page.get_by_role("button", name="Join").click()
    eventually(
        bo.page,
        lambda: len(tracks_of(ada, recording["id"]).get(("Bo Berg", "camera", "client"), [])) == 2,
        "he records himself again",
    )
    bo.page.wait_for_timeout(5000)  # is recorded, too
    began_ms = {person.name: person.page.evaluate(TONE_BEGAN) for person in (ada, bo)}
    ada.control("Stop recording").click()
    made = recording_of(ada, meeting_id, "ready", "failed")
    assert (made["state"], made["outcome"], made["error"]) == ("ready", "complete", None)

    tracks = tracks_of(ada, made["id"])
    assert {key: len(found) for key, found in tracks.items()} == {
        ("Ada Lind", "camera", "client"): 1,
        ("Ada Lind", "microphone", "client"): 1,
        ("Bo Berg", "camera", "client"): 2,
        ("Bo Berg", "microphone", "client"): 2,
    }
    film = downloaded(ada, made["download_url"])
    pictures, samples = pictures_of(film), sound_of(film)
    ran_s = (datetime.fromisoformat(made["ended_at"]) - datetime.fromisoformat(made["started_at"])).total_seconds()
    assert abs(pictures[-1][0] - ran_s) < 0.2
    assert abs(len(samples) / SAMPLE_RATE - ran_s) < 0.2
    late = pictures[-25][1]
    assert share_of(late, 0) > 0.05
    assert share_of(late, 2) > 0.05

    # Each one's own: sound and picture belong together, and to where they lie in the recording's time.
    for name in ("Ada Lind", "Bo Berg"):
        for sound, picture in zip(
            tracks[(name, "microphone", "client")], tracks[(name, "camera", "client")], strict=True
        ):
            beeps = [at + sound["offset_s"] for at in beeps_of(sound_of(downloaded(ada, sound["download_url"])))]
            shown = pictures_of(downloaded(ada, picture["download_url"]))
            flashes = [at + picture["offset_s"] for at in flashes_of(shown)]
            difference_s = apart(beeps, flashes)
            assert abs(difference_s) <= LIP_SYNC_S, (name, beeps, flashes)
            record_property("figure: seconds by which a beep of one's own track comes after its flash", difference_s)
            record_property("figure: ms by which a track's place may be wrong", sound["clock_uncertainty_ms"])
            # On one machine all clocks are one: the page's and the server's differ by no more than was measured.
            assert abs(sound["clock_offset_ms"]) <= sound["clock_uncertainty_ms"] + 5
        # So each lies where it was in truth. (`sound` is the last one, of the page that is there still.)
        started_ms = datetime.fromisoformat(made["started_at"]).timestamp() * 1000
        off_s = median((started_ms + at * 1000 - began_ms[name] + 500) % 1000 / 1000 - 0.5 for at in beeps)
        assert abs(off_s) <= PLACED_S, (name, off_s)
        record_property("figure: seconds by which a beep lies behind its true time", off_s)
    # In the film there is no other beep than those; a file may begin in the middle of one.
    heard = beeps_of(samples)
    begun = [track["offset_s"] for found in tracks.values() for track in found]
    own = [
        at + track["offset_s"]
        for (_, source, _), found in tracks.items()
        if source == "microphone"
        for track in found
        for at in beeps_of(sound_of(downloaded(ada, track["download_url"])))
    ]
    assert all(min(abs(at - other) for other in [*own, *begun]) < 0.06 for at in heard), (heard, own)


def test_what_a_closed_window_has_left_is_uploaded_from_the_dashboard(flashing: Flashing, server: Server) -> None:
    ada, bo = flashing("Ada Lind", RED), flashing("Bo Berg", BLUE)
    meeting_id = meeting_of(ada, bo, "p2p")
    for person in (ada, bo):
        person.join(meeting_id)
    ada.control("Record").click()
    recording = recording_of(ada, meeting_id, "recording")
    consent(bo)
    eventually(bo.page, lambda: len(tracks_of(ada, recording["id"])) == 4, "both record themselves")
    bo.page.wait_for_timeout(5000)  # is recorded
    kept = bo.page.evaluate("({ ...sessionStorage })")
    bo.page.close()
    ada.control("Stop recording").click()
    recording_of(ada, meeting_id, "stopping")
    bo.page = bo.open_window(kept)
    bo.page.goto("/")
    made = recording_of(ada, meeting_id, "ready", "failed")
    assert (made["state"], made["outcome"]) == ("ready", "complete")
    expect(bo.page.get_by_text("Uploading your recording")).to_be_hidden()
    (sound,) = tracks_of(ada, made["id"])[("Bo Berg", "microphone", "client")]
    assert sound["duration_s"] > 3
    assert len(beeps_of(sound_of(downloaded(ada, sound["download_url"])))) >= 2


def test_on_a_media_server_ones_own_track_is_taken_and_the_other_helps_out(flashing: Flashing, server: Server) -> None:
    ada, bo = flashing("Ada Lind", RED), flashing("Bo Berg", BLUE)
    meeting_id = meeting_of(ada, bo, "sfu")
    for person in (ada, bo):
        person.join(meeting_id)
    eventually(ada.page, lambda: placement_of(server, meeting_id), "the meeting is on a media worker")
    sees_and_hears(ada, bo)
    bo.control("Mute").click()  # all beeps are Ada's
    started = ada.api("POST", f"/meetings/{meeting_id}/recordings", {"mode": "both"})
    recording_of(ada, meeting_id, "recording")
    wanted = {("Ada Lind", source, "client") for source in ("camera", "microphone")}
    eventually(ada.page, lambda: wanted <= tracks_of(ada, started["id"]).keys(), "Ada records herself")
    ada.page.wait_for_timeout(5000)  # is recorded
    ada.control("Stop recording").click()  # Bo has not consented
    made = recording_of(ada, meeting_id, "ready", "failed")
    assert (made["state"], made["outcome"]) == ("ready", "complete")
    tracks = tracks_of(ada, made["id"])
    assert {key for key in tracks if key[2] == "client"} == wanted
    assert {
        ("Ada Lind", "camera", "server"),
        ("Ada Lind", "microphone", "server"),
        ("Bo Berg", "camera", "server"),
    } <= (tracks.keys())
    film = downloaded(ada, made["download_url"])
    late = pictures_of(film)[-25][1]
    assert share_of(late, 0) > 0.05
    assert share_of(late, 2) > 0.05
    heard = beeps_of(sound_of(film))
    (own,) = tracks[("Ada Lind", "microphone", "client")]
    beeps = [at + own["offset_s"] for at in beeps_of(sound_of(downloaded(ada, own["download_url"])))]
    assert len(beeps) >= 4
    # Where hers runs, each beep is heard once, and when it says so. (What reached the server begins a little earlier.)
    heard = [at for at in heard if at > own["offset_s"] + 0.1]
    missed = [at for at in beeps if min(abs(at - other) for other in heard) > 0.03]
    twice = [at for at in heard if min(abs(at - other) for other in beeps) > 0.03]
    assert (missed[:-1], twice[:-1]) == ([], []), (beeps, heard)  # the last one may be cut off by the stop
