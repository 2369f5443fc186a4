from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.e2e.person import Person

pytestmark = pytest.mark.browser

People = Callable[..., Person]


def in_days(days: int) -> datetime:
    return (datetime.now(UTC) + timedelta(days=days)).replace(hour=10, minute=0, second=0, microsecond=0)


@pytest.fixture
def ada_and_bo(someone: People) -> tuple[Person, Person]:
    return someone("Ada Lind"), someone("Bo Berg")


def invite(ada: Person, bo: Person, title: str, **meeting: object) -> str:
    meeting_id: str = ada.api("POST", "/meetings", {"title": title, **meeting})["id"]
    ada.api("POST", f"/meetings/{meeting_id}/invitations", {"invitees": [{"email": bo.email}], "message": "Do come."})
    return meeting_id


def test_an_invitation_appears_without_a_reload_and_the_answer_goes_back(ada_and_bo: tuple[Person, Person]) -> None:
    ada, bo = ada_and_bo
    bo.screens_ready()
    meeting_id = ada.create_meeting("Weekly sync", invite=bo)
    card = bo.page.get_by_role("listitem").filter(has_text="Ada Lind invites you")
    expect(card).to_contain_text("Weekly sync")
    expect(bo.page.locator(".toast")).to_contain_text("Ada Lind invites you to “Weekly sync”")

    expect(ada.page.get_by_text("No answer yet")).to_be_visible()
    bo.accept("Weekly sync")
    expect(card).to_have_count(0)
    expect(bo.page.get_by_role("link", name="Weekly sync", exact=True)).to_have_attribute(
        "href", f"/meetings/{meeting_id}"
    )
    expect(ada.page.get_by_text("Accepted")).to_be_visible()
    expect(ada.page.locator(".toast").filter(has_text="Bo Berg comes to “Weekly sync”.")).to_be_visible()


def test_a_declined_meeting_is_gone_for_the_one_and_marked_for_the_other(ada_and_bo: tuple[Person, Person]) -> None:
    ada, bo = ada_and_bo
    meeting_id = invite(ada, bo, "Weekly sync")
    bo.page.get_by_role("button", name="Decline: Weekly sync").click()
    expect(bo.page.get_by_text("Nothing is planned.")).to_be_visible()
    ada.page.goto(f"/meetings/{meeting_id}")
    expect(ada.page.get_by_text("Declined")).to_be_visible()


def test_another_time_is_proposed_and_the_host_moves_the_meeting(ada_and_bo: tuple[Person, Person]) -> None:
    ada, bo = ada_and_bo
    planned, better = in_days(40), in_days(41)
    invite(ada, bo, "Budget", starts_at=planned.isoformat(), duration_min=30)
    bo.page.get_by_role("button", name="Propose a time: Budget").click()
    dialog = bo.page.get_by_role("dialog", name="Another time")
    dialog.get_by_label("Better time").fill(better.strftime("%Y-%m-%dT%H:%M"))
    dialog.get_by_label("A word to the host").fill("I am away on that day.")
    dialog.get_by_role("button", name="Send the proposal").click()
    expect(dialog).to_have_count(0)

    card = ada.page.get_by_role("listitem").filter(has_text="Bo Berg asks for another time")
    expect(card).to_contain_text("I am away on that day.")
    card.get_by_role("button", name="Move the meeting").click()
    expect(card).to_have_count(0)
    assert ada.api("GET", "/meetings")["items"][0]["starts_at"].startswith(better.strftime("%Y-%m-%dT%H:%M"))


def test_the_host_may_keep_the_time(ada_and_bo: tuple[Person, Person]) -> None:
    ada, bo = ada_and_bo
    meeting_id = invite(ada, bo, "Budget", starts_at=in_days(40).isoformat())
    invitation = bo.api("GET", "/invitations")["items"][0]
    bo.api("POST", f"/invitations/{invitation['id']}/propose", {"starts_at": in_days(50).isoformat()})
    bo.page.goto(f"/meetings/{meeting_id}")
    expect(bo.page.get_by_text("the host has not answered. You can still come as planned, or not.")).to_be_visible()
    expect(bo.page.get_by_role("button", name="Accept: Budget")).to_be_visible()
    card = ada.page.get_by_role("listitem").filter(has_text="asks for another time")
    card.get_by_role("button", name="Keep the time: Bo Berg for Budget").click()
    expect(card).to_have_count(0)
    assert ada.api("GET", f"/meetings/{meeting_id}")["starts_at"].startswith(in_days(40).strftime("%Y-%m-%d"))


def test_a_meeting_with_a_time_stands_under_its_day(someone: People) -> None:
    ada = someone("Ada Lind")
    ada.page.get_by_role("button", name="New meeting").click()
    dialog = ada.page.get_by_role("dialog", name="New meeting")
    dialog.get_by_label("Title").fill("Breakfast")
    tomorrow = ada.page.evaluate(
        """async () => {
          const { toLocalInput } = await import("/web/ui/words.js");
          return toLocalInput(Date.now() + 86_400_000);
        }"""
    )
    dialog.get_by_label("Starts").fill(tomorrow)
    dialog.get_by_label("Lasts").select_option("45 minutes")
    dialog.get_by_role("button", name="Create meeting").click()
    expect(ada.heading("Breakfast")).to_be_visible()
    ada.page.get_by_role("link", name="Your meetings").click()
    day = ada.page.locator(".day").filter(has=ada.heading("Tomorrow"))
    expect(day).to_contain_text("Breakfast")
    expect(day).to_contain_text("45 min")


def test_meet_now_leads_straight_to_the_room(someone: People) -> None:
    ada = someone("Ada Lind")
    ada.page.get_by_role("button", name="Meet now").click()
    expect(ada.heading("Ada Lind's meeting")).to_be_visible()
    expect(ada.join_button).to_be_enabled()


def test_a_meeting_that_goes_live_moves_up_and_says_so(ada_and_bo: tuple[Person, Person]) -> None:
    ada, bo = ada_and_bo
    meeting_id = invite(ada, bo, "Weekly sync", starts_at=in_days(1).isoformat())
    bo.accept("Weekly sync")
    ada.api("POST", f"/meetings/{meeting_id}/start")
    expect(bo.page.locator(".toast").filter(has_text="“Weekly sync” has started.")).to_be_visible()
    live = bo.page.get_by_role("region", name="Happening now")
    expect(live.get_by_role("link", name="Join Weekly sync")).to_be_visible()


def test_titles_and_names_are_text_whatever_they_contain(someone: People) -> None:
    nasty = '<img src=x onerror="document.title=1">'
    ada = someone("Ada <b>Lind</b>")
    ada.create_meeting(nasty)
    expect(ada.heading(nasty)).to_be_visible()
    ada.page.goto("/")
    expect(ada.page.get_by_role("link", name=nasty, exact=True)).to_be_visible()
    assert ada.page.locator("main img, main b").count() == 0


def test_past_meetings_are_shown_a_few_at_a_time(someone: People) -> None:
    ada = someone("Ada Lind")
    for number in range(10):
        meeting = ada.api("POST", "/meetings", {"title": f"Talk {number}"})
        ada.api("POST", f"/meetings/{meeting['id']}/cancel")
    ada.page.reload()
    past = ada.page.get_by_role("region", name="Past")
    expect(past.get_by_role("listitem")).to_have_count(8)
    past.get_by_role("button", name="Show earlier ones").click()
    expect(past.get_by_role("listitem")).to_have_count(10)
    expect(past.get_by_role("button", name="Show earlier ones")).to_be_hidden()
