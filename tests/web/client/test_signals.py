import pytest
from playwright.sync_api import Page

pytestmark = pytest.mark.browser

HELPERS = """
const { SignalSender } = await import("/web/parley-client.js");
const sender = (client, options = {}) => {
  return new SignalSender(client, "m1", { from: () => "me", sleep: async () => {}, ...options });
};
const sent = (calls) => calls.map((call) => call.body.messages.map((one) => [one.to, one.type]));
const done = { body: { items: [] } };
"""


def run(page: Page, script: str) -> object:
    return page.evaluate(f"async () => {{ {HELPERS} {script} }}")


def test_candidates_are_gathered_into_one_request(blank: Page) -> None:
    script = """
      const { client, calls } = await signedIn(done);
      const { sleep } = await import("/web/client/backoff.js");
      const signals = sender(client, { sleep });
      for (const name of ["a", "b", "c"]) signals.send("bo", "rtc.candidate", { candidate: { candidate: name } });
      await new Promise((resolve) => setTimeout(resolve, 200));
      const { from, messages } = calls[0].body;
      return [calls.length, calls[0].path, from, messages.map((one) => one.payload.candidate.candidate)];"""
    assert run(blank, script) == [1, "/api/v1/meetings/m1/rtc/signals", "me", ["a", "b", "c"]]


def test_an_offer_takes_the_candidates_before_it_along_at_once(blank: Page) -> None:
    script = """
      const { client, calls } = await signedIn(done);
      const { sleep } = await import("/web/client/backoff.js");
      const signals = sender(client, { sleep: (ms, signal) => sleep(ms * 1000, signal) });
      signals.send("bo", "rtc.candidate", { candidate: null });
      signals.send("bo", "rtc.offer", { sdp: "v=0" });
      await settle();
      return sent(calls);"""
    assert run(blank, script) == [[["bo", "rtc.candidate"], ["bo", "rtc.offer"]]]


def test_a_request_that_got_no_answer_is_repeated_with_the_same_references(blank: Page) -> None:
    script = """
      const { client, calls } = await signedIn("offline", problem(503, "unavailable"), done);
      sender(client).send("bo", "rtc.offer", { sdp: "v=0" });
      await settle();
      return calls.map((call) => call.body.messages[0].client_ref);"""
    refs = run(blank, script)
    assert isinstance(refs, list)
    assert len(refs) == 3
    assert len(set(refs)) == 1
    assert len(refs[0]) <= 64


def test_what_one_recipient_can_not_get_does_not_hold_up_another(blank: Page) -> None:
    script = """
      const { client, calls } = await signedIn(problem(429, "inbox_full", {}, { "Retry-After": "60" }), done);
      const sleep = (ms, signal) => new Promise((resolve) => signal.addEventListener("abort", resolve));
      const signals = sender(client, { sleep });
      signals.send("sleepy", "rtc.offer", { sdp: "v=0" });
      signals.send("bo", "rtc.offer", { sdp: "v=0" });
      await settle();
      signals.close();
      return sent(calls);"""
    assert run(blank, script) == [[["sleepy", "rtc.offer"]], [["bo", "rtc.offer"]]]


def test_a_refused_message_is_reported_and_the_next_one_goes_out(blank: Page) -> None:
    script = """
      const { client, calls } = await signedIn(problem(409, "recipient_left"), done);
      const refused = [];
      const signals = sender(client, { onRefused: (error, to) => refused.push([error.code, to]), batch: 1 });
      signals.send("bo", "rtc.offer", { sdp: "v=0" });
      signals.send("bo", "rtc.candidate", { candidate: null });
      await settle();
      return [refused, sent(calls)];"""
    assert run(blank, script) == [[["recipient_left", "bo"]], [[["bo", "rtc.offer"]], [["bo", "rtc.candidate"]]]]


def test_a_batch_is_no_larger_than_the_server_takes(blank: Page) -> None:
    script = """
      const { client, calls } = await signedIn(done, done);
      const signals = sender(client, { batch: 2 });
      for (let at = 0; at < 3; at += 1) signals.send("bo", "rtc.candidate", { candidate: null });
      await settle();
      return calls.map((call) => call.body.messages.length);"""
    assert run(blank, script) == [2, 1]


def test_what_was_queued_for_someone_who_is_forgotten_is_not_sent(blank: Page) -> None:
    script = """
      const { client, calls } = await signedIn("silent", done);
      const signals = sender(client);
      signals.send("bo", "rtc.offer", { sdp: "v=0" });
      await settle();
      signals.send("bo", "rtc.candidate", { candidate: null });
      signals.forget("bo");
      await settle();
      signals.send("bo", "rtc.answer", { sdp: "v=0" });
      await settle();
      return sent(calls);"""
    assert run(blank, script) == [[["bo", "rtc.offer"]], [["bo", "rtc.answer"]]]


def test_when_the_network_is_back_what_waits_goes_out_at_once(blank: Page) -> None:
    script = """
      const { client, calls } = await signedIn("offline", done);
      const { sleep } = await import("/web/client/backoff.js");
      sender(client, { sleep: (ms, signal) => sleep(1e6, signal) }).send("bo", "rtc.offer", { sdp: "v=0" });
      await settle();
      const before = calls.length;
      client.wake("network");
      await settle();
      return [before, calls.length, new Set(calls.map((call) => call.body.messages[0].client_ref)).size];"""
    assert run(blank, script) == [1, 2, 1]


def test_an_answer_that_never_comes_is_not_waited_for_for_ever(still: Page) -> None:
    script = """
      const { client, calls } = await signedIn("silent", done);
      window.calls = calls;
      sender(client).send("bo", "rtc.offer", { sdp: "v=0" });"""
    run(still, script)
    still.clock.run_for(19_000)
    assert still.evaluate("calls.length") == 1
    still.clock.run_for(2_000)
    assert still.evaluate("calls.map((call) => call.body.messages.length)") == [1, 1]
    assert still.evaluate("new Set(calls.map((call) => call.body.messages[0].client_ref)).size") == 1


def test_a_proxys_page_is_no_refusal(blank: Page) -> None:
    script = """
      const { client, calls } = await signedIn(page(404, "No such host"), done);
      const refused = [];
      const signals = sender(client, { sleep: async () => {}, onRefused: (error) => refused.push(error.code) });
      signals.send("bo", "rtc.offer", { sdp: "v=0" });
      await settle();
      return [refused, calls.length];"""
    assert run(blank, script) == [[], 2]
