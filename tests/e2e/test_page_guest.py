"""Coming by a meeting's link, in Chromium: without an account as a guest, with one as oneself."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.person import Person, see_and_hear

pytestmark = pytest.mark.browser

People = Callable[..., Person]


def copied_link(host: Person) -> str:
    """What the host has in the clipboard after pressing the button on the meeting's page."""
    host.context.grant_permissions(["clipboard-read", "clipboard-write"])
    host.page.locator("#main").get_by_role("button", name="Copy link").click()
    expect(host.page.locator("#toasts").get_by_text("Link copied.")).to_be_visible()
    link: str = host.page.evaluate("navigator.clipboard.readText()")
    return link


def test_a_guest_comes_by_the_copied_link_sees_and_hears_the_host_and_is_told_when_guests_are_closed_out(
    someone: People, visitor: People
) -> None:
    ada, gus = someone("Ada Lind"), visitor("Gus Gast")
    meeting_id = ada.create_meeting("Weekly sync")
    link = copied_link(ada)
    ada.join(meeting_id)
    gus.page.goto(link)
    expect(gus.heading("Weekly sync")).to_be_visible()
    expect(gus.page.get_by_text("hosted by Ada Lind")).to_be_visible()
    gus.page.get_by_label("Your name").fill("Gus Gast")
    gus.page.get_by_role("button", name="Go on as a guest").click()
    expect(gus.join_button).to_be_enabled()
    gus.page.get_by_text("Transcripts and notes").click()
    gus.page.get_by_label("What I say may be transcribed").uncheck()
    gus.join_button.click()
    see_and_hear(ada)
    see_and_hear(gus)
    ada.control("People (2)").click()
    row = ada.page.locator(".panel .row", has_text="Gus Gast")
    expect(row).to_contain_text("guest")
    expect(row).to_contain_text("not transcribed")

    gus.page.reload()  # the guest's session is this window's, and goes on
    expect(gus.join_button).to_be_enabled()
    gus.page.get_by_text("Transcripts and notes").click()
    expect(gus.page.get_by_label("What I say may be transcribed")).not_to_be_checked()
    gus.join_button.click()
    see_and_hear(gus)

    ada.leave()
    ada.page.get_by_role("button", name="Let no more guests in").click()
    dialog = ada.page.get_by_role("dialog", name="Let no more guests in?")
    dialog.get_by_label("Send out the guests who are in the meeting").check()
    dialog.get_by_role("button", name="Let no more in").click()
    expect(gus.heading("The host has closed the meeting to guests.")).to_be_visible()
    gus.page.get_by_role("link", name="Back to the link").click()
    expect(gus.heading("This link opens no meeting")).to_be_visible()
    expect(ada.page.get_by_text("The link lets in only people who were invited.")).to_be_visible()
    gus.page.goto(link)
    expect(gus.heading("This link opens no meeting")).to_be_visible()


def test_whoever_is_signed_in_comes_by_the_link_as_themselves(someone: People) -> None:
    ada, bo = someone("Ada Lind"), someone("Bo Berg")
    ada.create_meeting("Weekly sync")
    bo.page.goto(copied_link(ada))
    bo.page.get_by_role("button", name="Join as Bo Berg").click()
    expect(bo.join_button).to_be_enabled()
    expect(ada.page.locator(".row", has_text="Bo Berg")).to_contain_text("Accepted")
