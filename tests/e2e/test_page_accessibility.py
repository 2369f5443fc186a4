"""Every screen passes axe in light and dark, and fits a phone of 360 px."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.e2e.person import Person

pytestmark = pytest.mark.browser

People = Callable[..., Person]

WIDTHS = {"phone": {"width": 360, "height": 740}, "desktop": {"width": 1280, "height": 800}}


def check(page: Page, screen: str) -> None:
    axe = Axe()
    for device, size in WIDTHS.items():
        page.set_viewport_size(size)  # type: ignore[arg-type]
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
            found = axe.run(page)
            assert found.violations_count == 0, f"{screen}, {device}, {scheme}:\n{found.generate_report()}"
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= size["width"], f"{screen} is {width} px wide on a {device}"
        if device == "phone":
            small = page.evaluate(TOO_SMALL)
            assert small == [], f"{screen} has targets that a finger misses: {small}"
    page.set_viewport_size(WIDTHS["desktop"])  # type: ignore[arg-type]


# WCAG 2.2, 2.5.8 asks for 24 px; links within text are exempt.
TOO_SMALL = """() => [...document.querySelectorAll("button, .button, input, select, summary")]
  .filter((one) => one.checkVisibility({ visibilityProperty: true }))
  .filter((one) => !(one.type === "checkbox" && one.closest("label")))
  .map((one) => [one.textContent || one.name, one.getBoundingClientRect()])
  .filter(([, box]) => box.width < 40 || box.height < 40)
  .map(([name, box]) => `${name} ${box.width}x${box.height}`)"""


def test_the_way_in(visitor: People) -> None:
    ada = visitor("Ada Lind")
    for address, heading in (("/sign-in", "Sign in"), ("/register", "Create an account")):
        ada.page.goto(address)
        expect(ada.heading(heading)).to_be_visible()
        check(ada.page, address)


def test_the_account(someone: People) -> None:
    ada = someone("Ada Lind")
    ada.page.goto("/account")
    ada.screens_ready()
    check(ada.page, "account")


def test_the_dashboard_empty_and_full(someone: People) -> None:
    ada, bo = someone("Ada Lind"), someone("Bo Berg")
    bo.screens_ready()
    check(bo.page, "empty dashboard")
    for meeting in (
        {"title": "Planned", "starts_at": "2100-05-01T10:00:00Z", "duration_min": 30},
        {"title": "Any time"},
        {"title": "On"},
        {"title": "Over"},
    ):
        meeting_id = ada.api("POST", "/meetings", meeting)["id"]
        ada.api("POST", f"/meetings/{meeting_id}/invitations", {"invitees": [{"email": bo.email}], "message": "Come!"})
        if meeting["title"] in ("On", "Over"):
            ada.api("POST", f"/meetings/{meeting_id}/start")
        if meeting["title"] == "Over":
            ada.api("POST", f"/meetings/{meeting_id}/end")
    planned = next(one for one in bo.api("GET", "/invitations")["items"] if one["meeting"]["title"] == "Planned")
    bo.page.reload()
    bo.screens_ready()
    check(bo.page, "dashboard of an invited person")
    bo.api("POST", f"/invitations/{planned['id']}/propose", {"starts_at": "2100-05-02T10:00:00Z", "note": "Better."})
    ada.page.reload()
    ada.screens_ready()
    expect(ada.page.get_by_text("asks for another time").first).to_be_visible()
    check(ada.page, "dashboard of a host")


def test_dialogs(someone: People) -> None:
    ada = someone("Ada Lind")
    ada.page.get_by_role("button", name="New meeting").click()
    ada.page.get_by_text("More", exact=True).click()
    check(ada.page, "new meeting")


def test_a_meetings_page(someone: People) -> None:
    ada, bo = someone("Ada Lind"), someone("Bo Berg")
    meeting_id = ada.create_meeting("Weekly sync", invite=bo)
    ada.screens_ready()
    check(ada.page, "meeting to come")
    bo.page.goto(f"/meetings/{meeting_id}")
    bo.screens_ready()
    check(bo.page, "meeting that one is invited to")
    ada.api("POST", f"/meetings/{meeting_id}/start")
    recording = ada.api("POST", f"/meetings/{meeting_id}/recordings", {})
    ada.api("POST", f"/recordings/{recording['id']}/stop")
    ada.api("POST", f"/meetings/{meeting_id}/end")
    ada.page.get_by_role("button", name="Play").click()
    expect(ada.page.locator(".player video")).to_be_visible()
    ada.page.get_by_role("button", name="Make notes").click()
    expect(ada.heading("Key points")).to_be_visible()
    ada.page.get_by_text("How they were made").click()
    check(ada.page, "meeting with a recording and notes")


def test_what_is_not_there(someone: People) -> None:
    ada = someone("Ada Lind")
    ada.page.goto("/meetings/nothing")
    expect(ada.heading("There's nothing here")).to_be_visible()
    check(ada.page, "not found")


def test_the_door_of_a_room(someone: People) -> None:
    ada, bo, cleo = (someone(name) for name in ("Ada Lind", "Bo Berg", "Cleo Marsh"))
    meeting_id = ada.api("POST", "/meetings", {"title": "Weekly sync", "lobby": "everyone"})["id"]
    invitees = [{"email": guest.email} for guest in (bo, cleo)]
    ada.api("POST", f"/meetings/{meeting_id}/invitations", {"invitees": invitees})
    ada.join(meeting_id)
    bo.join(meeting_id)
    check(bo.page, "waiting to be let in")
    ada.page.get_by_role("button", name="Show").click()
    ada.page.get_by_role("button", name="Admit Bo Berg").click()
    cleo.join(meeting_id)
    expect(ada.banner("lobby")).to_contain_text("Cleo Marsh")
    check(ada.page, "room with somebody at the door")
    ada.page.get_by_role("button", name="More about Bo Berg").press("Enter")
    check(ada.page, "what a host does with a person")
    ada.page.keyboard.press("Escape")
    ada.page.get_by_role("button", name="Permissions").press("Enter")
    check(ada.page, "permissions")


def test_the_room(someone: People) -> None:
    ada, bo = someone("Ada Lind"), someone("Bo Berg")
    meeting_id = ada.create_meeting("Weekly sync", invite=bo)
    ada.enter(meeting_id, debug=True)
    ada.page.get_by_text("Devices and sound").click()
    check(ada.page, "before the call")
    ada.join_button.click()
    expect(ada.control("Leave")).to_be_visible()
    check(ada.page, "room with nobody else")
    bo.join(meeting_id)
    bo.control("Share screen").click()
    expect(ada.tile(bo, "screen")).to_be_visible()
    ada.control("Record").click()
    expect(ada.banner("recording")).to_be_visible()
    ada.control("Mute").click()
    check(ada.page, "room with a shared screen, being recorded")
    ada.control("People (2)").click()
    ada.page.get_by_text("Debug log").click()
    check(ada.page, "room with its panels")
    ada.page.get_by_role("button", name="Close the list").click()
    ada.control("Leave").click()
    check(ada.page, "leaving")
    ada.page.get_by_role("button", name="End for all").click()
    expect(bo.heading("The meeting has ended.")).to_be_visible()
    check(bo.page, "after the call")
