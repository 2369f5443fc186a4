"""A meeting that repeats: made in the page, one of it changed, the rest called off."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.e2e.person import Person

pytestmark = pytest.mark.browser


def test_a_weekly_meeting_is_made_one_of_it_renamed_the_rest_moved_and_that_called_off(
    someone: Callable[..., Person],
) -> None:
    ada = someone("Ada Lind")
    ada.page.get_by_role("button", name="New meeting").click()
    dialog = ada.page.get_by_role("dialog", name="New meeting")
    dialog.get_by_label("Title").fill("Weekly sync")
    first = datetime.now(UTC) + timedelta(days=1)
    dialog.get_by_label("Starts").fill(first.strftime("%Y-%m-%dT10:00"))
    dialog.get_by_label("Repeats").select_option("Every week")
    dialog.get_by_label("or how many times").fill("3")
    dialog.get_by_role("button", name="Create meeting").click()
    expect(ada.page.locator(".when")).to_contain_text("Every week, 3 times")

    ada.page.get_by_role("button", name="Change").click()
    dialog = ada.page.get_by_role("dialog", name="Change the meeting")
    expect(dialog.get_by_role("combobox", name="Change")).to_have_value("this")
    dialog.get_by_label("Title").fill("Kick-off")
    dialog.get_by_role("button", name="Save").click()
    expect(ada.heading("Kick-off")).to_be_visible()
    titles = [one["title"] for one in ada.api("GET", "/meetings?state=scheduled&order=asc")["items"]]
    assert titles == ["Kick-off", "Weekly sync", "Weekly sync"]

    second = ada.api("GET", "/meetings?state=scheduled&order=asc")["items"][1]
    ada.page.goto(f"/meetings/{second['id']}")
    ada.page.get_by_role("button", name="Change").click()
    dialog = ada.page.get_by_role("dialog", name="Change the meeting")
    dialog.get_by_role("combobox", name="Change").select_option("This and the following ones")
    dialog.get_by_label("Starts").fill((first + timedelta(days=7)).strftime("%Y-%m-%dT11:30"))
    dialog.get_by_role("button", name="Save").click()
    expect(ada.page.locator(".when")).to_contain_text("Every week, 2 times")
    made = ada.api("GET", "/meetings?state=scheduled&order=asc")["items"]
    assert [(one["title"], one["starts_at"][11:16]) for one in made] == [
        ("Kick-off", "10:00"),
        ("Weekly sync", "11:30"),
        ("Weekly sync", "11:30"),
    ]
    ada.page.goto(f"/meetings/{made[0]['id']}")
    before = first + timedelta(days=6)
    expect(ada.page.locator(".when")).to_contain_text(f"Every week, until {before.day} {before.strftime('%B %Y')}")
    ada.page.goto(f"/meetings/{second['id']}")

    ada.page.get_by_role("button", name="Cancel").click()
    dialog = ada.page.get_by_role("dialog", name="Cancel the meeting?")
    dialog.get_by_label("What is called off").select_option("All that are to come")
    dialog.get_by_role("button", name="Call off").click()
    expect(ada.page.locator(".badge.cancelled")).to_be_visible()
    ada.page.goto("/")
    ada.screens_ready()
    past = ada.page.get_by_role("region", name="Past")
    expect(past.get_by_role("listitem")).to_have_count(1)  # of a series that was called off as a whole, one
