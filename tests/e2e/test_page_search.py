"""Search in the page: what was said is found, and opens at its second."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.person import Person, eventually
from tests.e2e.test_page_accessibility import check
from tests.e2e.test_page_review import current_line, hold_meeting, player_of, seconds_of

pytestmark = pytest.mark.browser

People = Callable[..., Person]

TITLE = "<img src=x onerror=alert(1)> & friends"


def test_what_was_said_is_found_and_opens_at_its_second(someone: People) -> None:
    ada = someone("Ada Lind")
    meeting_id = hold_meeting(ada, TITLE)
    ada.api("POST", f"/meetings/{meeting_id}/messages", {"text": "🎉 Zanzibar <b>it</b> is"})
    segment = ada.api("GET", f"/meetings/{meeting_id}/transcript")["segments"][2]
    words = segment["text"]
    eventually(ada.page, lambda: ada.api("GET", "/search?q=Zanzibar")["items"], "it can be found")

    ada.page.get_by_role("link", name="Search").click()
    ada.page.get_by_label("Words").fill("zanzibar")
    hits = ada.page.locator(".hit")
    expect(hits).to_have_count(1)
    expect(hits.locator("mark")).to_have_text("Zanzibar")
    expect(hits.locator(".snippet")).to_have_text("🎉 Zanzibar <b>it</b> is")
    expect(hits.get_by_role("heading")).to_have_text(TITLE)
    ada.page.get_by_label("Words").fill("xqzvwk")
    expect(ada.page.get_by_text("Nothing was found")).to_be_visible()

    ada.page.get_by_text("Filter").click()
    ada.page.get_by_label("What").select_option("Said")
    ada.page.get_by_label("Who").select_option("Ada Lind")
    ada.page.get_by_label("Words").fill(words)
    expect(hits.first).to_contain_text(words[:20])
    check(ada.page, "search")
    ada.page.get_by_label("From").fill("2100-01-01")
    expect(ada.page.get_by_text("Nothing was found")).to_be_visible()
    ada.page.get_by_label("From").fill("")

    address = hits.first.get_by_role("link").get_attribute("href") or ""
    hits.first.get_by_role("link").click()
    expect(current_line(ada)).to_have_attribute("data-segment", segment["id"])
    player = player_of(ada)
    second = float(address.rpartition("t=")[2])
    eventually(ada.page, lambda: seconds_of(player) == pytest.approx(second, abs=0.05), "it stands at the second")

    ada.page.go_back()
    expect(ada.page.get_by_label("Words")).to_have_value(words)
    expect(hits.first).to_contain_text(words[:20])
    ada.page.go_forward()
    ada.page.get_by_role("link", name="Search in it").click()
    expect(ada.page.get_by_text(f"Only in “{TITLE}”")).to_be_visible()
    ada.page.get_by_label("Words").fill("zanzibar")
    expect(hits).to_have_count(1)
    ada.page.get_by_role("button", name="Search everywhere").click()
    expect(hits).to_have_count(1)
    assert "meeting=" not in ada.page.url
