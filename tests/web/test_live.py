"""What screens see of the server's being away, and what they read when it is back."""

import pytest
from playwright.sync_api import Page

from tests.web.conftest import ORIGIN

pytestmark = pytest.mark.browser

HELPERS = """
const { LiveFeed, follow } = await import("/web/live.js");
const { connectionBanner } = await import("/web/ui/connection.js");
const { ParleyError } = await import("/web/parley-client.js");
for (const id of ["toasts", "said"]) {
  const place = document.createElement("div");
  place.id = id;
  document.body.append(place);
}
const quiet = { acked_seq: 0, head_seq: 0, next_poll_ms: 0, superseded: false, ended: null, messages: [] };
const reply = (more) => ({ body: { ...quiet, ...more } });
const live = (client) => new LiveFeed(client, () => {});
const away = () => ParleyError.network(null);
Object.assign(window, { away, banner: () => document.querySelector("#connection")?.textContent });
"""


def run(page: Page, script: str) -> object:
    return page.evaluate(f"async () => {{ {HELPERS} {script} }}")


@pytest.fixture
def page(still: Page) -> Page:
    assert still.url.startswith(ORIGIN)
    return still


def test_the_server_must_be_away_for_a_moment_before_anything_is_said(page: Page) -> None:
    script = """
      const { client } = await signedIn();
      const feed = live(client);
      document.body.append(connectionBanner(feed.connection));
      window.connection = feed.connection;"""
    run(page, script)
    page.evaluate("connection.heard(false, away())")
    page.clock.run_for(1_400)
    page.evaluate("connection.heard(true)")
    page.clock.run_for(5_000)
    assert page.evaluate("banner()") == ""
    page.evaluate("connection.heard(false, away())")
    page.clock.run_for(1_600)
    assert page.evaluate("banner()") == "Connection lost – trying again …"
    page.evaluate("connection.heard(true)")
    assert page.evaluate("banner()") == ""


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("ParleyError.foreign({ status: 200 })", "Does this network want you to sign in?"),
        ("new ParleyError({ code: 'unavailable', status: 503 })", "The server is busy or being restarted."),
    ],
)
def test_the_banner_says_what_is_known(page: Page, answer: str, words: str) -> None:
    script = f"""
      const {{ client }} = await signedIn();
      const feed = live(client);
      document.body.append(connectionBanner(feed.connection));
      feed.connection.heard(false, {answer});"""
    run(page, script)
    page.clock.run_for(1_600)
    assert words in page.evaluate("banner()")


def test_a_screen_that_could_not_be_read_is_read_again_without_a_word(page: Page) -> None:
    script = """
      const { client } = await signedIn();
      window.reads = 0;
      follow(live(client), () => false, async () => {
        reads += 1;
        if (reads < 3) throw away();
      });"""
    run(page, script)
    page.clock.run_for(20_000)
    assert page.evaluate("reads") == 3
    assert page.evaluate("document.querySelectorAll('.toast').length") == 0


def test_a_screen_that_never_can_be_read_says_so_once_though_the_server_answers_others(page: Page) -> None:
    script = """
      const { client } = await signedIn();
      window.reads = 0;
      const broken = new ParleyError({ code: "internal_error", status: 500, detail: "Something broke." });
      window.end = follow(live(client), () => false, async () => { reads += 1; throw broken; });"""
    run(page, script)
    page.clock.run_for(60_000)
    assert page.evaluate("reads") > 5
    assert page.evaluate("document.querySelectorAll('#said p').length") == 1
    page.evaluate("end()")
    before = page.evaluate("reads")
    page.clock.run_for(60_000)
    assert page.evaluate("reads") == before


def test_while_the_banner_says_it_the_screens_don_t(page: Page) -> None:
    script = """
      const { client } = await signedIn();
      const feed = live(client);
      window.reads = 0;
      window.isAway = true;
      window.connection = feed.connection;
      connection.heard(false, away());
      follow(feed, () => false, async () => { reads += 1; if (isAway) throw away(); });"""
    run(page, script)
    page.clock.run_for(60_000)
    assert page.evaluate("document.querySelectorAll('.toast').length") == 0
    page.evaluate("() => { isAway = false; reads = 0; connection.heard(true); }")
    page.clock.run_for(200)  # at once, not when the back-off is over
    assert page.evaluate("reads") == 1
    page.clock.run_for(60_000)
    assert page.evaluate("reads") == 1


@pytest.mark.parametrize(
    "event", ["dispatchEvent(new Event('focus'))", "document.dispatchEvent(new Event('visibilitychange'))"]
)
def test_the_window_that_is_looked_at_takes_the_poll_back_and_reads_again(page: Page, event: str) -> None:
    script = f"""
      const {{ client, calls }} = await signedIn(reply(), reply({{ superseded: true }}), reply());
      const feed = live(client);
      const reread = new Promise((resolve) => feed.addEventListener("reread", resolve));
      await feed.start();
      const before = calls.length;
      {event};
      await reread;
      {event};
      return [before, calls.length];"""
    assert run(page, script) == [2, 3]


def test_the_same_notice_is_not_shown_twice(page: Page) -> None:
    script = """
      const { toast } = await import("/web/ui/dom.js");
      for (const text of ["The server can't be reached.", "Invited.", "The server can't be reached."]) toast(text);
      return [...document.querySelectorAll(".toast p")].map((one) => one.textContent);"""
    assert run(page, script) == ["Invited.", "The server can't be reached."]
