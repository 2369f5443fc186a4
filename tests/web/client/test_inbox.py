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


def test_waking_does_not_cut_what_retry_after_asks_for(still: Page) -> None:
    script = """
      const { client, calls } = await signedIn(problem(503, "unavailable", {}, { "Retry-After": "30" }));
      window.client = client;
      window.polled = () => polls(calls).length;
      (async () => { for await (const _ of new Inbox(client)); })();"""
    run(still, script)
    still.evaluate("() => { client.wake('network'); client.wake('seen'); }")
    still.clock.run_for(29_000)
    assert still.evaluate("polled()") == 1
    still.clock.run_for(1_000)
    assert still.evaluate("polled()") == 2


@pytest.mark.parametrize("reason", ["slept", "network"])
def test_when_the_device_comes_back_the_parked_poll_is_given_up_for_one_from_the_same_cursor(
    blank: Page, reason: str
) -> None:
    script = f"""
      const {{ client, calls }} = await signedIn(reply([message(4)]), "silent", reply([], ended));
      const heard = [];
      const onConnection = (online) => heard.push(online);
      const over = (async () => {{ for await (const _ of new Inbox(client, {{ onConnection }})); }})();
      await settle();
      client.wake("{reason}");
      await over;
      return [polls(calls).map((query) => [query.after ?? null, query.wait]), heard];"""
    asked = [[None, "0"], ["4", "25"], ["4", "0"]]  # the last tells at once whether the server answers
    assert run(blank, script) == [asked, [True, True]]  # nothing was lost, so nothing is said


def test_a_look_at_the_page_leaves_the_parked_poll_alone(blank: Page) -> None:
    script = """
      const { client, calls } = await signedIn(reply([]), "silent");
      const inbox = new Inbox(client);
      (async () => { for await (const _ of inbox); })();
      await settle();
      client.wake("seen");
      await settle();
      inbox.stop();
      return polls(calls).length;"""
    assert run(blank, script) == 2


def test_whoever_looks_at_the_page_after_a_while_is_not_left_with_a_poll_that_may_be_dead(still: Page) -> None:
    script = """
      const { client, calls } = await signedIn(reply([]), "silent", reply([], ended));
      window.client = client;
      window.asked = () => polls(calls).map((query) => query.wait);
      window.over = (async () => { for await (const _ of new Inbox(client)); })();"""
    run(still, script)
    still.clock.fast_forward(4_000)
    still.evaluate("client.wake('seen')")
    assert still.evaluate("asked()") == ["0", "25"]
    still.clock.fast_forward(2_000)
    still.evaluate("client.wake('seen')")
    still.evaluate("() => window.over")
    assert still.evaluate("asked()") == ["0", "25", "0"]


def test_an_inbox_that_is_over_is_not_woken(blank: Page) -> None:
    script = """
      const { client, calls } = await signedIn(reply([], ended));
      for await (const _ of new Inbox(client));
      client.wake("slept");
      await settle();
      return polls(calls).length;"""
    assert run(blank, script) == 1


@pytest.mark.parametrize(
    "answer",
    ["page(200, '<h1>Welcome to our hotel</h1>')", "page(404, 'Not here')", "page(403, 'No')", "page(502, 'Bad')",
     "page(401, 'Sign in to the proxy')", "{ body: {} }", "{ body: null }", "{ text: '' }", "{ status: 204 }",
     "{ status: 404, body: { code: 404, message: 'no such host' } }"],
)  # fmt: skip
def test_what_something_on_the_way_answers_is_not_the_servers_last_word(blank: Page, answer: str) -> None:
    script = f"""
      const {{ client, calls }} = await signedIn(reply([message(1)]), {answer}, reply([message(2)], ended));
      const seen = [], heard = [];
      const onConnection = (online, error) => heard.push(error?.code ?? online);
      for await (const {{ seq }} of new Inbox(client, {{ onConnection, sleep: async () => {{}} }})) seen.push(seq);
      return [seen, heard, polls(calls).map((query) => query.after ?? null), client.user.display_name];"""
    expected = [[1, 2], [True, "unexpected_answer", True], [None, "1", "1"], "Ada"]
    assert run(blank, script) == expected


def test_a_server_that_answers_with_nothing_at_once_is_not_stormed(blank: Page) -> None:
    script = """
      const answers = [reply([]), reply([]), reply([]), reply([]), reply([message(1)]), reply([]), reply([], ended)];
      const { client } = await signedIn(...answers);
      const waits = [];
      const sleep = async (ms) => { waits.push(ms); };
      for await (const _ of new Inbox(client, { sleep, random: () => 1 }));
      return waits;"""
    assert run(blank, script) == [500, 1000, 2000, 500]  # the first poll did not ask to wait


def test_polls_that_a_proxy_cuts_become_shorter_until_one_ends_in_time(still: Page) -> None:
    script = """
      const { ParleyClient } = await import("/web/parley-client.js");
      window.waits = [];
      const fetch = async (url) => {
        if (url.endsWith("/login")) return Response.json(tokens().body);
        const wait = Number(new URL(url, location.origin).searchParams.get("wait"));
        waits.push(wait);
        await new Promise((resolve) => setTimeout(resolve, Math.min(wait, 10) * 1000));
        if (wait > 10) throw new TypeError("Failed to fetch");
        return Response.json(reply([]).body);
      };
      const client = new ParleyClient({ fetch });
      await client.login({});
      window.client = client;
      (async () => { for await (const _ of new Inbox(client, { random: () => 0 })); })();"""
    run(still, script)
    for _ in range(40):
        still.clock.run_for(1_000)
    assert still.evaluate("waits") == [0, 25, 0, 25, 0, 7, 7, 7]
    still.evaluate("client.wake('network')")  # perhaps to one without that proxy
    for _ in range(7):
        still.clock.run_for(1_000)
    assert still.evaluate("waits.at(-1)") == 25


def test_polling_needs_no_timer_so_it_goes_on_in_a_hidden_page(still: Page) -> None:
    """Browsers let timers of hidden pages run once a minute; here none ever runs."""
    script = """
      const messages = [1, 2, 3, 4].map((seq) => reply([message(seq)]));
      const { client } = await signedIn(reply([]), ...messages, reply([message(5)], ended));
      const seen = [];
      for await (const { seq } of new Inbox(client)) seen.push(seq);
      return seen;"""
    assert run(still, script) == [1, 2, 3, 4, 5]


def test_a_server_that_forgets_again_and_again_is_not_stormed(blank: Page) -> None:
    script = """
      const ahead = problem(409, "cursor_ahead", { head_seq: 3 });
      const { client } = await signedIn(reply([message(9)]), ahead, ahead, ahead, reply([], ended));
      const waits = [];
      const sleep = async (ms) => { waits.push(ms); };
      for await (const _ of new Inbox(client, { sleep, random: () => 1 }));
      return waits;"""
    assert run(blank, script) == [1000, 2000]


def test_what_a_server_tells_that_has_forgotten_is_news(blank: Page) -> None:
    script = """
      const ahead = problem(409, "cursor_ahead", { head_seq: 3 });
      const { client } = await signedIn(reply([message(9)]), ahead, reply([message(4)], ended));
      const inbox = new Inbox(client);
      const news = [];
      for await (const { seq, type } of inbox) if (type === "test") news.push([seq, seq > inbox.headAtStart]);
      return news;"""
    assert run(blank, script) == [[9, False], [4, True]]


def test_the_repeat_does_not_wait_so_that_one_knows_at_once_that_the_server_is_back(blank: Page) -> None:
    script = """
      const { client, calls } = await signedIn(reply([]), "offline", "offline", reply([]), "silent");
      const heard = [];
      const onConnection = (online) => heard.push(online);
      const inbox = new Inbox(client, { onConnection, sleep: async () => {} });
      (async () => { for await (const _ of inbox); })();
      await settle();
      inbox.stop();
      return [polls(calls).map((query) => query.wait), heard];"""
    assert run(blank, script) == [["0", "25", "0", "0", "25"], [True, False, False, True]]


def test_a_superseded_poll_stops_and_does_not_fight(blank: Page) -> None:
    script = """
      const { client, calls } = await signedIn(reply([], { superseded: true }), reply([message(1)]));
      const inbox = new Inbox(client);
      for await (const _ of inbox);
      return [inbox.ended, calls.length];"""
    assert run(blank, script) == [{"reason": "superseded"}, 1]


def test_a_repeat_that_is_superseded_polls_once_more(blank: Page) -> None:
    """Behind a proxy the poll that got no answer may reach the server after the one in its place."""
    script = """
      const { client, calls } = await signedIn(
        reply([message(1)]), "offline", reply([], { superseded: true }), reply([message(2)], ended));
      const seen = [];
      for await (const { seq } of new Inbox(client, { sleep: async () => {} })) seen.push(seq);
      return [seen, polls(calls).map((query) => query.after ?? null)];"""
    assert run(blank, script) == [[1, 2], [None, "1", "1", "1"]]


def test_so_does_the_one_after_a_repeat_that_did_not_wait(blank: Page) -> None:
    script = """
      const { client, calls } = await signedIn(
        reply([]), "offline", reply([]), reply([], { superseded: true }), reply([], ended));
      const inbox = new Inbox(client, { sleep: async () => {} });
      for await (const _ of inbox);
      return [polls(calls).length, inbox.ended.reason];"""
    assert run(blank, script) == [5, "meeting_ended"]


def test_a_repeat_after_waking_up_polls_once_more_too(blank: Page) -> None:
    script = """
      const { client, calls } = await signedIn(
        reply([]), "silent", reply([], { superseded: true }), reply([], ended));
      const inbox = new Inbox(client);
      const over = (async () => { for await (const _ of inbox); })();
      await settle();
      client.wake("slept");
      await over;
      return [polls(calls).length, inbox.ended.reason];"""
    assert run(blank, script) == [4, "meeting_ended"]


def test_whoever_is_superseded_again_stops_though_it_repeats(blank: Page) -> None:
    script = """
      const taken = reply([], { superseded: true });
      const { client, calls } = await signedIn(reply([]), "offline", taken, "offline", taken, reply([]));
      const inbox = new Inbox(client, { sleep: async () => {} });
      for await (const _ of inbox);
      return [polls(calls).length, inbox.ended.reason];"""
    assert run(blank, script) == [5, "superseded"]


def test_of_two_loops_that_repeat_at_the_same_time_one_remains(blank: Page) -> None:
    script = """
      const { ParleyClient } = await import("/web/parley-client.js");
      let parked = null, away = false, count = 0;
      const answer = (more) => Response.json(reply([], more).body);
      const fetch = (url, { signal }) => {
        if (url.endsWith("/login")) return Promise.resolve(Response.json(tokens().body));
        if (away) return Promise.reject(new TypeError("Failed to fetch"));
        count += 1;
        parked?.resolve(answer({ superseded: true }));
        parked = null;
        if (url.includes("wait=0")) return Promise.resolve(answer());
        return new Promise((resolve, reject) => {
          parked = { resolve, reject };
          signal.addEventListener("abort", () => reject(new DOMException("Aborted", "AbortError")));
        });
      };
      const inboxes = [];
      const open = async () => {
        const client = new ParleyClient({ fetch });
        await client.login({});
        const inbox = new Inbox(client, { sleep: () => settle() });
        inboxes.push(inbox);
        (async () => { for await (const _ of inbox); })();
        return client;
      };
      const clients = [await open()];
      await settle();
      away = true;
      parked.reject(new TypeError("Failed to fetch"));
      parked = null;
      clients.push(await open());
      await settle(); // both are trying
      away = false;
      for (let tries = 0; tries < 20; tries += 1) await settle();
      const before = count;
      for (let tries = 0; tries < 5; tries += 1) await settle();
      const open_ones = inboxes.filter((inbox) => !inbox.ended).length;
      for (const inbox of inboxes) inbox.stop();
      return [open_ones, count - before, count < 15];"""
    assert run(blank, script) == [1, 0, True]


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


def test_a_poll_that_stays_silent_far_too_long_is_given_up(still: Page) -> None:
    script = """
      const { client, calls } = await signedIn(reply([]), "silent", reply([], ended));
      window.calls = calls;
      const inbox = new Inbox(client, { waitS: 25, sleep: async () => {} });
      window.over = (async () => { for await (const _ of inbox); })();"""
    run(still, script)
    still.clock.fast_forward(25_000)
    assert still.evaluate("calls.length") == 2
    still.clock.fast_forward(10_000)
    still.evaluate("() => window.over")
    assert still.evaluate("calls.filter((call) => call.method === 'GET').length") == 3
