"""Fixtures for tests in a browser: one server for all of them, a person for each window."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Playwright, expect, sync_playwright

from tests.e2e import chromium
from tests.e2e.person import Person
from tests.e2e.server import Server

# A peer connection is private to the module that made it; this lets a test ask every one of a page for its statistics.
REMEMBER_CONNECTIONS = """
window.peerConnections = [];
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...settings) {
    super(...settings);
    window.peerConnections.push(this);
  }
};
"""

# A small picture is as good as a large one, and costs a tenth.
SMALL_PICTURES = """
const devices = navigator.mediaDevices;
const open = devices?.getUserMedia.bind(devices);
if (open) devices.getUserMedia = (asked) =>
  open({ ...asked, video: asked.video && { ...asked.video, width: 160, height: 90, frameRate: 8 } });
"""

# A notice goes after 6 s; a test that looks later, on a machine that stood still, finds it all the same.
KEEP_NOTICES = """
const setTimer = window.setTimeout;
window.setTimeout = (run, ms, ...more) => setTimer(run, ms === 6000 ? 600_000 : ms, ...more);
"""


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Every meeting may use the mock recorder, and all notes are canned; polls are short, so that a page that is closed
    keeps nobody waiting, and how calls go is told often.
    """
    chromium.require_chromium()
    mocks = {"MOCK_RECORDER": "true", "TRANSCRIBER": "mock", "ANALYST": "mock"}
    mocks |= {"WEBHOOK_HTTP": "true", "WEBHOOK_NETWORKS": "127.0.0.0/8"}  # those that tests receive
    with Server(tmp_path_factory.mktemp("parley"), POLL_DEFAULT_WAIT_S="1", CALL_STATS_EVERY_S="1", **mocks) as running:
        yield running


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    chromium.require_chromium()
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    running: Browser = chromium.launch(playwright)
    yield running
    running.close()


@pytest.fixture
def visitor(browser: Browser, server: Server) -> Iterator[Callable[..., Person]]:
    """`visitor("Ada")` sits at a browser context of their own, not registered yet. No page of theirs may fail."""
    people: list[Person] = []

    def come(name: str, *, browser: Browser = browser, server: Server = server, **options: Any) -> Person:
        person = Person(browser, server, name, **options)
        for script in (REMEMBER_CONNECTIONS, SMALL_PICTURES, KEEP_NOTICES):
            person.context.add_init_script(script)
        people.append(person)
        return person

    yield come
    errors = {person.name: person.errors for person in people if person.errors}
    for person in people:
        person.close()
    assert not errors, f"errors in the console: {errors}"


@pytest.fixture
def someone(visitor: Callable[..., Person]) -> Callable[..., Person]:
    """`someone("Ada")` is registered and looks at the dashboard."""
    return lambda name, **options: visitor(name, **options).register()


@pytest.fixture
def couple(someone: Callable[..., Person]) -> tuple[Person, Person, str]:
    """Ada has invited Bo, Bo has accepted, and both are in the room."""
    ada, bo = someone("Ada Lind"), someone("Bo Berg")
    meeting_id = ada.create_meeting("Weekly sync", invite=bo)
    bo.accept("Weekly sync")
    ada.join(meeting_id)
    bo.join(meeting_id)
    expect(ada.tile(bo)).to_have_attribute("data-state", "connected")
    expect(bo.tile(ada)).to_have_attribute("data-state", "connected")
    return ada, bo, meeting_id
