"""A person at a browser of their own: what they do on the pages, in their words."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.server import Server

PASSWORD = "correct horse battery"
PATIENCE_MS = 90_000  # a call on a machine that runs many tests at once

expect.set_options(timeout=PATIENCE_MS)


class Person:
    def __init__(self, browser: Browser, server: Server, name: str, **options: Any) -> None:
        self.name = name
        self.email = f"{re.sub('[^a-z]+', '.', name.lower())}{uuid4().hex[:8]}@example.org"
        self.server = server
        self.context = browser.new_context(**{"base_url": server.url, "locale": "en-GB", **options})
        self.context.set_default_timeout(PATIENCE_MS)
        self.sockets: list[str] = []
        self.errors: list[str] = []
        self.requests: list[str] = []  # "METHOD /path" of the API
        self.page = self.open_window()

    def open_window(self, storage: dict[str, str] | None = None) -> Page:
        """A further window; with the session storage of an earlier one it is that window, restored by the browser."""
        page = self.context.new_page()
        page.on("websocket", lambda socket: self.sockets.append(socket.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._on_console)
        page.on("request", self._on_request)
        if storage:
            page.goto("/web/icon.svg")
            page.evaluate("(storage) => { Object.assign(sessionStorage, storage); }", storage)
        return page

    def _on_console(self, message: Any) -> None:
        # Refusals of the API are shown on the page; Chromium logs every one of them as well.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.errors.append(message.text)

    def _on_request(self, request: Any) -> None:
        path = urlsplit(request.url).path
        if path.startswith("/api/"):
            self.requests.append(f"{request.method} {path}")

    # The way in -------------------------------------------------------------------------------------------------

    def register(self, address: str = "/register") -> "Person":
        self.page.goto(address)
        self.page.get_by_label("Your name").fill(self.name)
        self.page.get_by_label("E-mail").fill(self.email)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Create account").click()
        expect(self.page.locator(".who")).to_have_text(self.name)
        return self

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """What the page's own client gets: for preparations that are not what a test is about."""
        return self.page.evaluate(
            """async ([method, path, body]) => {
              const { ParleyClient } = await import("/web/parley-client.js");
              const client = new ParleyClient();
              await client.login({ email: body.email, password: body.password });
              return client.request(method, path, { body: body.body ?? undefined });
            }""",
            [method, path, {"email": self.email, "password": PASSWORD, "body": body}],
        )

    # Meetings ---------------------------------------------------------------------------------------------------

    def create_meeting(self, title: str, invite: "Person | None" = None) -> str:
        """Through the dialog. Returns the meeting's id; its page is shown."""
        self.page.goto("/")
        self.page.get_by_role("button", name="New meeting").click()
        dialog = self.page.get_by_role("dialog", name="New meeting")
        dialog.get_by_label("Title").fill(title)
        if invite:
            dialog.get_by_label("Invite").fill(invite.email)
        dialog.get_by_role("button", name="Create meeting").click()
        expect(self.heading(title)).to_be_visible()
        return urlsplit(self.page.url).path.split("/")[2]

    def accept(self, title: str) -> None:
        self.page.get_by_role("button", name=f"Accept: {title}").click()
        expect(self.page.get_by_role("button", name=f"Accept: {title}")).to_be_hidden()

    # The room ---------------------------------------------------------------------------------------------------

    def enter(self, meeting_id: str, *, debug: bool = False) -> None:
        """To the mirror before the call, with devices ready."""
        self.page.goto(f"/meetings/{meeting_id}/room" + ("?debug=1" if debug else ""))
        expect(self.join_button).to_be_enabled()

    def join(self, meeting_id: str, *, debug: bool = False) -> None:
        self.enter(meeting_id, debug=debug)
        self.join_button.click()
        expect(self.control("Leave")).to_be_visible()

    def leave(self) -> None:
        """Without ending it for the others, if one could."""
        self.control("Leave").click()
        dialog = self.page.get_by_role("dialog", name="Leave the meeting?")
        page_of_meeting = self.page.locator(".screen.meeting")
        expect(dialog.or_(page_of_meeting)).to_be_visible()
        if dialog.is_visible():
            dialog.get_by_role("button", name="Leave", exact=True).click()
        expect(page_of_meeting).to_be_visible()

    @property
    def join_button(self) -> Locator:
        return self.page.get_by_role("button", name="Join")

    def control(self, name: str) -> Locator:
        return self.page.get_by_role("toolbar", name="Call").get_by_role("button", name=name, exact=True)

    def tile(self, of: "Person", source: str = "camera") -> Locator:
        return self.page.locator(f'.tile[data-source="{source}"]').filter(has_text=of.name)

    def counts_as(self, other: "Person", state: str) -> None:
        """The other, who is silent and whose tile is here, is counted as `reconnecting` or `left` from now on."""
        participant_id = self.tile(other).get_attribute("data-participant")
        assert participant_id is not None
        self.server.count_as(state, participant_id)

    def heading(self, text: str) -> Locator:
        return self.page.get_by_role("heading", name=text, exact=True)

    def banner(self, name: str) -> Locator:
        return self.page.locator(f'[data-banner="{name}"]')

    def screens_ready(self) -> None:
        """A screen with lists has shown what it has read."""
        expect(self.page.locator(".screen[data-ready]")).to_be_visible()

    def media(self) -> dict[str, Any]:
        """What arrives, summed over all connections of the page: frames, audio packets, audio energy."""
        stats: dict[str, Any] = self.page.evaluate(
            """async () => {
              const sum = { frames: 0, packets: 0, energy: 0, connections: 0 };
              for (const connection of window.peerConnections ?? []) {
                if (connection.connectionState !== "connected") continue;
                sum.connections += 1;
                for (const one of (await connection.getStats()).values()) {
                  if (one.type !== "inbound-rtp") continue;
                  sum.frames += one.framesDecoded ?? 0;
                  if (one.kind === "audio") {
                    sum.packets += one.packetsReceived ?? 0;
                    sum.energy += one.totalAudioEnergy ?? 0;
                  }
                }
              }
              return sum;
            }"""
        )
        return stats

    def close(self) -> None:
        self.context.close()


def eventually(page: Page, look: Callable[[], Any], what: str) -> Any:
    """Look until it is so; the page's own clock waits between two looks."""
    for _ in range(PATIENCE_MS // 100):
        found = look()
        if found:
            return found
        page.wait_for_timeout(100)
    raise AssertionError(f"It never came to be: {what}")


def see_and_hear(person: Person, connections: int = 1) -> None:
    """Pictures and sound arrive at `person`, over so many connections."""

    def look() -> bool:
        media = person.media()
        return (
            media["connections"] == connections
            and media["frames"] > 10
            and media["packets"] > 20
            and media["energy"] > 0
        )

    eventually(person.page, look, f"{person.name} sees and hears {connections} others, but: {person.media()}")
