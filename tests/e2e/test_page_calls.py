"""Calls in the page: sent with progress, read as meetings are, found by what was said of them, deleted."""

import io
import re
import wave
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Route, expect

from tests.e2e.person import Person
from tests.e2e.test_page_accessibility import check
from tests.e2e.test_page_review import current_line, player_of, seconds_of

pytestmark = pytest.mark.browser

People = Callable[..., Person]


def silence(folder: Path, name: str, *, seconds: int = 80) -> Path:
    """A call of two channels. Nobody has to speak in it: what transcribes is a mock."""
    content = io.BytesIO()
    with wave.open(content, "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"\x00\x00\x01\x00" * 8000 * seconds)
    path = folder / name
    path.write_bytes(content.getvalue())
    return path


def begin_to_send(ada: Person, file: Path, **told: str) -> Locator:
    ada.page.goto("/calls")
    ada.screens_ready()
    ada.page.get_by_role("button", name="Send a call").click()
    dialog = ada.page.get_by_role("dialog", name="Send a call")
    dialog.get_by_label("File").set_input_files(file)
    for label, value in told.items():
        dialog.get_by_label(label.replace("_", " ")).fill(value)
    dialog.get_by_role("button", name="Send").click()
    return dialog


def test_a_call_is_sent_and_becomes_notes_that_lead_to_its_sound(someone: People, tmp_path: Path) -> None:
    ada = someone("Ada Lind")
    held: list[Route] = []
    ada.page.route("**/uploads/*/parts/*", lambda route: held.append(route))
    told = {"Title": "Renewal with Acme", "Account": "acme-4711", "Agent": "Anna Berg", "Customer": "Carla Diaz"}
    dialog = begin_to_send(ada, silence(tmp_path, "renewal.wav"), **told, On_the_left="Anna", On_the_right="Carla")
    expect(dialog.get_by_text("0 B of 2.6 MB sent.")).to_be_visible()
    check(ada.page, "sending a call")
    held[0].continue_()
    ada.page.unroute("**/uploads/*/parts/*")

    expect(ada.heading("Renewal with Acme")).to_be_visible()
    expect(ada.heading("Key points")).to_be_visible()
    call_id = ada.page.url.rpartition("/")[2]
    notes = ada.page.get_by_role("region", name="Notes")
    expect(notes.get_by_text("Mock notes")).to_be_visible()
    talk = notes.locator(".talk li")
    expect(talk).to_have_count(2)
    shares = [float(one.get_attribute("data-ratio") or 0) for one in talk.all()]
    assert sum(shares) == pytest.approx(1, abs=0.001)
    expect(talk.first).to_contain_text(f"{round(shares[0] * 100)} %")
    notes.get_by_text("How they were made").click()
    expect(notes.locator('[data-stage="transcribe"]')).to_contain_text("Transcribing done")

    player = player_of(ada)
    claim = notes.get_by_role("link", name="Heard at").first
    claim.click()
    expect(current_line(ada).locator(".line-time")).to_have_text(claim.inner_text().strip())
    segments = ada.api("GET", f"/calls/{call_id}/transcript")["segments"]
    assert seconds_of(player) in [pytest.approx(one["start_s"], abs=0.01) for one in segments]
    check(ada.page, "call")

    ada.page.get_by_role("link", name="Calls").click()
    card = ada.page.locator(f'[data-call="{call_id}"]')
    expect(card).to_contain_text("Anna Berg with Carla Diaz")
    ada.page.get_by_text("Filter").click()
    ada.page.get_by_role("combobox", name="Account").fill("globex")
    expect(ada.page.get_by_text("No call is like that.")).to_be_visible()
    ada.page.get_by_role("combobox", name="Account").fill("acme-4711")
    expect(card).to_be_visible()
    check(ada.page, "calls")

    card.get_by_role("link", name="Renewal with Acme").click()
    ada.page.get_by_role("button", name="Delete everything").click()
    ada.page.get_by_role("dialog", name="Delete the call?").get_by_role("button", name="Delete everything").click()
    expect(ada.page.get_by_text("No calls yet.")).to_be_visible()
    ada.page.goto(f"/calls/{call_id}")
    expect(ada.heading("There's nothing here")).to_be_visible()


def test_a_call_that_was_broken_off_goes_on_and_the_same_file_is_the_same_call(someone: People, tmp_path: Path) -> None:
    ada = someone("Ada Lind")
    file = silence(tmp_path, "again.wav", seconds=2)
    ada.page.route("**/uploads/*/parts/*", lambda route: None)
    dialog = begin_to_send(ada, file)
    expect(dialog.get_by_text("0 B of")).to_be_visible()
    dialog.get_by_role("button", name="Cancel").click()
    expect(ada.page.get_by_text("“again.wav” (64 kB) was not sent to its end.")).to_be_visible()
    check(ada.page, "calls of which one was not sent to its end")

    ada.page.unroute("**/uploads/*/parts/*")
    begin_to_send(ada, file)
    expect(ada.page).to_have_url(re.compile("/calls/.+"))
    first = ada.page.url
    assert ada.requests.count("POST /api/v1/uploads") == 1
    begin_to_send(ada, file, Title="Another")
    expect(ada.page).to_have_url(first)
    expect(ada.heading("again.wav")).to_be_visible()
    expect(ada.page.locator(".toast").get_by_text("You have sent this file before")).to_be_visible()


def test_a_call_that_failed_says_where_and_is_tried_again(someone: People, tmp_path: Path) -> None:
    ada = someone("Ada Lind")
    begin_to_send(ada, silence(tmp_path, "call.wav", seconds=3))
    expect(ada.heading("Key points")).to_be_visible()
    ada.server.have_failed(ada.page.url.rpartition("/")[2], "analyse", "The model does not answer.")
    ada.page.reload()
    notes = ada.page.get_by_role("region", name="Notes")
    failed = notes.locator(".step.failed")
    expect(failed).to_contain_text("Analysing failed · tried 4 times")
    expect(notes.get_by_text("The model does not answer.")).to_have_count(1)
    expect(ada.page.locator(".line").first).to_be_visible()  # the transcript is there all the same
    check(ada.page, "call whose analysis failed")
    notes.get_by_role("button", name="Try again").click()
    expect(failed).to_have_count(0)
    expect(notes.get_by_text("How they were made")).to_be_visible()
    expect(notes.get_by_text("The model does not answer.")).to_have_count(0)
