"""Webhooks on the page, with a server that receives them."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect
from standardwebhooks import Webhook as Verifier

from tests.e2e.person import Person
from tests.e2e.test_page_accessibility import check
from tests.support.waiting import eventually
from tests.support.webhook_receiver import Receiver, Reply, webhook_receiver

pytestmark = pytest.mark.browser


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook_receiver() as made:
        yield made


def test_a_webhook_is_added_tried_paused_and_resumed(someone: Callable[..., Person], receiver: Receiver) -> None:
    ada = someone("Ada Lind")
    page = ada.page
    page.goto("/account")
    page.get_by_role("link", name="Webhooks").click()
    expect(page.get_by_text("No webhooks yet.")).to_be_visible()
    page.get_by_role("button", name="Add a webhook").click()
    page.get_by_label("Address").fill("http://169.254.169.254/")
    page.get_by_label("Name (optional)").fill("CRM")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Leads to an address that is not public.")
    page.get_by_label("Address").fill(receiver.url)
    page.get_by_role("button", name="Add", exact=True).click()
    secret = page.get_by_label("Its secret; it is shown only now").input_value()
    check(page, "a webhook's secret")
    page.get_by_role("button", name="Done").click()
    check(page, "webhooks")

    page.get_by_role("link", name="CRM").click()
    page.get_by_role("button", name="Send a test").click()
    row = page.locator(".delivery", has_text="webhook.test")
    expect(row).to_contain_text("Delivered")
    [test] = receiver.received
    Verifier(secret).verify(test.body, test.headers)

    receiver.answer = lambda _: Reply(410, body=b"nobody lives here")
    ada.api("POST", "/meetings", {"title": "Weekly review"})
    expect(page.locator(".notice.bad")).to_contain_text("it wants no more events (410 Gone). One event waits.")
    page.locator(".delivery", has_text="meeting.created").locator("summary").click()
    expect(page.locator(".answer")).to_have_text("nobody lives here")
    check(page, "a webhook")
    receiver.answer = lambda _: Reply()
    page.get_by_role("button", name="Resume").click()
    row = page.locator(".delivery", has_text="meeting.created")  # still open
    expect(row.locator(".badge")).to_have_text("Delivered")
    expect(page.locator(".notice.bad")).to_be_hidden()
    row.get_by_role("button", name="Send again").click()
    eventually(lambda: receiver.names() == ["webhook.test", *["meeting.created"] * 3])
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("No webhooks yet.")).to_be_visible()


def test_who_is_elsewhere_is_told_that_a_webhook_is_paused(someone: Callable[..., Person], receiver: Receiver) -> None:
    ada = someone("Ada Lind")
    receiver.answer = lambda _: Reply(410)
    ada.api("POST", "/webhooks", {"url": receiver.url, "description": "CRM"})
    ada.api("POST", "/meetings", {"title": "Weekly review"})
    expect(ada.page.locator(".toast", has_text="Your webhook “CRM” is paused")).to_be_visible()
    ada.page.get_by_role("button", name="See why").click()
    expect(ada.page.get_by_role("button", name="Resume")).to_be_visible()
