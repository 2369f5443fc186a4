"""A connection is set up, changed and brought back by both sides, whoever speaks first or at the same time."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.web.conftest import ORIGIN

pytestmark = pytest.mark.browser

LINKS = Path(__file__).with_name("links.js").read_text()
CONNECTED = {"state": "connected", "coming": ["audio", "camera"], "lines": 2}


@pytest.fixture
def page(context: BrowserContext) -> Page:
    context.add_init_script(LINKS)
    page = context.new_page()
    page.goto(f"{ORIGIN}/blank")
    return page


def run(page: Page, script: str) -> Any:
    connected = """
      const all = (ends) => describeEnds(ends).every((one) => one.state === "connected");
      const connected = (ends) => until(() => all(ends), "connected");
    """
    return page.evaluate(f"async () => {{ {connected} {script} }}")


@pytest.mark.parametrize("offers", ["adaOffers: true, boOffers: false", "adaOffers: false, boOffers: true"])
def test_one_offers_and_both_send_and_receive(page: Page, offers: str) -> None:
    script = f"""
      const ends = await linkPair({{ {offers} }});
      await connected(ends);
      return describeEnds(ends);"""
    assert run(page, script) == [CONNECTED, CONNECTED]


def test_first_offers_that_cross_leave_no_doubled_lines(page: Page) -> None:
    script = """
      const ends = await linkPair({ adaOffers: true, boOffers: true });
      await connected(ends);
      return describeEnds(ends);"""
    assert run(page, script) == [CONNECTED, CONNECTED]


def test_screens_that_are_shared_at_the_same_moment_both_arrive(page: Page) -> None:
    script = """
      const ends = await linkPair();
      await connected(ends);
      ends.ada.share(ends.ada.newScreen());
      ends.bo.share(ends.bo.newScreen());
      await until(() => ends.ada.link.remote.screen && ends.bo.link.remote.screen, "both screens");
      const shared = describeEnds(ends);
      ends.ada.share(null);
      await until(() => !ends.bo.link.remote.screen, "ada's screen is gone");
      return [shared, describeEnds(ends).map((one) => one.coming)];"""
    every = {"state": "connected", "coming": ["audio", "camera", "screen"], "lines": 4}
    assert run(page, script) == [[every, every], [["audio", "camera", "screen"], ["audio", "camera"]]]


def test_sharing_again_takes_the_line_that_was_there(page: Page) -> None:
    script = """
      const ends = await linkPair();
      await connected(ends);
      for (const on of [true, false, true]) {
        ends.ada.share(on ? ends.ada.newScreen() : null);
        await until(() => Boolean(ends.bo.link.remote.screen) === on, `screen ${on}`);
      }
      return describeEnds(ends)[1].lines;"""
    assert run(page, script) == 3


def test_a_screen_that_is_shared_before_the_offer_comes_is_sent_after_it(page: Page) -> None:
    script = """
      const ends = await linkPair({ adaOffers: false, boOffers: false });
      ends.ada.share(ends.ada.newScreen());
      await ends.bo.begin(true);
      await connected(ends);
      await until(() => ends.bo.link.remote.screen, "screen");
      return describeEnds(ends).map((one) => one.lines);"""
    assert run(page, script) == [3, 3]


@pytest.mark.parametrize("who", ["ada", "bo"])
def test_a_side_that_begins_anew_takes_the_other_along(page: Page, who: str) -> None:
    script = f"""
      const ends = await linkPair();
      await connected(ends);
      const old = ends.{who}.link.connection;
      await ends.{who}.begin(true);
      await connected(ends);
      return [old.connectionState, describeEnds(ends)];"""
    assert run(page, script) == ["closed", [CONNECTED, CONNECTED]]


def test_an_offer_that_never_arrives_is_made_again(page: Page) -> None:
    page.clock.install()
    page.evaluate(
        """async () => {
          window.ends = await linkPair({ adaOffers: false, boOffers: false });
          ends.ada.cut = true;
          await ends.ada.begin(true);
        }"""
    )
    page.evaluate("() => { ends.ada.cut = false; }")
    page.clock.run_for(12_100)
    page.wait_for_function("() => describeEnds(ends).every((one) => one.state === 'connected')")
    assert page.evaluate("describeEnds(ends)") == [CONNECTED, CONNECTED]


def test_a_restart_that_is_asked_for_renews_the_ice_credentials(page: Page) -> None:
    script = """
      const ends = await linkPair();
      await connected(ends);
      const fragment = () => /a=ice-ufrag:(\\S+)/.exec(ends.bo.link.connection.localDescription.sdp)[1];
      const before = fragment();
      await ends.bo.receive("rtc.restart", {});
      await until(() => fragment() !== before && ends.bo.link.connection.signalingState === "stable", "restart");
      await connected(ends);
      return describeEnds(ends);"""
    assert run(page, script) == [CONNECTED, CONNECTED]


def test_a_connection_that_is_disconnected_is_lost_once_and_comes_back_by_a_restart(page: Page) -> None:
    """It is so for some seconds before it fails. What a browser tells is said here by the test."""
    script = """
      const ends = await linkPair();
      await connected(ends);
      const { link } = ends.ada;
      const pc = link.connection;
      const fragment = () => /a=ice-ufrag:(\\S+)/.exec(pc.localDescription.sdp)[1];
      const before = fragment();
      const restart = link.restart.bind(link);
      const seen = [];
      let losses = 0;
      link.restart = () => { losses += 1; };
      const tell = (state) => {
        Object.defineProperty(pc, "connectionState", { get: () => state, configurable: true });
        pc.dispatchEvent(new Event("connectionstatechange"));
        seen.push([state, link.state, losses]);
      };
      for (const state of ["disconnected", "disconnected", "failed", "disconnected"]) tell(state);
      restart();
      await until(() => fragment() !== before && pc.signalingState === "stable", "a restart");
      tell("connected");
      delete pc.connectionState;
      await connected(ends);
      return [seen, describeEnds(ends)];"""
    seen, ends = run(page, script)
    assert seen == [
        ["disconnected", "reconnecting", 1],
        ["disconnected", "reconnecting", 1],
        ["failed", "reconnecting", 2],
        ["disconnected", "reconnecting", 2],
        ["connected", "connected", 2],
    ]
    assert ends == [CONNECTED, CONNECTED]


def test_an_audio_only_client_is_heard(page: Page) -> None:
    script = """
      const ends = await linkPair({ adaOffers: false, boOffers: false });
      const other = new RTCPeerConnection();
      other.addTransceiver(ends.bo.tracks.microphone);
      other.onicecandidate = ({ candidate }) => ends.ada.receive("rtc.candidate", { candidate });
      ends.bo.receive = async (type, { sdp, candidate }) => {
        if (type === "rtc.answer") await other.setRemoteDescription({ type: "answer", sdp });
        else if (candidate) await other.addIceCandidate(candidate);
      };
      await other.setLocalDescription();
      await ends.ada.receive("rtc.offer", { sdp: other.localDescription.sdp });
      await until(() => ends.ada.link.state === "connected", "connected");
      return describeEnds(ends)[0];"""
    assert run(page, script) == {"state": "connected", "coming": ["audio"], "lines": 1}


def test_a_stray_answer_or_candidate_breaks_nothing(page: Page) -> None:
    script = """
      const ends = await linkPair();
      await connected(ends);
      await ends.bo.receive("rtc.answer", { sdp: ends.ada.link.connection.localDescription.sdp });
      const candidate = { candidate: "candidate:1 1 udp 1 192.0.2.1 9 typ host", sdpMid: "9" };
      await ends.bo.receive("rtc.candidate", { candidate });
      return [describeEnds(ends), ends.bo.log.filter((event) => /_(ignored|refused)$/.test(event))];"""
    assert run(page, script) == [[CONNECTED, CONNECTED], ["answer_ignored", "candidate_refused"]]


def test_nobody_waits_for_a_connection_that_was_closed_in_the_middle(page: Page) -> None:
    script = """
      const ends = await linkPair({ adaOffers: false, boOffers: false });
      const other = new RTCPeerConnection();
      other.addTransceiver("audio");
      await other.setLocalDescription();
      const handled = ends.ada.link.receive("rtc.offer", { sdp: other.localDescription.sdp });
      ends.ada.link.close();
      return handled.catch((error) => error.name);"""
    assert run(page, script) == "AbortError"
