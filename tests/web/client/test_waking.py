"""When a device's waking up is told to the client. A closed lid makes the page's clock jump."""

import pytest
from playwright.sync_api import Page

pytestmark = pytest.mark.browser

START = """async (hidden) => {
  const { wakeWithDevice } = await import("/web/parley-client.js");
  const page = new EventTarget();
  page.document = Object.assign(new EventTarget(), { hidden, visibilityState: hidden ? "hidden" : "visible" });
  page.navigator = { connection: Object.assign(new EventTarget(), { type: "wifi" }) };
  const reasons = [];
  const end = wakeWithDevice({ wake: (reason) => reasons.push(reason) }, page);
  Object.assign(window, { page, reasons, end });
}"""
SHOW = """() => {
  page.document.hidden = false;
  page.document.visibilityState = "visible";
  page.document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.fixture
def page(still: Page) -> Page:
    still.evaluate(START, False)
    return still


def reasons(page: Page) -> object:
    return page.evaluate("reasons")


def test_as_long_as_timers_come_in_time_nobody_has_slept(page: Page) -> None:
    page.clock.run_for(600_000)
    assert reasons(page) == []


def test_timers_that_were_due_long_ago_mean_that_the_device_has_slept(page: Page) -> None:
    page.clock.run_for(7_000)
    page.clock.fast_forward(30_000)
    assert reasons(page) == ["slept"]
    page.clock.run_for(60_000)
    assert reasons(page) == ["slept"]


def test_a_steady_clock_that_stood_still_while_the_other_went_on_means_it_too(page: Page) -> None:
    page.clock.run_for(7_000)
    page.evaluate("() => { const real = Date.now; Date.now = () => real() + 3_600_000; }")
    page.clock.run_for(5_000)
    assert reasons(page) == ["slept"]


def test_timers_of_a_hidden_page_may_come_once_a_minute(still: Page) -> None:
    still.evaluate(START, True)
    for _ in range(5):
        still.clock.fast_forward(60_000)
    assert reasons(still) == []
    still.evaluate(SHOW)
    assert reasons(still) == ["seen"]
    still.clock.fast_forward(60_000)
    assert reasons(still) == ["seen", "slept"]


def test_a_hidden_page_that_was_frozen_has_slept_when_it_is_shown(still: Page) -> None:
    still.evaluate(START, True)
    still.evaluate("() => { const real = Date.now; Date.now = () => real() + 200_000; }")
    still.evaluate(SHOW)
    assert reasons(still) == ["slept"]


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ("page.dispatchEvent(new Event('online'))", "network"),
        ("page.dispatchEvent(new Event('offline'))", "network"),
        ("page.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))", "slept"),
        ("page.document.dispatchEvent(new Event('resume'))", "slept"),
    ],
)
def test_what_the_browser_tells_is_passed_on(page: Page, event: str, reason: str) -> None:
    page.evaluate(event)
    assert reasons(page) == [reason]


def test_another_kind_of_network_is_another_network_and_another_speed_is_not(page: Page) -> None:
    change = "page.navigator.connection.dispatchEvent(new Event('change'))"
    page.evaluate(change)
    assert reasons(page) == []
    page.evaluate(f"() => {{ page.navigator.connection.type = 'cellular'; {change}; {change}; }}")
    assert reasons(page) == ["network"]


def test_a_page_that_is_shown_for_the_first_time_wakes_nobody(page: Page) -> None:
    page.evaluate("page.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: false }))")
    assert reasons(page) == []


def test_it_can_be_ended(page: Page) -> None:
    page.evaluate("end()")
    page.evaluate("page.dispatchEvent(new Event('online'))")
    page.clock.fast_forward(60_000)
    assert reasons(page) == []
