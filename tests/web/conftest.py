"""A blank page of Chromium that imports the client's modules as the app serves them, with a server made of a script."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Browser, BrowserContext, Page, Route, sync_playwright

from tests.e2e import chromium

ORIGIN = "http://localhost:9"  # nothing listens there: every request is answered here
SCRIPT = Path(__file__).with_name("scripted_server.js").read_text()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium.require_chromium()
    with sync_playwright() as playwright, chromium.launch(playwright) as running:
        yield running


@pytest.fixture
def context(browser: Browser, client: FlaskClient) -> Iterator[BrowserContext]:
    def answer(route: Route) -> None:
        path = urlsplit(route.request.url).path
        if path == "/blank":
            route.fulfill(content_type="text/html", body="<!doctype html><title>Blank</title>")
            return
        served = client.get(path)
        route.fulfill(status=served.status_code, content_type=served.content_type, body=served.data)

    with browser.new_context() as running:
        running.set_default_timeout(90_000)  # a machine may stand still for a while
        running.route("**/*", answer)
        running.add_init_script(SCRIPT)
        yield running


@pytest.fixture
def blank(context: BrowserContext) -> Page:
    page = context.new_page()
    page.goto(f"{ORIGIN}/blank")
    return page


@pytest.fixture
def still(blank: Page) -> Page:
    """A blank page whose clock moves only when a test moves it."""
    blank.clock.install()
    blank.clock.pause_at(datetime.now(UTC) + timedelta(days=1))
    return blank
