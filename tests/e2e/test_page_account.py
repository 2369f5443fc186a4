from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.person import Person

pytestmark = pytest.mark.browser


def test_what_may_be_done_with_what_one_says_is_switched_and_kept(someone: Callable[..., Person]) -> None:
    ada = someone("Ada Lind")
    page = ada.page
    page.get_by_role("link", name="Ada Lind").click()
    transcribe = page.get_by_role("checkbox", name="It may be transcribed")
    analyse = page.get_by_role("checkbox", name="Summaries and notes may be made of it")
    expect(transcribe).to_be_checked()
    expect(analyse).to_be_checked()
    analyse.click()
    expect(page.locator(".toast")).to_contain_text("Saved.")
    expect(analyse).not_to_be_checked()
    transcribe.click()
    expect(analyse).to_be_disabled()
    page.reload()
    expect(transcribe).to_be_enabled()
    expect(transcribe).not_to_be_checked()
    assert ada.api("GET", "/auth/me")["ai"] == {"transcribe": False, "analyse": False}
    expect(page.get_by_role("heading", name="Ways to sign in")).to_be_hidden()  # this server knows no provider
