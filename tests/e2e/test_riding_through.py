"""What a person sees when the server, the network or the device itself is away for a while: calm words, and no loss."""

import os
import signal
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, Route, expect

from tests.e2e import chromium
from tests.e2e.person import PASSWORD, Person, eventually, see_and_hear
from tests.e2e.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]

People = Callable[..., Person]
ASLEEP_MS = 20_000  # so long that the page can tell it from being busy
LOST = "Connection lost – trying again"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Tokens are renewed all the time."""
    chromium.require_chromium()
    times = {"POLL_DEFAULT_WAIT_S": "2", "ACCESS_TOKEN_MIN": "0.6", "REFRESH_GRACE_S": "60"}
    with Server(tmp_path_factory.mktemp("parley"), **times) as running:
        yield running


def frames(person: Person) -> int:
    found: int = person.media()["frames"]
    return found


def assert_calm(*people: Person) -> None:
    for person in people:
        expect(person.page.locator(".toast.bad")).to_have_count(0)
        assert person.errors == []


# The server


def test_a_call_goes_on_while_the_server_is_away(couple: tuple[Person, Person, str]) -> None:
    ada, bo, _ = couple
    see_and_hear(ada)
    for by, was, becomes in ((signal.SIGKILL, "Mute", "Unmute"), (signal.SIGTERM, "Unmute", "Mute")):
        ada.server.end("web", by)
        for person in (ada, bo):
            expect(person.banner("offline")).to_contain_text(LOST)
            before = frames(person)
            eventually(person.page, lambda person=person, before=before: frames(person) > before + 20, "pictures go on")
        bo.control(was).click()
        expect(bo.control(becomes)).to_be_visible()
        ada.server.start_again("web")
        for person in (ada, bo):
            expect(person.banner("offline")).to_have_count(0)
            assert person.page.evaluate("() => peerConnections.length") == 1  # never torn down
        told = expect(ada.tile(bo))  # what could not be told then was told later
        told.to_contain_text("Muted") if becomes == "Unmute" else told.not_to_contain_text("Muted")
    bo.control("Share screen").click()
    expect(ada.tile(bo, "screen")).to_be_visible()  # signals get through
    assert_calm(ada, bo)


def test_a_server_that_hangs_is_noticed_and_waited_for(couple: tuple[Person, Person, str]) -> None:
    ada, bo, _ = couple
    ada.server.tell("web", signal.SIGSTOP)
    try:
        for person in (ada, bo):
            expect(person.banner("offline")).to_contain_text(LOST)
    finally:
        ada.server.tell("web", signal.SIGCONT)
    for person in (ada, bo):
        expect(person.banner("offline")).to_have_count(0)
        assert person.page.evaluate("() => peerConnections.length") == 1
    see_and_hear(ada)
    bo.control("Mute").click()
    expect(ada.tile(bo)).to_contain_text("Muted")
    assert_calm(ada, bo)


def test_the_first_page_says_that_the_server_is_away_and_goes_on_when_it_is_back(someone: People) -> None:
    ada, bo = someone("Ada Lind"), someone("Bo Berg")
    ada.screens_ready()
    ada.server.end("web", signal.SIGKILL)
    expect(ada.banner("offline")).to_contain_text(LOST)
    assert_calm(ada)
    ada.server.start_again("web")
    expect(ada.banner("offline")).to_have_count(0)
    meeting = bo.api("POST", "/meetings", {"title": "After the storm"})
    bo.api("POST", f"/meetings/{meeting['id']}/invitations", {"invitees": [{"email": ada.email}]})
    expect(ada.page.get_by_role("button", name="Accept: After the storm")).to_be_visible()
    assert_calm(ada)


def test_a_page_that_is_opened_while_the_server_is_away_comes_when_it_is_back(someone: People) -> None:
    ada = someone("Ada Lind")
    ada.create_meeting("Weekly sync")
    ada.page.goto("/")
    ada.screens_ready()
    ada.server.end("web", signal.SIGKILL)
    ada.page.get_by_role("link", name="Weekly sync").first.click()
    expect(ada.page.get_by_text("This page goes on by itself").or_(ada.banner("offline")).first).to_be_visible()
    ada.server.start_again("web")
    expect(ada.heading("Weekly sync")).to_be_visible()
    ada.screens_ready()
    expect(ada.banner("offline")).to_have_count(0)
    assert_calm(ada)


def test_a_page_that_finds_nobody_to_ask_waits_for_somebody(someone: People) -> None:
    ada = someone("Ada Lind")
    ada.context.route("**/api/**", lambda route: route.abort())
    ada.page.goto("/")
    expect(ada.heading("Parley can't be reached")).to_be_visible()
    ada.context.unroute("**/api/**")
    expect(ada.page.locator(".who")).to_have_text("Ada Lind")
    ada.screens_ready()
    assert_calm(ada)


# The network


def test_a_network_that_is_away_for_a_moment_costs_nothing(couple: tuple[Person, Person, str]) -> None:
    ada, bo, _ = couple
    place = ada.tile(bo).get_attribute("data-participant")
    bo.context.set_offline(True)
    expect(bo.banner("offline")).to_contain_text(LOST)
    ada.counts_as(bo, "reconnecting")
    expect(ada.tile(bo)).to_contain_text("Reconnecting")
    bo.context.set_offline(False)
    expect(bo.banner("offline")).to_have_count(0)
    expect(ada.tile(bo)).not_to_contain_text("Reconnecting")
    assert ada.tile(bo).get_attribute("data-participant") == place
    see_and_hear(ada)
    assert bo.page.evaluate("() => peerConnections.length") == 1
    assert_calm(ada, bo)


def test_whoever_was_counted_out_meanwhile_joins_again_by_themselves(couple: tuple[Person, Person, str]) -> None:
    ada, bo, _ = couple
    bo.control("Stop camera").click()
    bo.context.set_offline(True)
    expect(bo.banner("offline")).to_contain_text(LOST)  # else a poll under way may tell Bo at once
    ada.counts_as(bo, "left")
    expect(ada.tile(bo)).to_have_count(0)
    bo.context.set_offline(False)
    expect(bo.page.locator(".toast")).to_contain_text("You were away for a while and have joined again.")
    expect(ada.tile(bo)).to_have_attribute("data-state", "connected")
    expect(bo.control("Start camera")).to_be_visible()  # as they were
    expect(bo.control("Mute")).to_be_visible()
    eventually(bo.page, lambda: frames(bo) > 10, "Bo sees Ada")
    assert_calm(ada, bo)


def test_whoever_was_away_for_long_says_first_that_they_want_to_be_seen_again(
    couple: tuple[Person, Person, str],
) -> None:
    ada, bo, _ = couple
    bo.context.set_offline(True)
    expect(bo.banner("offline")).to_contain_text(LOST)  # else a poll under way may tell Bo at once
    ada.counts_as(bo, "left")
    expect(ada.tile(bo)).to_have_count(0)
    bo.page.evaluate("() => { const now = Date.now; Date.now = () => now() + 3_600_000; }")
    bo.context.set_offline(False)
    expect(bo.heading("You were away for too long, so you have left the meeting.")).to_be_visible()
    assert bo.page.evaluate("() => peerConnections.every((one) => one.connectionState === 'closed')")
    bo.page.get_by_role("button", name="Join again").click()
    expect(ada.tile(bo)).to_have_attribute("data-state", "connected")
    see_and_hear(ada)
    see_and_hear(bo)
    assert_calm(ada, bo)


def test_a_network_that_wants_a_sign_in_is_named_and_ends_neither_call_nor_session(
    couple: tuple[Person, Person, str],
) -> None:
    ada, bo, _ = couple

    def answer(route: Route) -> None:
        route.fulfill(status=200, content_type="text/html", body="<h1>Welcome to our hotel</h1>")

    bo.context.route("**/api/**", answer)
    expect(bo.banner("offline")).to_contain_text("Does this network want you to sign in?")
    bo.context.unroute("**/api/**", answer)
    expect(bo.banner("offline")).to_have_count(0)
    expect(ada.tile(bo)).to_have_attribute("data-state", "connected")
    see_and_hear(ada)
    assert_calm(ada, bo)


# The device


def descendants(pid: int) -> set[int]:
    """A process and all that it has started, directly or not."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has just ended
            continue
    found = {pid}
    while new := {child for child, parent in parents.items() if parent in found} - found:
        found |= new
    return found


@pytest.fixture
def laptop(playwright: Playwright) -> Iterator[tuple[Browser, Callable[[signal.Signals], None]]]:
    """A browser that can be put to sleep as a whole."""
    name = f"--laptop={uuid.uuid4().hex}"
    browser = chromium.launch(playwright, args=(name,))
    named = [file.parent for file in Path("/proc").glob("[0-9]*/cmdline") if name in file.read_text(errors="replace")]
    main = min(int(folder.name) for folder in named)

    def tell(what: signal.Signals) -> None:
        for pid in descendants(main):
            os.kill(pid, what)

    yield browser, tell
    tell(signal.SIGCONT)
    browser.close()


def test_a_laptop_that_slept_comes_back_into_the_call(
    someone: People, visitor: People, laptop: tuple[Browser, Callable[[signal.Signals], None]]
) -> None:
    browser, tell = laptop
    ada, bo = someone("Ada Lind"), visitor("Bo Berg", browser=browser).register()
    meeting_id = ada.create_meeting("Weekly sync", invite=bo)
    ada.join(meeting_id)
    bo.join(meeting_id, debug=True)
    see_and_hear(bo)
    tell(signal.SIGSTOP)
    ada.page.wait_for_timeout(ASLEEP_MS)
    ada.counts_as(bo, "left")
    expect(ada.tile(bo)).to_have_count(0)
    tell(signal.SIGCONT)
    expect(bo.page.locator(".toast")).to_contain_text("You were away for a while and have joined again.")
    expect(ada.tile(bo)).to_have_attribute("data-state", "connected")
    eventually(ada.page, lambda: frames(ada) > 10, "Ada sees Bo")
    eventually(bo.page, lambda: frames(bo) > 10, "Bo sees Ada")
    bo.page.get_by_text("Debug log").click()
    expect(bo.page.locator("#debug")).to_contain_text("slept")
    assert_calm(ada, bo)


# Two windows


def test_two_windows_of_one_session_both_go_on(visitor: People) -> None:
    """Each reload renews their tokens, at the same moment."""
    ada = visitor("Ada Lind")
    ada.page.goto("/register")
    ada.register()
    ada.page.get_by_role("button", name="Sign out").click()
    ada.page.get_by_label("Keep me signed in").check()
    ada.page.get_by_label("E-mail").fill(ada.email)
    ada.page.get_by_label("Password").fill(PASSWORD)
    ada.page.get_by_role("button", name="Sign in").click()
    ada.screens_ready()
    second = ada.open_window()
    second.goto("/")
    expect(second.locator(".who")).to_have_text("Ada Lind")
    renewals = ada.requests.count("POST /api/v1/auth/refresh")
    for _ in range(4):
        for page in (ada.page, second):
            page.evaluate("() => { document.querySelector('.screen').remove(); setTimeout(() => location.reload()); }")
        for page in (ada.page, second):
            expect(page.locator(".screen[data-ready]")).to_be_visible()
    assert ada.requests.count("POST /api/v1/auth/refresh") >= renewals + 8
    for page in (ada.page, second):
        expect(page.locator(".who")).to_have_text("Ada Lind")
    assert_calm(ada)
