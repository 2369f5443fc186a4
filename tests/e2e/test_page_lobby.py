"""The door of a meeting in two browsers: waiting, being let in, being sent away."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.person import Person, see_and_hear

pytestmark = pytest.mark.browser

People = Callable[..., Person]


def with_lobby(ada: Person, *guests: Person) -> str:
    meeting_id: str = ada.api("POST", "/meetings", {"title": "Weekly sync", "lobby": "everyone"})["id"]
    invitees = [{"email": guest.email} for guest in guests]
    ada.api("POST", f"/meetings/{meeting_id}/invitations", {"invitees": invitees})
    return meeting_id


def choose(host: Person, of: Person, action: str) -> None:
    """From the menu of a person in the open list."""
    host.page.get_by_role("button", name=f"More about {of.name}").click()
    host.page.get_by_role("dialog", name=of.name).get_by_role("button", name=action, exact=True).click()


def test_who_waits_is_admitted_talks_and_is_removed_at_once(someone: People) -> None:
    ada, bo = someone("Ada Lind"), someone("Bo Berg")
    meeting_id = with_lobby(ada, bo)
    bo.join(meeting_id)
    expect(bo.banner("waiting")).to_contain_text("The meeting has not begun")
    ada.join(meeting_id)
    expect(bo.banner("waiting")).to_contain_text("A host knows that you're here")
    expect(bo.page.locator("body")).not_to_contain_text(ada.name)
    expect(ada.banner("lobby")).to_contain_text("Bo Berg is waiting to come in.")
    expect(ada.control("People (1, 1 waiting)")).to_be_visible()
    ada.banner("lobby").get_by_role("button", name="Admit").click()
    expect(ada.banner("lobby")).to_be_hidden()
    expect(bo.banner("waiting")).to_be_hidden()
    see_and_hear(ada)
    see_and_hear(bo)

    ada.control("People (2)").click()
    choose(ada, bo, "Mute")
    expect(bo.page.locator("#said")).to_contain_text("Ada Lind has muted you.")
    expect(bo.control("Unmute")).to_be_visible()
    choose(ada, bo, "Ask to unmute")
    bo.page.set_viewport_size({"width": 360, "height": 740})
    asked, notice = bo.banner("unmute").bounding_box(), bo.page.locator(".toast", has_text="muted you").bounding_box()
    assert asked is not None
    assert notice is not None
    assert asked["y"] + asked["height"] <= notice["y"]  # what passes covers nothing that waits for an answer
    bo.banner("unmute").get_by_role("button", name="Unmute").click()
    expect(ada.tile(bo)).not_to_contain_text("Muted:")

    choose(ada, bo, "Remove")
    expect(bo.heading("The host has taken you out of the meeting.")).to_be_visible()
    expect(ada.tile(bo)).to_have_count(0)
    assert bo.page.evaluate("() => peerConnections.every((one) => one.connectionState === 'closed')")


def test_who_was_denied_may_ask_again_and_who_was_banned_can_not_come_back(someone: People) -> None:
    ada, bo = someone("Ada Lind"), someone("Bo Berg")
    meeting_id = with_lobby(ada, bo)
    ada.join(meeting_id)
    bo.join(meeting_id)
    ada.banner("lobby").get_by_role("button", name="Show").click()
    ada.page.get_by_role("button", name="Deny Bo Berg").click()
    expect(bo.heading("The host did not let you in.")).to_be_visible()
    bo.page.get_by_role("button", name="Join again").click()
    expect(bo.join_button).to_be_enabled()
    bo.join_button.click()
    ada.page.get_by_role("button", name="Admit Bo Berg").click()
    expect(ada.tile(bo)).to_have_attribute("data-state", "connected")
    bo.control("Raise hand").click()
    expect(ada.page.get_by_role("complementary", name="People")).to_contain_text("raises a hand")

    choose(ada, bo, "Ban")
    ada.page.get_by_role("dialog", name="Ban Bo Berg?").get_by_role("button", name="Ban", exact=True).click()
    expect(bo.heading("The host has banned you from the meeting.")).to_be_visible()
    bo.page.goto(f"/meetings/{meeting_id}/room")
    expect(bo.heading("The hosts of this meeting have banned you from it.")).to_be_visible()
