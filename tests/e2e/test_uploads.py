"""A large file sent from a page that is closed half-way; the same file goes on where it was."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.person import Person
from tests.support.waiting import eventually

pytestmark = pytest.mark.browser

MIB = 1024 * 1024
PART = 8 * MIB
PARTS = 25
BYTES_PER_S = 50 * MIB  # else the page is done before it can be closed
UNLIMITED = {"offline": False, "latency": 0, "downloadThroughput": -1}


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """200 MiB that are nowhere the same, and yet quickly made."""
    path = tmp_path / "film.bin"
    some = os.urandom(MIB)
    with path.open("wb") as file:
        for number in range(PARTS * PART // MIB):
            file.write(number.to_bytes(4, "big") + some[4:])
    return path


def choose(page: Page, meeting_id: str, film: Path) -> None:
    page.goto(f"/meetings/{meeting_id}")
    page.get_by_role("button", name="Attach a file").wait_for()
    page.locator(".chat-composer input[type=file]").set_input_files(film)


def test_a_film_whose_page_was_closed_half_way_goes_on_where_it_was(someone: Callable[..., Person], film: Path) -> None:
    ada = someone("Ada Lind")
    meeting_id = ada.api("POST", "/meetings", {"title": "Weekly sync"})["id"]
    first = ada.page
    line = ada.context.new_cdp_session(first)
    line.send("Network.enable")
    line.send("Network.emulateNetworkConditions", {**UNLIMITED, "uploadThroughput": BYTES_PER_S})
    choose(first, meeting_id, film)
    sent = "document.querySelector('progress')?.value ?? 0"
    eventually(lambda: first.evaluate(sent) > 0.4, "nearly half of the film to be sent")
    session = first.evaluate("({ ...sessionStorage })")
    first.close()

    ada.page = second = ada.open_window(session)
    second.goto("/")
    (upload,) = ada.api("GET", "/uploads?state=uploading")["items"]
    arrived = ada.api("GET", f"/uploads/{upload['id']}")["arrived"]
    assert 0 < len(arrived) < PARTS
    again: list[str] = []
    second.on("request", lambda request: again.append(request.url) if request.method == "PUT" else None)
    choose(second, meeting_id, film)
    expect(second.locator(".chat-message").filter(has=second.locator(".chat-file"))).to_contain_text("film.bin")
    assert len([url for url in again if "/parts/" in url]) == PARTS - len(arrived)
