"""Chromium is the judge of the mock SFU's answers: each kind of offer it makes must come to rest."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from app.media.mock_sfu import answer_offer
from tests.e2e.chromium import launch
from tests.e2e.offers import SCENARIOS, OfferPage

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright, launch(playwright) as browser:
        yield browser


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    with browser.new_context() as context:
        yield context


@pytest.fixture
def page(context: BrowserContext) -> OfferPage:
    return OfferPage(context, lambda offer: answer_offer(offer, "meeting participant").sdp)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_chromium_accepts_the_answer_and_that_of_a_renegotiation(scenario: str, page: OfferPage) -> None:
    page.run(scenario)
    assert page.evaluate("pc.signalingState") == "stable"
    negotiations = len(page.offers)

    page.evaluate("async () => { pc.addTransceiver('audio'); await negotiate(pc, answerTo); }")
    assert page.evaluate("pc.signalingState") == "stable"
    assert len(page.offers) == negotiations + 1


def test_chromium_would_send_what_it_offered_to_send(page: OfferPage) -> None:
    page.run("screen_share")
    assert page.evaluate("pc.getTransceivers().map(t => t.currentDirection)") == ["sendonly"] * 3


def test_chromium_would_send_every_simulcast_layer(page: OfferPage) -> None:
    # Of layers that an answer doesn't accept, Chromium drops the encodings.
    page.run("simulcast")
    encodings = page.evaluate("pc.getSenders().at(-1).getParameters().encodings")
    assert [(encoding["rid"], encoding["active"]) for encoding in encodings] == [
        ("q", True),
        ("h", True),
        ("f", True),
    ]


def test_chromium_prefers_the_codecs_that_it_would_without_an_sfu(page: OfferPage) -> None:
    page.run("audio_video")
    codecs = page.evaluate("pc.getSenders().map(sender => sender.getParameters().codecs[0].mimeType)")
    assert codecs == ["audio/opus", "video/VP8"]


def test_chromium_stops_what_the_answer_refuses(page: OfferPage) -> None:
    page.run("unforwarded_codec")
    kinds = page.evaluate("pc.getTransceivers().map(t => t.receiver.track.kind)")
    assert kinds == ["video"]  # the audio's transceiver is stopped, and so no longer listed


def test_chromium_bundles_everything_on_one_transport(page: OfferPage) -> None:
    page.run("everything")
    transports = page.evaluate("new Set([...pc.getSenders().map(s => s.transport), pc.sctp.transport]).size")
    assert transports == 1


def test_chromium_rests_without_a_candidate_to_check(page: OfferPage) -> None:
    page.run("audio_video")
    page.evaluate("""() => new Promise((resolve) => {
        const settle = () => pc.iceGatheringState === "complete" && resolve();
        pc.addEventListener("icegatheringstatechange", settle);
        settle();
    })""")
    assert page.evaluate("[pc.iceConnectionState, pc.connectionState]") == ["new", "new"]
