"""What a call does with the messages of its inbox."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.web.conftest import ORIGIN

pytestmark = pytest.mark.browser

MEETING = Path(__file__).with_name("fake_meeting.js").read_text()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    context.add_init_script(MEETING)
    page = context.new_page()
    page.goto(f"{ORIGIN}/blank")
    return page


def run(page: Page, script: str) -> Any:
    return page.evaluate(f"async () => {{ {script} }}")


def test_when_media_moves_every_connection_is_made_anew(page: Page) -> None:
    script = """
      const meeting = new FakeMeeting();
      const { ada, bo } = await gather(meeting, "ada", "bo");
      await seeEachOther(ada, bo);
      const old = [ada.links.get("bo").connection, bo.links.get("ada").connection];
      meeting.configVersion = 2;
      meeting.tell("media.moved", { mode: "p2p", config_version: 2 });
      await until(() => old.every((one) => one.connectionState === "closed"), "the old ones are closed");
      await seeEachOther(ada, bo);
      return [ada.rtc.config_version, ada.links.size, bo.links.size];"""
    assert run(page, script) == [2, 1, 1]


def test_media_may_move_to_a_mock_and_back(page: Page) -> None:
    script = """
      const meeting = new FakeMeeting();
      const { ada, bo } = await gather(meeting, "ada", "bo");
      await seeEachOther(ada, bo);
      meeting.inboxes.set("sfu", { messages: [], wake: () => {} });
      meeting.mode = "mock";
      meeting.tell("media.moved", { mode: "mock", config_version: 2 });
      const offers = () => meeting.inboxes.get("sfu").messages.filter(({ type }) => type === "rtc.offer");
      await until(() => offers().length === 2, "both offer to the mock");
      const inTheMock = [[...ada.links.keys()], ada.view("bo").state];
      meeting.mode = "p2p";
      meeting.tell("media.moved", { mode: "p2p", config_version: 3 });
      await seeEachOther(ada, bo);
      return [inTheMock, [...ada.links.keys()]];"""
    assert run(page, script) == [[["sfu"], "mock"], ["bo"]]


def test_a_media_server_is_offered_our_tracks_and_asked_for_those_of_the_others(page: Page) -> None:
    script = """
      const meeting = new FakeMeeting({ mode: "sfu" });
      const said = (meeting.enter("sfu", { kind: "sfu" }), meeting.inboxes.get("sfu").messages);
      const { ada } = await gather(meeting, "ada");
      const signals = (type) => said.filter((message) => message.type === type).map(({ payload }) => payload);
      await until(() => signals("rtc.offer").length === 1 && signals("rtc.subscribe").length === 1, "both");
      const [offer] = signals("rtc.offer");
      const stale = { connection: "publish", negotiation: offer.negotiation - 1, sdp: "of an offer before" };
      meeting.deliver("ada", "rtc.answer", stale, { participant_id: "sfu", epoch: 1 });
      await until(() => ada.entries.some(({ event }) => event === "answer_ignored"), "it is ignored");
      return [
        offer.connection, offer.tracks.map(({ source }) => source), offer.sdp.match(/a=send\\w+/g),
        signals("rtc.subscribe")[0], signals("rtc.candidate").length,
        ada.entries.filter(({ event }) => event === "message_failed").length,
      ];"""
    assert run(page, script) == [
        "publish",
        ["microphone", "camera"],
        ["a=sendonly", "a=sendonly"],
        {"connection": "subscribe", "fresh": True},
        0,
        0,
    ]


def test_without_a_media_server_everybody_waits_for_the_next(page: Page) -> None:
    script = """
      const meeting = new FakeMeeting({ mode: "sfu" });
      const { ada } = await gather(meeting, "ada");
      meeting.enter("bo");
      await until(() => ada.people.has("bo") && ada.links.has("sfu"), "bo, and the first server");
      const offersOf = (id) => meeting.inboxes.get(id)?.messages.filter(({ type }) => type === "rtc.offer").length;
      meeting.sfuId = null;
      meeting.tell("media.moved", { mode: "sfu", config_version: 2, sfu_participant_id: null });
      await until(() => ada.links.size === 0 && ada.rtc.sfu_participant_id === null, "none is there");
      const meanwhile = ada.view("bo").state;
      meeting.enter("second", { kind: "sfu" });
      meeting.sfuId = "second";
      meeting.tell("media.moved", { mode: "sfu", config_version: 3, sfu_participant_id: "second" });
      await until(() => offersOf("second") === 1, "the next is offered");
      meeting.enter("third", { kind: "sfu" });
      meeting.sfuId = "third"; // and that it moved was left out of a full inbox
      meeting.configVersion += 1;
      meeting.deliver("ada", "inbox.reset", { reason: "full" });
      await until(() => offersOf("third") === 1, "the one after it, too");
      return [meanwhile, [...ada.links.keys()]];"""
    assert run(page, script) == ["reconnecting", ["third"]]


def test_a_replaced_device_is_met_with_a_new_connection(page: Page) -> None:
    script = """
      const meeting = new FakeMeeting();
      const { ada, bo } = await gather(meeting, "ada", "bo");
      await seeEachOther(ada, bo);
      const old = ada.links.get("bo").connection;
      const participant = { ...meeting.participants.get("bo"), epoch: 2 };
      meeting.participants.set("bo", participant);
      meeting.deliver("ada", "participant.updated", { participant });
      await until(() => old.connectionState === "closed", "the old one is closed");
      const before = ada.entries.filter(({ event }) => event === "message_failed").length;
      const stale = { participant_id: "bo", epoch: 1 };
      meeting.deliver("ada", "rtc.offer", { sdp: "v=0 of a connection that is gone" }, stale);
      meeting.deliver("ada", "participant.updated", { participant: { ...participant, hand: true } });
      await until(() => ada.people.get("bo").hand, "what came later is handled");
      return [ada.links.size, ada.entries.filter(({ event }) => event === "message_failed").length - before];"""
    assert run(page, script) == [1, 0]


def test_after_a_reset_the_state_is_read_again(page: Page) -> None:
    script = """
      const meeting = new FakeMeeting();
      const { ada, bo } = await gather(meeting, "ada", "bo");
      await seeEachOther(ada, bo);
      const link = ada.links.get("bo").connection;
      meeting.participants.get("bo").state = "left";
      const came = { state: "joined", joined_at: "2000-01-01T00:00:00Z" };
      const cleo = { ...meeting.participants.get("bo"), id: "cleo", ...came };
      meeting.participants.set("cleo", cleo);
      meeting.deliver("ada", "inbox.reset", { reason: "full" });
      await until(() => ada.people.has("cleo"), "the newcomer");
      return [[...ada.people.keys()], [...ada.links.keys()], link.connectionState];"""
    assert run(page, script) == [["ada", "cleo"], ["cleo"], "closed"]


def test_a_message_that_can_not_be_handled_does_not_stop_those_behind_it(page: Page) -> None:
    script = """
      const meeting = new FakeMeeting();
      const { ada } = await gather(meeting, "ada");
      const bo = meeting.enter("bo");
      meeting.deliver("ada", "rtc.offer", { sdp: "v=0 and no sense" }, { participant_id: "bo", epoch: 1 });
      meeting.deliver("ada", "something.unheard.of", {});
      meeting.deliver("ada", "participant.left", { participant: { ...bo, state: "left", left_reason: "left" } });
      const failed = () => ada.entries.some(({ event }) => event === "message_failed");
      await until(() => ada.people.size === 1 && failed(), "all of them");
      return [...ada.people.keys()];"""
    assert run(page, script) == ["ada"]


def test_while_the_server_is_away_nothing_is_torn_down_and_nothing_forgotten(page: Page) -> None:
    script = """
      const meeting = new FakeMeeting();
      const { ada, bo } = await gather(meeting, "ada", "bo");
      await seeEachOther(ada, bo);
      const links = [ada, bo].map((call) => [...call.links.values()][0].connection);
      await until(() => meeting.requests.includes("PATCH /participants/ada"), "what ada sends is told");
      const patches = () => meeting.requests.filter((request) => request === "PATCH /participants/ada").length;
      const told = patches();
      await meeting.goAway();
      await until(() => !ada.online && !bo.online, "both notice");
      ada.media.setMuted(true);
      await until(() => ada.entries.some(({ event }) => event === "own_state_not_told"), "it could not be told");
      const kept = links.map((one) => one.connectionState);
      meeting.away = null;
      await until(() => ada.online && bo.online, "both are back");
      await until(() => patches() > told, "it is told now");
      return [kept, patches() - told, ada.entries.filter(({ event }) => event === "begin_anew").length];"""
    assert run(page, script) == [["connected", "connected"], 1, 0]


def test_a_lost_connection_makes_the_inbox_ask_at_once_and_then_begins_a_restart(page: Page) -> None:
    """Nobody tells of some changes of network: then the parked poll is as dead as the connection."""
    script = """
      const meeting = new FakeMeeting();
      const { ada, bo } = await gather(meeting, "ada", "bo");
      await seeEachOther(ada, bo);
      const pc = [...ada.links.values()][0].connection;
      const fragment = () => /a=ice-ufrag:(\\S+)/.exec(pc.localDescription.sdp)[1];
      const before = fragment();
      const { polls } = meeting.inboxes.get("ada");
      Object.defineProperty(pc, "connectionState", { get: () => "disconnected", configurable: true });
      pc.dispatchEvent(new Event("connectionstatechange"));
      await until(() => meeting.inboxes.get("ada").polls > polls, "a poll");
      await until(() => fragment() !== before && pc.signalingState === "stable", "a restart");
      delete pc.connectionState;
      pc.dispatchEvent(new Event("connectionstatechange"));
      return [...ada.links.values()][0].state;"""
    assert run(page, script) == "connected"


def test_what_a_message_asks_for_is_read_when_the_server_is_back(page: Page) -> None:
    script = """
      const meeting = new FakeMeeting();
      const { ada } = await gather(meeting, "ada");
      const { ParleyError } = await import("/web/parley-client.js");
      const cleo = { ...meeting.participants.get("ada"), id: "cleo" };
      meeting.participants.set("cleo", cleo);
      const list = meeting.participants.values.bind(meeting.participants);
      let failures = 2;
      meeting.participants.values = () => {
        if (failures-- > 0) throw ParleyError.network(null);
        return list();
      };
      meeting.deliver("ada", "inbox.reset", { reason: "full" });
      await until(() => ada.people.has("cleo"), "the newcomer");
      return ada.entries.filter(({ event }) => event === "message_failed").length;"""
    assert run(page, script) == 0


def test_whoever_is_let_in_while_the_server_is_away_comes_in_when_it_is_back(page: Page) -> None:
    script = """
      const meeting = new FakeMeeting();
      const enter = meeting.enter.bind(meeting);
      meeting.enter = (id) => enter(id, { state: "waiting" });
      const { ada } = await gather(meeting, "ada");
      const { ParleyError } = await import("/web/parley-client.js");
      const list = meeting.participants.values.bind(meeting.participants);
      let failures = 1;
      meeting.participants.values = () => {
        if (failures-- > 0) throw ParleyError.network(null);
        return list();
      };
      const participant = { ...meeting.participants.get("ada"), state: "joined" };
      meeting.participants.set("ada", participant);
      const before = ada.state;
      meeting.deliver("ada", "participant.updated", { participant });
      await until(() => ada.state === "live" && failures < 0, "ada is in");
      return [before, ada.self.state];"""
    assert run(page, script) == ["waiting", "joined"]


def test_ice_servers_that_can_not_be_renewed_are_used_as_they_are(page: Page) -> None:
    script = """
      const meeting = new FakeMeeting();
      meeting.iceExpiresAt = new Date(Date.now() + 30_000).toISOString();
      const { ada } = await gather(meeting, "ada");
      meeting.away = null;
      const { ParleyError } = await import("/web/parley-client.js");
      Object.defineProperty(meeting, "config", { get: () => { throw ParleyError.network(null); } });
      meeting.enter("bo");
      await until(() => ada.links.get("bo")?.connection, "bo is linked");
      const say = ({ event }) => event === "ice_servers_not_renewed" || event === "message_failed";
      return ada.entries.filter(say).map(({ event }) => event);"""
    assert run(page, script) == ["ice_servers_not_renewed"]


@pytest.mark.parametrize(("ahead_h", "asked"), [(-5, 0), (5, 1)])
def test_their_expiry_is_one_of_the_servers_clock(page: Page, ahead_h: int, asked: int) -> None:
    script = f"""
      const meeting = new FakeMeeting();
      meeting.aheadMs = {ahead_h} * 3_600_000;
      const lives = {asked} ? 30_000 : 1_800_000;
      meeting.iceExpiresAt = new Date(Date.now() + meeting.aheadMs + lives).toISOString();
      const {{ ada }} = await gather(meeting, "ada");
      meeting.enter("bo");
      await until(() => ada.links.has("bo"), "bo is linked");
      return meeting.requests.filter((request) => request.endsWith("/rtc/config")).length;"""
    assert run(page, script) == asked


def test_ice_servers_are_asked_for_again_before_their_credentials_expire(page: Page) -> None:
    script = """
      const meeting = new FakeMeeting();
      meeting.iceExpiresAt = new Date(Date.now() + 30_000).toISOString();
      const { ada } = await gather(meeting, "ada");
      meeting.iceExpiresAt = new Date(Date.now() + 3_600_000).toISOString();
      meeting.enter("bo");
      await until(() => ada.links.has("bo"), "bo is linked");
      meeting.enter("cleo");
      await until(() => ada.links.has("cleo"), "cleo is linked");
      return meeting.requests.filter((request) => request.endsWith("/rtc/config")).length;"""
    assert run(page, script) == 1


def test_the_log_describes_signals_without_their_secrets(page: Page) -> None:
    script = """
      const meeting = new FakeMeeting();
      const { ada, bo } = await gather(meeting, "ada", "bo");
      await seeEachOther(ada, bo);
      const sdp = ada.links.get("bo").connection.localDescription.sdp;
      const secrets = [...sdp.matchAll(/a=(?:ice-pwd|ice-ufrag|fingerprint):(.+)/g)].map(([, secret]) => secret.trim());
      const text = JSON.stringify([ada.entries, bo.entries]);
      return [
        secrets.filter((secret) => text.includes(secret)).length,
        bo.entries.find(({ type }) => type === "rtc.offer").media,
        ada.entries.find(({ type }) => type === "rtc.candidate").candidate,
      ];"""
    leaked, media, candidate = run(page, script)
    assert leaked == 0
    assert media == ["audio sendrecv", "video sendrecv"]
    assert candidate == "host udp"
