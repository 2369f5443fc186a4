"""The explorer at /docs and the reference at /redoc, used in Chromium as a developer would, with no other network."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.e2e.person import PATIENCE_MS
from tests.e2e.server import Server
from tests.support.world import document, operations

CANDIDATE = {"candidate": "candidate:1 1 udp 2122260223 192.0.2.7 50000 typ host", "sdpMid": "0", "sdpMLineIndex": 0}


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
        tag = documented(name)["tags"][0]
        block = self.page.locator(f"#operations-{tag}-{name}")
        section = self.page.locator(f".opblock-tag[data-tag={tag}]")
        if section.get_attribute("data-is-open") == "false":
            section.click()
        if "is-open" not in (block.get_attribute("class") or ""):
            block.locator(".opblock-summary-control").click()
        expect(block.get_by_role("button", name="Execute")).to_be_visible()
        return block

    def execute(self, name: str, body: Any = None, **parameters: str) -> Any:
        """The JSON that is shown for it; it is cleared then, so that nothing old is taken for the next answer."""
        shown = json.loads(self.answer(name, body, **parameters).locator("pre code").first.inner_text())
        block = self.operation(name)
        block.get_by_role("button", name="Clear").click()
        block.locator(".opblock-summary-control").click()  # a page with everything unfolded is slow
        return shown

    def answer(self, name: str, body: Any = None, **parameters: str) -> Locator:
        """Fill in the parameters, and the body unless it stays as it is offered; press Execute.

        The status that is shown must be the success that the document promises. A field keeps what was typed into it.
        """
        block = self.operation(name)
        for parameter, value in parameters.items():
            block.get_by_placeholder(parameter, exact=True).fill(value)
        if body is not None:
            block.locator("textarea").fill(json.dumps(body, indent=2))
        block.get_by_role("button", name="Execute").click()
        answer = block.locator(".live-responses-table tbody tr").first
        status = answer.locator(".response-col_status").inner_text().split()[0]
        assert status == success(name), answer.inner_text()
        return answer

    def wait_for(self, kind: str, participant_id: str, wanted: Callable[[Any], bool], after: int = 0) -> Any:
        """Poll, each time until something comes, for the message of this type whose payload is the wanted one."""
        while True:
            for message in self.poll(participant_id, after=after, wait=25)["messages"]:
                after = message["seq"]
                if message["type"] == kind and wanted(message["payload"]):
                    return message

    def poll(self, participant_id: str, **cursors: int) -> Any:
        """Of a participant's inbox."""
        return self.execute("pollInbox", participant_id=participant_id, **{k: str(v) for k, v in cursors.items()})

    def sign_up(self, name: str) -> str:
        """Register and authorize, as nobody else yet. Their e-mail."""
        email = f"{name.lower()}-{uuid4().hex[:8]}@example.org"
        tokens = self.execute("register", {"email": email, "password": "correct horse battery", "display_name": name})
        self.authorize(tokens["access_token"])
        return email

    def authorize(self, token: str) -> None:
        self.page.get_by_role("button", name="Authorize").first.click()
        dialog = self.page.locator(".dialog-ux")
        dialog.get_by_role("textbox").fill(token)
        dialog.get_by_role("button", name="Apply credentials").click()
        dialog.get_by_role("button", name="Close").first.click()


def documented(name: str) -> dict[str, Any]:
    return next(operation for _, _, operation in operations() if operation["operationId"] == name)


def success(name: str) -> str:
    """The lowest status that its document has, which is its success."""
    return str(min(documented(name)["responses"]))


@pytest.fixture
def window(browser: Browser, server: Server) -> Iterator[Callable[[], Page]]:
    """Windows of people of their own. An error in a console, or a request to any other host, fails the test."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []
    asked: set[str] = set()

    def watch(page: Page) -> None:
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("websocket", lambda socket: asked.add(origin(socket.url)))

    def note(message: Any) -> None:
        if message.type in ("error", "warning"):
            errors.append(message.text)

    def open_one() -> Page:
        context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900})
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        # Of the context: this hears its workers and further windows, too
        context.on("request", lambda request: asked.add(origin(request.url)))
        context.on("console", note)
        context.on("page", watch)
        return context.new_page()

    yield open_one
    for context in contexts:
        context.close()
    assert errors == []
    assert asked - {"data:", "blob:"} == {server.url}, "another host was asked"


def origin(url: str) -> str:
    scheme, host = urlsplit(url)[:2]
    return f"{scheme}://{host}" if host else f"{scheme}:"


@pytest.fixture
def page(window: Callable[[], Page]) -> Page:
    return window()


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


@pytest.mark.slow
@pytest.mark.timeout(300)  # some thirty answers, each drawn by Swagger UI
def test_two_people_hold_a_whole_call_and_record_another(window: Callable[[], Page], server: Server) -> None:
    anna, ben = Explorer(window(), server.url), Explorer(window(), server.url)
    anna.open()
    ben.open()
    anna.sign_up("Anna")
    bens_email = ben.sign_up("Ben")

    # Anna invites Ben
    meeting = anna.execute("createMeeting", {"title": "Weekly review", "media_mode": "p2p"})
    here = {"meeting_id": meeting["id"]}
    invited = anna.execute("createMeetingInvitations", {"invitees": [{"email": bens_email}]}, **here)
    [message] = ben.execute("pollInbox", wait="0")["messages"]
    assert (message["type"], message["meeting_id"]) == ("invitation.received", meeting["id"])
    invitation_id = message["payload"]["invitation"]["id"]
    assert invitation_id == invited["items"][0]["id"]
    assert ben.execute("acceptInvitation", invitation_id=invitation_id)["status"] == "accepted"

    # Both join
    joined = anna.execute("joinMeeting", {"device": "anna's browser"}, **here)
    assert (joined["rtc"]["mode"], joined["meeting"]["state"]) == ("p2p", "live")
    annas_id = joined["participant"]["id"]
    joined = ben.execute("joinMeeting", {"device": "ben's browser"}, **here)
    assert [one["display_name"] for one in joined["participants"]] == ["Anna", "Ben"]
    bens_id = joined["participant"]["id"]

    # Ben offers, Anna answers
    offer = {"to": annas_id, "type": "rtc.offer", "payload": {"sdp": "v=0\r\n…offer"}}
    candidate = {"to": annas_id, "type": "rtc.candidate", "payload": {"candidate": CANDIDATE}}
    ben.execute("sendSignals", {"from": bens_id, "messages": [offer, candidate]}, **here)
    reply = anna.poll(annas_id, wait=0)
    assert [one["type"] for one in reply["messages"]] == ["participant.joined", "rtc.offer", "rtc.candidate"]
    signals = reply["messages"][1:]
    assert [one["payload"] for one in signals] == [offer["payload"], candidate["payload"]]
    assert {one["from"]["participant_id"] for one in signals} == {bens_id}
    newest = reply["head_seq"]
    acknowledged = anna.execute("acknowledgeInbox", {"participant_id": annas_id, "up_to": newest})
    assert acknowledged == {"acked_seq": newest, "head_seq": newest}
    answer = {"to": bens_id, "type": "rtc.answer", "payload": {"sdp": "v=0\r\n…answer"}}
    anna.execute("sendSignals", {"from": annas_id, "messages": [answer]}, **here)
    [message] = ben.poll(bens_id, wait=0)["messages"]
    assert (message["type"], message["payload"]) == ("rtc.answer", answer["payload"])

    # Ben leaves, Anna ends it
    assert ben.execute("leaveParticipant", participant_id=bens_id)["left_reason"] == "left"
    [message] = anna.poll(annas_id, wait=0)["messages"]
    assert (message["type"], message["payload"]["participant"]["id"]) == ("participant.left", bens_id)
    assert anna.execute("endMeeting", **here)["state"] == "ended"

    # Anna records a mocked meeting
    meeting = anna.execute("createMeeting", {"title": "Rehearsal", "media_mode": "mock"})
    here = {"meeting_id": meeting["id"]}
    annas_id = anna.execute("joinMeeting", **here)["participant"]["id"]
    recording = anna.execute("startRecording", {}, **here)
    assert recording["state"] == "recording"
    assert anna.execute("stopRecording", recording_id=recording["id"])["outcome"] is None
    ready = anna.wait_for("recording.state", annas_id, lambda said: said["recording"]["state"] == "ready")
    assert ready["payload"]["recording"]["outcome"] == "complete"
    # The example of a range would make it a part
    download = anna.answer("downloadRecording", recording_id=recording["id"], Range="")
    expect(download.get_by_role("link", name="Download file")).to_have_attribute("download", re.compile(r"\.mp4$"))

    # … and has its notes written
    assert anna.execute("createMeetingNotes", {}, **here)["state"] == "pending"
    anna.wait_for("notes.ready", annas_id, lambda said: True, after=ready["seq"])
    notes = anna.execute("getMeetingNotes", **here)
    assert (notes["state"], notes["is_mock"]) == ("ready", True)
    assert notes["transcript"]["segments"][0]["speaker"]["label"] == "Anna"
    assert notes["analysis"]["summary"]


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
