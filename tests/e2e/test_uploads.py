"""A large file sent from a page, which is closed half-way; the same file goes on where it was."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.person import Person

pytestmark = pytest.mark.browser

MIB = 1024 * 1024
PART = 8 * MIB
PARTS = 25
STOPPED_AFTER = 12

# No screen of its own: the part is mounted as those who use it do.
MOUNT = """async (app) => {
  const { fileUploads } = await import("/web/ui/file-uploads.js");
  const { ParleyClient } = await import("/web/parley-client.js");
  const client = new ParleyClient();
  await client.login(app);
  window.sent = [];
  const part = fileUploads({ client }, { purpose: "chat_file", onSent: (upload) => window.sent.push(upload) });
  document.querySelector("main").prepend(part.element);
}"""


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """200 MiB that are never the same for long, and yet quickly made."""
    path = tmp_path / "film.bin"
    some = os.urandom(MIB)
    with path.open("wb") as file:
        for number in range(PARTS * PART // MIB):
            file.write(number.to_bytes(4, "big") + some[4:])
    return path


def mount(person: Person, page: Page) -> None:
    page.goto("/")
    page.evaluate(MOUNT, {"email": person.email, "password": "correct horse battery"})


def test_a_film_whose_page_was_closed_half_way_goes_on_where_it_was(someone: Callable[..., Person], film: Path) -> None:
    ada = someone("Ada Lind")
    put: list[str] = []

    def count(route: Route) -> None:
        if len(put) >= STOPPED_AFTER:
            return  # the line is dead: no answer ever comes
        put.append(route.request.url)
        route.continue_()

    first = ada.open_window()
    first.route("**/uploads/*/parts/*", count)
    mount(ada, first)
    first.locator("input[type=file]").set_input_files(film)
    expect(first.locator("progress")).to_be_visible()
    first.wait_for_function("document.querySelector('progress').value > 80 * 1024 * 1024")
    first.close()

    second = ada.open_window()
    again: list[str] = []
    second.on("request", lambda request: again.append(request.url) if request.method == "PUT" else None)
    mount(ada, second)
    expect(second.get_by_label("Unfinished")).to_contain_text("film.bin")
    second.locator("input[type=file]").set_input_files(film)
    second.wait_for_function("window.sent.length === 1")
    upload = second.evaluate("window.sent[0]")
    assert (upload["state"], upload["size"]) == ("complete", PARTS * PART)
    assert len(again) <= PARTS - STOPPED_AFTER + 3  # those that were under way are sent again, the others are not
    expect(second.get_by_label("Unfinished")).to_have_count(0)
