"""Real calls between real browsers: everything that they say to each other goes through the REST contract."""

import contextlib
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Error, expect

from tests.e2e.person import Person, eventually, see_and_hear

pytestmark = [pytest.mark.browser, pytest.mark.slow]

People = Callable[..., Person]


def test_two_people_see_and_hear_each_other_with_nothing_but_rest(couple: tuple[Person, Person, str]) -> None:
    ada, bo, meeting_id = couple
    see_and_hear(ada)
    see_and_hear(bo)
    for person in (ada, bo):
        assert person.sockets == []
        assert f"POST /api/v1/meetings/{meeting_id}/rtc/signals" in person.requests
        assert "GET /api/v1/rtc/inbox" in person.requests
        other = bo if person is ada else ada
        width = person.tile(other).locator("video").evaluate("(video) => video.videoWidth")
        assert width > 0


def test_how_the_call_goes_stands_on_the_meetings_page(couple: tuple[Person, Person, str]) -> None:
    ada, bo, meeting_id = couple

    def told() -> bool:
        items = ada.api("GET", f"/meetings/{meeting_id}/quality")["items"]
        return len(items) == 2 and all(
            {"round_trip_ms", "received_bps", "lost"} <= one["worst"].keys() for one in items
        )

    eventually(ada.page, told, "what both devices tell of their call")
    bo.leave()
    bo.page.goto(f"{bo.server.url}/meetings/{meeting_id}")
    device = bo.page.get_by_role("region", name="Quality of the call").get_by_role("listitem")
    expect(device).to_have_count(1)  # Ada's is not his to see
    expect(device).to_contain_text("Bo Berg")
    expect(device).to_contain_text(re.compile(r"\d+ ms / \d+ ms"))


def test_whoever_leaves_is_gone_at_once_and_may_come_again(couple: tuple[Person, Person, str]) -> None:
    ada, bo, meeting_id = couple
    bo.leave()
    expect(ada.tile(bo)).to_have_count(0)
    expect(ada.page.locator("#said")).to_contain_text("Bo Berg left.")
    expect(ada.page.get_by_text("Nobody else is here yet.")).to_be_visible()

    bo.join(meeting_id)
    expect(ada.tile(bo)).to_have_attribute("data-state", "connected")
    see_and_hear(ada)
    see_and_hear(bo)


def test_whoever_closes_the_window_is_gone_at_once(couple: tuple[Person, Person, str]) -> None:
    ada, bo, _ = couple
    bo.page.close(run_before_unload=True)
    expect(ada.page.locator("#said")).to_contain_text("Bo Berg left.")
    expect(ada.tile(bo)).to_have_count(0)


def test_whoever_vanishes_is_first_reconnecting_and_then_gone(couple: tuple[Person, Person, str]) -> None:
    ada, bo, _ = couple
    crash(bo)
    ada.counts_as(bo, "reconnecting")
    expect(ada.tile(bo)).to_contain_text("Reconnecting")
    ada.counts_as(bo, "left")
    expect(ada.page.locator("#said")).to_contain_text("Bo Berg lost the connection.")
    expect(ada.tile(bo)).to_have_count(0)


def test_a_browser_that_crashed_takes_its_own_place_again(couple: tuple[Person, Person, str]) -> None:
    ada, bo, meeting_id = couple
    place = ada.tile(bo).get_attribute("data-participant")
    kept = bo.page.evaluate("() => ({ ...sessionStorage })")
    crash(bo)
    bo.page = bo.open_window(kept)
    bo.join(meeting_id)
    expect(ada.tile(bo)).to_have_attribute("data-state", "connected")
    assert ada.tile(bo).get_attribute("data-participant") == place
    see_and_hear(bo)
    see_and_hear(ada)


def test_three_people_are_connected_each_with_each(someone: People) -> None:
    ada, bo, cleo = (someone(name) for name in ("Ada Lind", "Bo Berg", "Cleo Marsh"))
    meeting_id = ada.create_meeting("Trio", invite=bo)
    ada.api("POST", f"/meetings/{meeting_id}/invitations", {"invitees": [{"email": cleo.email}]})
    for person in (ada, bo, cleo):
        person.join(meeting_id)
    for person in (ada, bo, cleo):
        see_and_hear(person, connections=2)


def test_a_shared_screen_stands_beside_the_camera_until_it_is_ended(couple: tuple[Person, Person, str]) -> None:
    ada, bo, _ = couple
    bo.control("Share screen").click()
    screen = ada.tile(bo, "screen")
    expect(screen).to_be_visible()
    eventually(
        ada.page,
        lambda: screen.locator("video").evaluate("(video) => video.videoWidth") > 0,
        "the shared screen is painted",
    )
    expect(ada.tile(bo)).to_be_visible()

    bo.control("Stop sharing").click()
    expect(screen).to_have_count(0)
    expect(ada.tile(bo)).to_have_attribute("data-state", "connected")

    bo.control("Share screen").click()
    expect(screen).to_be_visible()


def test_both_may_share_a_screen_at_the_same_moment(couple: tuple[Person, Person, str]) -> None:
    ada, bo, _ = couple
    for person in (ada, bo):
        person.page.evaluate("() => document.querySelector('.controls [data-key=screen]').click()")
    expect(ada.tile(bo, "screen")).to_be_visible()
    expect(bo.tile(ada, "screen")).to_be_visible()


def test_mute_and_camera_are_shown_to_the_other(couple: tuple[Person, Person, str]) -> None:
    ada, bo, _ = couple
    bo.control("Mute").click()
    expect(ada.tile(bo)).to_contain_text("Muted:")
    bo.control("Unmute").click()
    expect(ada.tile(bo)).not_to_contain_text("Muted:")

    bo.control("Stop camera").click()
    expect(ada.tile(bo).locator("video")).to_be_hidden()
    bo.control("Start camera").click()
    expect(ada.tile(bo).locator("video")).to_be_visible()
    frames = ada.media()["frames"]
    eventually(ada.page, lambda: ada.media()["frames"] > frames + 5, "frames arrive again")


def test_ice_restarts_of_both_sides_at_once_end_in_one_connection(couple: tuple[Person, Person, str]) -> None:
    ada, bo, _ = couple
    fragment = r"() => /a=ice-ufrag:(\S+)/.exec(peerConnections.at(-1).localDescription.sdp)[1]"
    before = ada.page.evaluate(fragment), bo.page.evaluate(fragment)
    for person in (ada, bo):
        person.page.evaluate("() => peerConnections.at(-1).restartIce()")
    for person, old in zip((ada, bo), before, strict=True):
        eventually(person.page, lambda p=person, o=old: p.page.evaluate(fragment) != o, "new ICE credentials")
        see_and_hear(person)
        assert person.page.evaluate("() => peerConnections.length") == 1


def test_the_call_goes_on_while_the_server_is_out_of_reach(couple: tuple[Person, Person, str]) -> None:
    ada, bo, _ = couple
    ada.page.route("**/api/**", lambda route: route.abort())
    expect(ada.banner("offline")).to_be_visible()
    frames = ada.media()["frames"]
    eventually(ada.page, lambda: ada.media()["frames"] > frames + 10, "frames arrive without the server")
    ada.page.unroute("**/api/**")
    expect(ada.banner("offline")).to_be_hidden()
    expect(bo.tile(ada)).to_have_attribute("data-state", "connected")


def test_whoever_is_early_waits_until_the_host_is_there(someone: People) -> None:
    ada, bo = someone("Ada Lind"), someone("Bo Berg")
    meeting = ada.api("POST", "/meetings", {"title": "Later", "starts_at": "2100-01-01T10:00:00Z"})
    ada.api("POST", f"/meetings/{meeting['id']}/invitations", {"invitees": [{"email": bo.email}]})
    bo.join(meeting["id"])
    expect(bo.banner("waiting")).to_be_visible()
    ada.join(meeting["id"])
    expect(bo.banner("waiting")).to_be_hidden()
    see_and_hear(ada)
    see_and_hear(bo)


def test_the_host_ends_it_for_all(couple: tuple[Person, Person, str]) -> None:
    ada, bo, _ = couple
    ada.control("Leave").click()
    ada.page.get_by_role("button", name="End for all").click()
    for person in (ada, bo):
        expect(person.heading("The meeting has ended.")).to_be_visible()
        assert person.page.evaluate("() => peerConnections.map((one) => one.connectionState)") == ["closed"]


def test_the_log_of_a_call_has_no_secret(someone: People) -> None:
    ada, bo = someone("Ada Lind"), someone("Bo Berg")
    meeting_id = ada.create_meeting("Private matters", invite=bo)
    tokens: list[str] = []
    ada.page.on(
        "response",
        lambda response: tokens.extend(response.json().values()) if "/auth/refresh" in response.url else None,
    )
    ada.join(meeting_id, debug=True)
    bo.join(meeting_id)
    see_and_hear(ada)

    ada.page.get_by_text("Debug log").click()
    with ada.page.expect_download() as download:
        ada.page.get_by_role("button", name="Download as JSON").click()
    log = download.value.path().read_text()
    for kind in ('"signal_in"', '"signal_out"', '"rtc.offer"', '"connection"', '"ice"', "/rtc/inbox", '"path"'):
        assert kind in log
    sdp = ada.page.evaluate("() => peerConnections[0].localDescription.sdp + peerConnections[0].remoteDescription.sdp")
    secrets = re.findall(r"a=(?:ice-pwd|ice-ufrag|fingerprint):(.+)", sdp)
    secrets += [token for token in tokens if isinstance(token, str) and len(token) > 40]
    assert len(secrets) > 6
    for secret in secrets:
        assert secret.strip() not in log
    for pattern in ("Bearer", "password", "ice-pwd", "eyJ", ada.email, "Private matters"):
        assert pattern not in log


def crash(person: Person) -> None:
    """The renderer dies without a word, as when a battery runs out."""
    with person.page.expect_event("crash"), contextlib.suppress(Error):
        person.page.goto("chrome://crash")
