"""Windows that share one session, and take turns in renewing it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from playwright.sync_api import BrowserContext, Page, Route

from tests.web.conftest import ORIGIN

pytestmark = pytest.mark.browser

OPEN = """async () => {
  const { ParleyClient } = await import("/web/parley-client.js");
  const { SessionStore } = await import("/web/session-store.js");
  window.store = new SessionStore();
  window.client = new ParleyClient({ store });
  window.signedOut = [];
  client.onSignedOut = (code) => signedOut.push(code);
}"""


class StrictServer:
    """Knows one session, whose refresh tokens are `r1`, `r2`, … and work once; its access tokens live too short."""

    def __init__(self) -> None:
        self.current = 1
        self.reused: list[str] = []

    def answer(self, route: Route) -> None:
        now = datetime.now(UTC)
        headers = {"Date": format_datetime(now, usegmt=True)}
        if not route.request.url.endswith("/auth/refresh"):
            route.fulfill(json={"at": self.current}, headers=headers)
            return
        token = route.request.post_data_json["refresh_token"]
        if token != f"r{self.current}":
            self.reused.append(token)
        self.current += 1
        tokens = {
            "user": {"id": "u", "display_name": "Ada"},
            "session_id": "s",
            "access_token": f"a{self.current}",
            "access_expires_at": (now + timedelta(seconds=5)).isoformat(),
            "refresh_token": f"r{self.current}",
        }
        route.fulfill(json=tokens, headers=headers)


@pytest.fixture
def server(context: BrowserContext) -> StrictServer:
    server = StrictServer()
    context.route("**/api/v1/**", server.answer)
    return server


@pytest.fixture
def open_window(context: BrowserContext) -> Callable[[], Page]:
    def open_window() -> Page:
        page = context.new_page()
        page.goto(f"{ORIGIN}/blank")
        page.evaluate(OPEN)
        page.evaluate("() => { store.stay = true; return store.save({ session_id: 's', refresh_token: 'r1' }); }")
        return page

    return open_window


def test_two_windows_that_renew_one_session_at_the_same_time_take_turns(
    server: StrictServer, open_window: Callable[[], Page]
) -> None:
    windows = [open_window(), open_window()]
    for page in windows:  # both are under way before either is waited for
        page.evaluate(
            """() => {
              window.done = (async () => {
                await client.resume();
                for (let times = 0; times < 10; times += 1) await client.get("/meetings");
                return client.user.display_name;
              })();
            }"""
        )
    for page in windows:
        assert page.evaluate("() => done") == "Ada"
        assert page.evaluate("signedOut") == []
    assert server.current > 20
    assert server.reused == []


def test_a_window_that_was_halted_in_its_turn_does_not_halt_the_others(
    server: StrictServer, open_window: Callable[[], Page]
) -> None:
    halted, page = open_window(), open_window()
    halted.evaluate("() => { navigator.locks.request('parley.refresh', () => new Promise(() => {})); }")
    page.clock.install()
    page.evaluate("() => { window.done = client.resume(); }")
    page.wait_for_function("async () => (await navigator.locks.query()).pending.length === 1")
    page.clock.fast_forward(16_000)
    assert page.evaluate("async () => (await done).display_name") == "Ada"


def test_signing_out_in_one_window_signs_the_other_out_at_its_next_turn(
    server: StrictServer, open_window: Callable[[], Page]
) -> None:
    one, other = open_window(), open_window()
    for page in (one, other):
        page.evaluate("() => client.resume()")
    one.evaluate("() => client.logout()")
    code = other.evaluate("() => client.get('/meetings').catch((error) => error.code)")
    assert code == "session_ended"
    assert other.evaluate("signedOut") == ["session_ended"]


def test_what_another_window_has_put_there_is_not_cleared(open_window: Callable[[], Page]) -> None:
    page = open_window()
    page.evaluate("() => store.clear('an older session')")
    assert page.evaluate("async () => (await store.load()).session_id") == "s"
    page.evaluate("() => store.clear('s')")
    assert page.evaluate("() => store.load()") is None


KEEP_GUEST = """async () => {
  const { SessionStore } = await import("/web/session-store.js");
  const [anna, guest] = [new SessionStore(), new SessionStore("k7m-q2xw-8fd")];
  await anna.save({ session_id: "s", refresh_token: "r1" });
  await guest.save({ session_id: "g", refresh_token: "r2" });
  const other = await new SessionStore("aaa-bbbb-ccc").load();
  await guest.clear();
  return [(await anna.load()).session_id, await guest.load(), other];
}"""


def test_a_guests_session_has_a_place_beside_the_users(open_window: Callable[[], Page]) -> None:
    assert open_window().evaluate(KEEP_GUEST) == ["s", None, None]
