"""Make the offers of this folder anew: `python -m tests.data.sdp.capture` (see README.md)."""

import asyncio
from pathlib import Path

from aiortc import RTCPeerConnection
from playwright.sync_api import sync_playwright

from app.media.mock_sfu import answer_offer
from tests.e2e.chromium import launch
from tests.e2e.offers import SCENARIOS, OfferPage

FOLDER = Path(__file__).parent


def capture_from_chromium() -> None:
    with sync_playwright() as playwright, launch(playwright) as browser:
        for scenario in SCENARIOS:
            page = OfferPage(browser.new_context(), lambda sdp: answer_offer(sdp, "capture").sdp)
            page.run(scenario)
            (FOLDER / f"chromium_{scenario}.sdp").write_bytes(page.offers[-1].encode())


async def capture_from_aiortc() -> None:
    peer = RTCPeerConnection()
    peer.addTransceiver("audio")
    peer.addTransceiver("video", direction="sendonly")
    peer.createDataChannel("chat")
    offer = await peer.createOffer()  # before gathering, so that no address of this machine is in it
    (FOLDER / "aiortc_everything.sdp").write_bytes(offer.sdp.encode())
    await peer.close()


if __name__ == "__main__":
    capture_from_chromium()
    asyncio.run(capture_from_aiortc())
