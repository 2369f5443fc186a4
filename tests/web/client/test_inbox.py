"""The polling protocol that `client/inbox.js` documents, rule by rule."""

import pytest
from playwright.sync_api import Page

pytestmark = pytest.mark.browser

HELPERS = """
const { Inbox, RecentIds } = await import("/web/parley-client.js");
const message = (seq, more = {}) => ({ seq, type: "test", event_id: `e${seq}`, payload: {}, ...more });
const quiet = { acked_seq: 0, next_poll_ms: 0, superseded: false, ended: null };
const reply = (messages, more = {}) => ({ body: { ...quiet, messages, head_seq: messages.at(-1)?.seq ?? 0, ...more } });
const polls = (calls) => calls.filter((call) => call.path.endsWith("/rtc/inbox")).map((call) => call.query);
const ended = { ended: { reason: "meeting_ended" } };
"""


def run(page: Page, script: str) -> object:
    return page.evaluate(f"async () => {{ {HELPERS} {script} }}")


def test_the_first_poll_has_no_cursor_and_does_not_wait(blank: Page) -> None:
    script = """
      const { client, calls } = await signedIn(reply([]));
      const inbox = new Inbox(client, { participantId: "p1", waitS: 25 });
      (async () => { for await (const _ of inbox); })();
      await settle();
      inbox.stop();
      return polls(calls);"""
    assert run(blank, script) == [
        {"participant_id": "p1", "wait": "0"},
        {"participant_id": "p1", "wait": "25", "after": "0", "ack": "0"},
    ]


def test_a_message_is_acknowledged_only_after_its_handler_has_run(blank: Page) -> None:
    script = """
      const { client, calls } = await signedIn(reply([message(7)]));
      let finish;
      const inbox = new Inbox(client);
      (async () => { for await (const _ of inbox) await new Promise((resolve) => { finish = resolve; }); })();
      await settle();
      const whileHandling = polls(calls).length;
      finish();
      await settle();
      inbox.stop();
      return [whileHandling, polls(calls)[1].ack];"""
    assert run(blank, script) == [1, "7"]


def test_a_message_whose_handler_fails_is_not_acknowledged(blank: Page) -> None:
    script = """
      const { client, calls } = await signedIn(reply([message(1), message(2)]));
      const inbox = new Inbox(client);
      try {
        for await (const { seq } of inbox) if (seq === 2) throw new Error("broken");
      } catch {}
      return [inbox.handled, calls.length];"""
    assert run(blank, script) == [1, 1]


def test_what_is_delivered_again_is_handled_once(blank: Page) -> None:
    script = """
      const { client } = await signedIn(
        reply([message(1), message(2)]), reply([message(1), message(2), message(3)], ended));
      const seen = [];
      for await (const { seq } of new Inbox(client)) seen.push(seq);
      return seen;"""
    assert run(blank, script) == [1, 2, 3]


def test_an_event_that_comes_through_two_inboxes_is_handled_once(blank: Page) -> None:
    script = """
      const { client } = await signedIn(
        reply([message(1, { event_id: "same" })], { superseded: true }),
        reply([message(5, { event_id: "same" }), message(6, { event_id: "other" })], { superseded: true }));
      const seen = new RecentIds();
      const handled = [];
      for await (const { seq } of new Inbox(client, { seen })) handled.push(seq);
      const second = new Inbox(client, { seen, participantId: "p1" });
      for await (const { seq } of second) handled.push(seq);
      return [handled, second.handled];"""
    assert run(blank, script) == [[1, 6], 6]


def test_only_so_many_event_ids_are_remembered(blank: Page) -> None:
    script = """
      const ids = new RecentIds(2);
      for (const id of ["a", "b", "c"]) ids.add(id);
      return ["a", "b", "c"].map((id) => ids.has(id));"""
    assert run(blank, script) == [False, True, True]


def test_failures_are_followed_by_longer_and_longer_waits_with_full_jitter(blank: Page) -> None:
    script = """
      const refusals = ["offline", problem(503, "unavailable"), "offline", "offline", "offline", "offline", "offline"];
      const { client, calls } = await signedIn(...refusals, reply([]), "offline", reply([], ended));
      const waits = [];
      const sleep = async (ms) => { waits.push(ms); };
      for await (const _ of new Inbox(client, { sleep, random: () => 0.5 }));
      return waits;"""
    # Half of 500 ms doubled again and again, never more than half of 10 s; after an answer it begins anew.
    assert run(blank, script) == [250, 500, 1000, 2000, 4000, 5000, 5000, 250]


def test_retry_after_is_the_least_wait(blank: Page) -> None:
    script = """
      const limited = problem(429, "rate_limited", {}, { "Retry-After": "7" });
      const { client } = await signedIn(limited, reply([], ended));
      const waits = [];
      for await (const _ of new Inbox(client, { sleep: async (ms) => { waits.push(ms); }, random: () => 1 }));
      return waits;"""
    assert run(blank, script) == [7000]


def test_the_pause_that_the_server_asks_for_is_kept(blank: Page) -> None:
    script = """
      const { client } = await signedIn(reply([], { next_poll_ms: 1000 }), reply([], ended));
      const waits = [];
      for await (const _ of new Inbox(client, { sleep: async (ms) => { waits.push(ms); } }));
      return waits;"""
    assert run(blank, script) == [1000]


def test_waking_ends_the_wait_at_once(blank: Page) -> None:
    script = """
      const { client, calls } = await signedIn("offline", reply([], ended));
      const inbox = new Inbox(client, { random: () => 1e6 });
      const over = (async () => { for await (const _ of inbox); })();
      await settle();
      inbox.wake();
      await over;
      return calls.filter((call) => call.method === "GET").length;"""
    assert run(blank, script) == 2


def test_whoever_shows_the_connection_hears_of_its_loss_and_return(blank: Page) -> None:
    script = """
      const { client } = await signedIn("offline", reply([], ended));
      const heard = [];
      const onConnection = (online, error) => heard.push([online, error?.code ?? null]);
      for await (const _ of new Inbox(client, { onConnection, sleep: async () => {} }));
      return heard;"""
    assert run(blank, script) == [[False, "network_error"], [True, None]]


def test_a_superseded_poll_stops_and_does_not_fight(blank: Page) -> None:
    script = """
      const { client, calls } = await signedIn(reply([], { superseded: true }), reply([message(1)]));
      const inbox = new Inbox(client);
      for await (const _ of inbox);
      return [inbox.ended, calls.length];"""
    assert run(blank, script) == [{"reason": "superseded"}, 1]


def test_the_last_reply_is_handled_and_acknowledged_before_the_end(blank: Page) -> None:
    script = """
      const { client, calls } = await signedIn(reply([message(1), message(2)], ended), { body: {} });
      const inbox = new Inbox(client, { participantId: "p1" });
      const seen = [];
      for await (const { seq } of inbox) seen.push(seq);
      return [seen, inbox.ended, calls.at(-1).path, calls.at(-1).body];"""
    expected = [[1, 2], {"reason": "meeting_ended"}, "/api/v1/rtc/ack", {"participant_id": "p1", "up_to": 2}]
    assert run(blank, script) == expected


def test_a_closed_inbox_stops_it_with_the_reason(blank: Page) -> None:
    script = """
      const { client, calls } = await signedIn(problem(410, "inbox_closed", { reason: "timed_out" }));
      const inbox = new Inbox(client);
      for await (const _ of inbox);
      return [inbox.ended, calls.length];"""
    assert run(blank, script) == [{"reason": "timed_out"}, 1]


def test_a_server_that_forgot_is_followed_and_the_state_read_again(blank: Page) -> None:
    script = """
      const { client, calls } = await signedIn(
        reply([message(9)]), problem(409, "cursor_ahead", { head_seq: 3 }), reply([message(4)], ended));
      const seen = [];
      for await (const { type, seq } of new Inbox(client)) seen.push([type, seq]);
      return [seen, polls(calls).map((query) => query.after ?? null)];"""
    assert run(blank, script) == [[["test", 9], ["inbox.reset", 3], ["test", 4]], [None, "9", "3"]]


def test_stopping_ends_a_parked_poll_at_once(blank: Page) -> None:
    script = """
      const { client } = await signedIn("silent");
      const inbox = new Inbox(client);
      const over = (async () => { for await (const _ of inbox); })();
      await settle();
      inbox.stop("left");
      await over;
      return inbox.ended;"""
    assert run(blank, script) == {"reason": "left"}


def test_a_poll_that_stays_silent_far_too_long_is_given_up(blank: Page) -> None:
    blank.clock.install()
    script = """
      const { client, calls } = await signedIn(reply([]), "silent", reply([], ended));
      window.calls = calls;
      const inbox = new Inbox(client, { waitS: 25, sleep: async () => {} });
      window.over = (async () => { for await (const _ of inbox); })();"""
    run(blank, script)
    blank.clock.fast_forward(25_000)
    assert blank.evaluate("calls.length") == 2
    blank.clock.fast_forward(10_000)
    blank.evaluate("() => window.over")
    assert blank.evaluate("calls.filter((call) => call.method === 'GET').length") == 3
