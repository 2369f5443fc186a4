"""Recordings in the page: found, renamed, shared with somebody who has no account, exported, deleted."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.person import Person, eventually
from tests.e2e.test_page_accessibility import check

pytestmark = pytest.mark.browser

People = Callable[..., Person]


def record(ada: Person, title: str) -> str:
    meeting_id: str = ada.api("POST", "/meetings", {"title": title})["id"]
    ada.api("POST", f"/meetings/{meeting_id}/start")
    recording = ada.api("POST", f"/meetings/{meeting_id}/recordings", {})
    ada.api("POST", f"/meetings/{meeting_id}/end")
    return str(recording["id"])


def test_recordings_are_found_renamed_and_shared_with_somebody_who_has_no_account(
    someone: People, visitor: People
) -> None:
    ada, guest = someone("Ada Lind"), visitor("Gus Somebody")
    for title in ("Weekly sync", "Interview"):
        record(ada, title)
    ada.page.goto("/")
    ada.page.get_by_role("link", name="Recordings").click()
    cards = ada.page.locator("[data-recording]")
    expect(cards).to_have_count(2)
    expect(ada.page.get_by_text("You use")).to_be_visible()
    check(ada.page, "all recordings")
    ada.page.get_by_label("Search").fill("INTER")
    expect(cards).to_have_count(1)
    ada.page.get_by_label("Search").fill("nothing like it")
    expect(ada.page.get_by_text("No recording has “nothing like it” in its title.")).to_be_visible()
    ada.page.get_by_label("Search").fill("inter")

    cards.get_by_role("button", name="Rename").click()
    dialog = ada.page.get_by_role("dialog", name="Rename the recording")
    dialog.get_by_label("Title").fill("Interview with Gus")
    dialog.get_by_label("Title").press("Enter")
    expect(ada.heading("Interview with Gus")).to_be_visible()

    share = cards.get_by_role("button", name="Share")
    expect(share).to_be_enabled()  # its file is made in the background
    share.click()
    dialog = ada.page.get_by_role("dialog", name="Share “Interview with Gus”")
    dialog.get_by_label("Passcode").fill("bright-teal")
    dialog.get_by_role("button", name="Make a link").click()
    link = dialog.get_by_label("The link; it is shown only now").input_value()
    expect(dialog.get_by_text("with a passcode")).to_be_visible()
    check(ada.page, "sharing")

    guest.page.goto(link.replace("http://127.0.0.1", ada.server.url.rpartition(":")[0]))
    guest.page.get_by_label("Passcode").fill("bright-blue")
    check(guest.page, "passcode of a shared recording")
    guest.page.get_by_role("button", name="Watch").click()
    expect(guest.page.get_by_role("alert")).to_have_text("That is not the passcode of this link.")
    guest.page.get_by_label("Passcode").fill("bright-teal")
    guest.page.get_by_label("Passcode").press("Enter")
    expect(guest.heading("Interview with Gus")).to_be_visible()
    film = guest.page.locator("video")
    eventually(guest.page, lambda: film.evaluate("film => film.readyState >= 1"), "the film is there")
    film.evaluate("async (film) => { film.muted = true; film.currentTime = 0.1; await film.play(); }")
    eventually(guest.page, lambda: film.evaluate("film => film.currentTime") > 0.3, "the film plays")
    check(guest.page, "shared recording")

    dialog.get_by_role("button", name="Take back").click()
    expect(dialog.get_by_text("with a passcode")).to_be_hidden()
    guest.page.reload()
    expect(guest.page.get_by_role("alert")).to_contain_text("This link opens nothing.")
    assert not any(path.startswith("GET") and "shared" in path for path in guest.requests)


def test_a_meeting_says_how_long_its_recordings_are_kept(someone: People) -> None:
    ada = someone("Ada Lind")
    ada.page.get_by_role("button", name="New meeting").click()
    dialog = ada.page.get_by_role("dialog", name="New meeting")
    dialog.get_by_label("Title").fill("Kept for a while")
    dialog.get_by_text("More", exact=True).click()
    dialog.get_by_label("Days that recordings are kept").fill("30")
    dialog.get_by_role("button", name="Create meeting").click()
    expect(ada.heading("Kept for a while")).to_be_visible()
    meeting_id = ada.page.url.rpartition("/")[2]
    assert ada.api("GET", f"/meetings/{meeting_id}")["recordings_keep_days"] == 30
    ada.page.get_by_role("button", name="Change").click()
    dialog = ada.page.get_by_role("dialog", name="Change the meeting")
    expect(dialog.get_by_label("Days that recordings are kept")).to_have_value("30")
    dialog.get_by_label("Days that recordings are kept").fill("")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()
    assert ada.api("GET", f"/meetings/{meeting_id}")["recordings_keep_days"] is None
