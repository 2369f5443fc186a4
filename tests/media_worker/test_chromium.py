"""Chromium against the worker alone: Parley is played, and each page is a participant."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Route, async_playwright

from tests.e2e import chromium
from tests.media_worker.room import PATIENCE_S, Room, open_room
from tests.support.slow_link import SlowLink, slow_link

SCRIPT = (Path(__file__).parent / "browser_client.js").read_text()

INITIAL_ESTIMATE = 300_000  # bits a second: what Chromium assumes before it is told anything


class PageClient:
    """Takes the part of `tests.media_worker.room.Client` for a page."""

    def __init__(self, page: Page, link: SlowLink | None = None) -> None:
        self.page = page
        self._link = link  # that it reaches the worker over
        self._deliveries: set[asyncio.Task[Any]] = set()

    async def receive(self, type_: str, payload: dict[str, Any]) -> None:
        if self._link is not None and "sdp" in payload:
            there, here = self._link.server[1], self._link.address[1]
            payload = payload | {"sdp": payload["sdp"].replace(f" {there} typ host", f" {here} typ host")}
        # Not waited for: the page answers from within.
        told = asyncio.create_task(self.page.evaluate("(message) => parley.receive(...message)", [type_, payload]))
        self._deliveries.add(told)
        told.add_done_callback(self._deliveries.discard)

    async def run(self, call: str) -> Any:
        return await self.page.evaluate(f"parley.{call}")

    async def until(self, done: Callable[[Any], Any], call: str, what: str) -> Any:
        async with asyncio.timeout(PATIENCE_S):
            while not done(result := await self.run(call)):
                await asyncio.sleep(0.1)
            return result
        raise AssertionError(what)

    async def close(self) -> None:
        await self.page.close()


async def join(room: Room, browser: Browser, name: str, link: SlowLink | None = None) -> PageClient:
    page = await browser.new_page()

    async def blank(route: Route) -> None:
        await route.fulfill(body="<body></body>", content_type="text/html")

    async def say(type_: str, payload: dict[str, Any]) -> None:
        await room.tell(type_, payload, sender=name)

    await page.route("**/*", blank)
    await page.expose_function("sendSignal", say)
    await page.goto("http://localhost/")
    await page.evaluate(SCRIPT)
    client = PageClient(page, link)
    room.clients[name] = client  # type: ignore[assignment]
    await room.tell("participant.joined", {"participant": room.shown(name)})
    await client.run("watch()")
    return client


@asynccontextmanager
async def three_pages() -> AsyncIterator[tuple[Room, list[PageClient]]]:
    async with async_playwright() as playwright, open_room() as room:
        browser = await chromium.launch(playwright)
        try:
            yield room, [await join(room, browser, name) for name in ("anna", "bert", "cleo")]
        finally:
            await browser.close()
            room.clients.clear()


def flowing(count: int, at_least: int = 3) -> Callable[[Any], bool]:
    def enough(incoming: list[dict[str, Any]]) -> bool:
        amounts = [one.get("framesDecoded", one["packetsReceived"]) for one in incoming]
        return len(amounts) == count and min(amounts) >= at_least

    return enough


@pytest.mark.browser
@pytest.mark.slow
def test_three_pages_see_and_hear_each_other_share_a_screen_and_change_their_path() -> None:
    chromium.require_chromium()

    async def run() -> None:
        async with three_pages() as (room, pages):
            anna, bert, cleo = pages
            await anna.run("share()")
            await bert.run("share({ codec: 'video/H264' })")
            await cleo.run("share({ codec: 'video/VP9' })")
            for page in pages:
                incoming = await page.until(flowing(4), "incoming()", "two people's sound and picture")
                assert {one["kind"] for one in incoming} == {"audio", "video"}
            codecs = {one["codec"] for one in await anna.run("incoming()")}
            assert codecs == {"audio/opus", "video/H264", "video/VP9"}

            sent = await anna.run("outgoing()")
            assert sent["srtp"] == "SRTP_AEAD_AES_128_GCM"
            # The worker's feedback reached the sender: it knows its round trip and has an estimate of its bandwidth.
            await anna.until(
                lambda out: len(out["remote"]) == 2 and out["pair"]["availableOutgoingBitrate"] != INITIAL_ESTIMATE,
                "outgoing()",
                "feedback",
            )

            await anna.run("tell('hello')")
            for page in (bert, cleo):
                await page.until(lambda heard: heard == ["hello"], "heard", "what anna says on the data channel")

            await anna.run("shareScreen()")
            await bert.until(flowing(5), "incoming()", "anna's screen")
            assert [one["source"] for one in room.tracks["anna"]] == ["microphone", "camera", "screen"]
            await anna.run("stopScreen()")
            await bert.until(flowing(4), "incoming()", "the screen is gone")

            before = {one["mid"]: one["packetsReceived"] for one in await bert.run("incoming()")}
            await anna.run("restartPublish()")
            await bert.run("say('rtc.restart', { connection: 'subscribe' })")
            await bert.until(
                lambda now: all(one["packetsReceived"] > before[one["mid"]] + 20 for one in now),
                "incoming()",
                "packets on new paths",
            )
            await room.tell("participant.left", {"participant": room.shown("cleo", state="left")})
            await anna.until(flowing(2), "incoming()", "only bert is left")
            for page in (anna, bert):
                assert await page.run("errors") == []

    asyncio.run(run())


LAYERS = """[
    { rid: 'q', scaleResolutionDownBy: 4, maxBitrate: 100000 },
    { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 300000 },
    { rid: 'f', scaleResolutionDownBy: 1, maxBitrate: 900000 },
]"""


@pytest.mark.browser
@pytest.mark.slow
def test_a_page_behind_a_path_that_gets_slow_gets_a_smaller_picture_without_a_break_and_later_a_large_one_again() -> (
    None
):
    chromium.require_chromium()

    async def run() -> None:
        async with async_playwright() as playwright, open_room() as room, slow_link(room.port.candidates[0]) as link:
            browser = await chromium.launch(playwright)
            try:
                anna = await join(room, browser, "anna")
                bert = await join(room, browser, "bert", link)
                await anna.run(f"share({{ video: {{ width: 960, height: 540 }}, layers: {LAYERS} }})")

                def picture(incoming: list[dict[str, Any]]) -> dict[str, Any]:
                    return next((one for one in incoming if one["kind"] == "video"), {"framesDecoded": 0})

                def shows(*heights: int) -> Callable[[Any], bool]:
                    return lambda incoming: picture(incoming).get("frameHeight") in heights

                await bert.until(shows(540), "incoming()", "the largest layer")
                link.rate, link.loss = 220_000, 0.02
                small = picture(await bert.until(shows(135, 270), "incoming()", "a smaller layer"))
                moving = await bert.until(
                    lambda now: picture(now)["framesDecoded"] > small["framesDecoded"] + 30, "incoming()", "it moves"
                )
                link.rate, link.loss = 100_000_000, 0.0
                large = picture(await bert.until(shows(540), "incoming()", "the largest layer again"))
                await bert.until(
                    lambda now: picture(now)["framesDecoded"] > large["framesDecoded"] + 30, "incoming()", "it moves"
                )
                assert len(room.tracks["anna"]) == 2  # three layers are one track
                # Since nothing gets lost any more, all that came could be shown.
                assert picture(await bert.run("incoming()"))["pliCount"] == picture(moving)["pliCount"]
                assert await bert.run("errors") == []
            finally:
                await browser.close()
                room.clients.clear()

    asyncio.run(run())
