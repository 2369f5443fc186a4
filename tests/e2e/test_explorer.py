"""The explorer at /docs and the reference at /redoc, used in Chromium as a developer would, with no other network."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.server import Server
from tests.support.world import document, operations

PATIENCE_MS = 30_000


class Explorer:
    """What a developer does on /docs. Every request that it sends is a real one."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url

    def open(self, place: str = "") -> None:
        self.page.goto(f"{self.url}/docs{place}")
        expect(self.page.locator(".opblock-tag").first).to_be_visible()

    def operation(self, name: str) -> Locator:
        """The block of an operation, unfolded."""
        tag = next(operation["tags"][0] for _, _, operation in operations() if operation["operationId"] == name)
        block = self.page.locator(f"#operations-{tag}-{name}")
        section = self.page.locator(f".opblock-tag[data-tag={tag}]")
        if section.get_attribute("data-is-open") == "false":
            section.click()
        if "is-open" not in (block.get_attribute("class") or ""):
            block.locator(".opblock-summary-control").click()
        expect(block.get_by_role("button", name="Execute")).to_be_visible()
        return block

    def execute(self, name: str, **parameters: str) -> Any:
        """Fill in the parameters, leave the body as it is offered, press Execute. What is answered is shown, too."""
        block = self.operation(name)
        for parameter, value in parameters.items():
            block.get_by_placeholder(parameter, exact=True).fill(value)
        with self.page.expect_response(lambda response: "/api/v1/" in response.url) as waited:
            block.get_by_role("button", name="Execute").click()
        response = waited.value
        shown = block.locator(".live-responses-table tbody .response-col_status").first
        expect(shown).to_contain_text(str(response.status))
        assert response.ok, response.text()
        return response.json()

    def authorize(self, token: str) -> None:
        self.page.get_by_role("button", name="Authorize").first.click()
        dialog = self.page.locator(".dialog-ux")
        dialog.get_by_role("textbox").fill(token)
        dialog.get_by_role("button", name="Apply credentials").click()
        dialog.get_by_role("button", name="Close").first.click()


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    """A page that fails its test if anything is written to its console as an error, or asked of another host."""
    context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    errors: list[str] = []
    strangers: list[str] = []

    def note(request: Any) -> None:
        if urlsplit(request.url).scheme not in ("data", "blob") and not request.url.startswith(f"{server.url}/"):
            strangers.append(request.url)

    page.on("request", note)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type in ("error", "warning") else None)
    yield page
    context.close()
    assert (errors, strangers) == ([], [])


@pytest.fixture
def explorer(page: Page, server: Server) -> Explorer:
    return Explorer(page, server.url)


def test_a_first_call_is_made_with_the_examples_as_they_are(explorer: Explorer) -> None:
    explorer.open()
    tokens = explorer.execute("register")
    explorer.authorize(tokens["access_token"])
    assert explorer.execute("getMe")["email"] == tokens["user"]["email"]
    meeting = explorer.execute("createMeeting")
    joined = explorer.execute("joinMeeting", meeting_id=meeting["id"])
    assert joined["participant"]["state"] == "joined"
    reply = explorer.execute("pollInbox", participant_id=joined["participant"]["id"], wait="0")
    assert reply["ended"] is None

    # The authorization outlives the page
    explorer.page.reload()
    assert [one["id"] for one in explorer.execute("listMeetings")["items"]] == [meeting["id"]]


def test_the_sections_stand_in_the_order_in_which_one_meets_them(explorer: Explorer) -> None:
    explorer.open()
    sections = explorer.page.locator(".opblock-tag")
    assert [one.get_attribute("data-tag") for one in sections.all()] == [tag["name"] for tag in document()["tags"]]
    first, last = sections.first, sections.last
    expect(first).to_contain_text("accounts")
    expect(first).to_contain_text("Register, sign in and out")
    expect(last).to_contain_text("health")


def test_an_address_leads_to_an_operation(explorer: Explorer) -> None:
    explorer.open("#/invitations/createMeetingInvitations")
    block = explorer.page.locator("#operations-invitations-createMeetingInvitations")
    expect(block.get_by_role("button", name="Execute")).to_be_visible()
    offered = json.loads(block.locator("textarea").input_value())
    assert offered == {"invitees": [{"email": "ben@example.com"}], "message": "Please come."}


def test_refusals_are_listed_by_their_codes_without_repeating_their_shape(explorer: Explorer) -> None:
    explorer.open()
    refusal = explorer.operation("createMeeting").locator('tr.response[data-code="401"]')
    expect(refusal).to_contain_text("token_expired")
    expect(refusal.locator(".model-example")).to_be_hidden()
    success = explorer.operation("createMeeting").locator('tr.response[data-code="201"]')
    expect(success.locator(".model-example")).to_be_visible()


def test_the_reference_shows_every_operation_and_searches(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/redoc")
    expect(page.get_by_role("heading", name="Create a meeting")).to_be_visible()
    for _, _, operation in operations():
        expect(page.locator(f"[id='operation/{operation['operationId']}']")).to_be_attached()
    page.get_by_placeholder("Search...").fill("invite")
    expect(page.locator("[data-role='search:results']")).to_contain_text("Invite people")
