from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.person import Person, eventually

pytestmark = pytest.mark.browser

People = Callable[..., Person]


@pytest.fixture
def ada(someone: People) -> Person:
    return someone("Ada Lind")


def open_meeting(ada: Person, title: str = "Weekly sync", **more: object) -> str:
    meeting_id: str = ada.api("POST", "/meetings", {"title": title, **more})["id"]
    ada.page.goto(f"/meetings/{meeting_id}")
    ada.screens_ready()
    return meeting_id


def test_the_host_starts_and_ends_it(ada: Person) -> None:
    meeting_id = open_meeting(ada)
    ada.page.get_by_role("button", name="Start").click()
    expect(ada.page.locator(".badge.live")).to_be_visible()
    ada.page.get_by_role("button", name="End", exact=True).click()
    ada.page.get_by_role("dialog").get_by_role("button", name="End for all").click()
    expect(ada.page.locator(".badge.ended")).to_be_visible()
    expect(ada.page.get_by_role("link", name="Join")).to_have_count(0)
    assert ada.api("GET", f"/meetings/{meeting_id}")["state"] == "ended"


def test_the_host_cancels_it_only_after_a_second_thought(ada: Person) -> None:
    open_meeting(ada)
    ada.page.get_by_role("button", name="Cancel").click()
    ada.page.get_by_role("dialog").get_by_role("button", name="Cancel", exact=True).click()
    expect(ada.page.locator(".badge.scheduled")).to_be_visible()
    ada.page.get_by_role("button", name="Cancel").click()
    ada.page.get_by_role("dialog").get_by_role("button", name="Cancel the meeting").click()
    expect(ada.page.locator(".badge.cancelled")).to_be_visible()


def test_a_change_made_elsewhere_is_not_overwritten(ada: Person) -> None:
    meeting_id = open_meeting(ada)
    ada.page.get_by_role("button", name="Change").click()
    dialog = ada.page.get_by_role("dialog", name="Change the meeting")
    ada.page.evaluate(
        """async ([id, email]) => {
          const { ParleyClient } = await import("/web/parley-client.js");
          const client = new ParleyClient();
          await client.login({ email, password: "correct horse battery" });
          await client.patch(`/meetings/${id}`, { title: "Renamed elsewhere" }, { version: 1 });
        }""",
        [meeting_id, ada.email],
    )
    dialog.get_by_label("Title").fill("Mine")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Somebody changed this meanwhile.")
    ada.page.keyboard.press("Escape")
    expect(ada.heading("Renamed elsewhere")).to_be_visible()
    ada.page.get_by_role("button", name="Change").click()
    dialog.get_by_label("Title").fill("Mine")
    dialog.get_by_role("button", name="Save").click()
    expect(ada.heading("Mine")).to_be_visible()


def test_people_are_invited_by_mail_and_an_invitation_is_withdrawn(ada: Person, someone: People) -> None:
    bo = someone("Bo Berg")
    open_meeting(ada)
    ada.page.get_by_role("button", name="Invite").click()
    dialog = ada.page.get_by_role("dialog", name="Invite people")
    dialog.get_by_label("E-mail addresses").fill(f"{bo.email}, stranger@example.org")
    dialog.get_by_role("button", name="Send invitations").click()
    expect(ada.page.get_by_text("No answer yet")).to_have_count(2)
    expect(bo.page.get_by_role("button", name="Accept: Weekly sync")).to_be_visible()

    ada.page.get_by_role("button", name="Withdraw the invitation of Bo Berg").click()
    expect(ada.page.get_by_text("No answer yet")).to_have_count(1)
    expect(bo.page.get_by_role("button", name="Accept: Weekly sync")).to_have_count(0)


def test_the_link_is_copied(ada: Person) -> None:
    ada.context.grant_permissions(["clipboard-read", "clipboard-write"])
    meeting_id = open_meeting(ada)
    ada.page.get_by_role("button", name="Copy link").click()
    expect(ada.page.locator(".toast")).to_contain_text("Link copied.")
    copied = ada.page.evaluate("() => navigator.clipboard.readText()")
    assert copied == ada.api("GET", f"/meetings/{meeting_id}")["join_url"]
    assert copied.startswith(f"{ada.server.url}/join/")


def test_where_there_is_no_clipboard_the_link_is_shown(ada: Person) -> None:
    ada.page.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    meeting_id = open_meeting(ada)
    ada.page.get_by_role("button", name="Copy link").click()
    link = ada.page.get_by_role("dialog", name="Link to the meeting").get_by_label("Copy this")
    expect(link).to_have_value(ada.api("GET", f"/meetings/{meeting_id}")["join_url"])


def test_who_may_not_see_it_learns_no_more_than_of_one_that_does_not_exist(ada: Person, someone: People) -> None:
    meeting_id = open_meeting(ada, "Secret")
    bo = someone("Bo Berg")
    for address in (meeting_id, "0194b2f0-0000-7000-8000-000000000000", "no-id-at-all"):
        bo.page.goto(f"/meetings/{address}")
        expect(bo.heading("There's nothing here")).to_be_visible()
        assert "Secret" not in bo.page.content()


def test_a_recording_is_played_from_an_address_that_is_signed_for_it_and_downloaded(ada: Person) -> None:
    meeting_id = open_meeting(ada, media_mode="mock")
    ada.api("POST", f"/meetings/{meeting_id}/start")
    recording = ada.api("POST", f"/meetings/{meeting_id}/recordings", {})
    expect(ada.page.get_by_text("Recording now")).to_be_visible()
    ada.api("POST", f"/recordings/{recording['id']}/stop")
    ada.page.get_by_role("button", name="Play").click()
    player = ada.page.get_by_label("Recording of")
    expect(player).to_be_visible()
    source = player.get_attribute("src") or ""
    assert "/file?of=main&" in source
    eventually(ada.page, lambda: player.evaluate("(video) => video.videoWidth > 0 && video.duration > 0"), "it plays")
    expect(ada.page.get_by_text("Mock file")).to_be_visible()

    with ada.page.expect_download() as download:
        ada.page.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename.endswith(".mp4")

    ada.page.get_by_role("button", name="Delete").click()
    ada.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(ada.page.get_by_text("No recordings.")).to_be_visible()


def test_how_the_call_goes_is_read_on_a_telephone_without_scrolling_sideways(ada: Person) -> None:
    ada.page.set_viewport_size({"width": 360, "height": 740})
    meeting_id = open_meeting(ada)
    participant = ada.api("POST", f"/meetings/{meeting_id}/join", {"device": "phone"})["participant"]
    figures = {"round_trip_ms": 450, "lost": 0.01, "jitter_ms": 6, "frozen": 0, "received_bps": 900_000}
    ada.api("POST", f"/participants/{participant['id']}/stats", figures)
    ada.page.reload()
    row = ada.page.locator(".measured", has_text="phone")
    expect(row.locator(".badge")).to_have_text("Poor")
    expect(row.locator("dt")).to_have_text(["Round trip", "Lost", "Jitter", "Frozen", "Receiving"])
    expect(row.locator("dd").last).to_have_text("900 kb/s / 900 kb/s")
    edges = row.locator("dd").evaluate_all("(cells) => cells.map((cell) => cell.getBoundingClientRect().right)")
    assert max(edges) <= 360
