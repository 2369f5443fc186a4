import base64

import pytest
from playwright.sync_api import Locator, expect

from tests.e2e.person import Person
from tests.e2e.test_page_accessibility import check

pytestmark = pytest.mark.browser

DOT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
HTML = '<img src="x" onerror="document.title = \'broken in\'"> & <b>bold</b>'


def message(person: Person, text: str) -> Locator:
    return person.page.locator(".chat-message").filter(has_text=text)


def write(person: Person, text: str) -> None:
    """By the keyboard alone."""
    person.page.get_by_label("Write a message").focus()
    person.page.keyboard.type(text)
    person.page.keyboard.press("Enter")


def test_two_people_chat_in_a_call(couple: tuple[Person, Person, str]) -> None:
    ada, bo, _ = couple
    ada.control("Chat").click()
    expect(ada.page.get_by_label("Write a message")).to_be_focused()
    expect(ada.page.locator(".chat-line")).to_contain_text(["Ada Lind joined.", "Bo Berg joined."])
    write(ada, HTML)
    expect(message(ada, "onerror").locator(".chat-text")).to_have_text(HTML)

    bo.control("Chat (1 new)").click()
    expect(message(bo, "onerror").locator(".chat-text")).to_have_text(HTML)
    assert bo.page.locator(".chat-text img, .chat-text b").count() == 0
    expect(bo.page).not_to_have_title("broken in")
    write(bo, "Nice tr")
    expect(message(ada, "Nice tr")).to_be_visible()

    more = message(bo, "Nice tr").get_by_role("button", name="React to your message")
    more.press("Enter")
    bo.page.get_by_role("button", name="Change", exact=True).press("Enter")
    bo.page.get_by_label("Your message", exact=True).fill("Nice try")
    bo.page.keyboard.press("Enter")
    expect(message(ada, "Nice try")).to_contain_text("edited")
    message(ada, "Nice try").get_by_role("button", name="React to").press("Enter")
    ada.page.get_by_role("button", name="Laughing").press("Enter")
    expect(message(bo, "Nice try").get_by_role("button", name="😂 1")).to_be_visible()
    check(ada.page, "room with its chat")

    with ada.page.expect_file_chooser() as chooser:
        ada.page.get_by_role("button", name="Attach a file").click()
    chooser.value.set_files([{"name": "Dot <1>.png", "mimeType": "image/png", "buffer": DOT}])
    expect(bo.page.get_by_role("img", name="Dot <1>.png")).to_be_visible()
    with bo.page.expect_download() as download:
        bo.page.get_by_role("button", name="Dot <1>.png").click()
    assert download.value.path().read_bytes() == DOT

    message(bo, "Nice try").get_by_role("button", name="React to your message").press("Enter")
    bo.page.get_by_role("button", name="Delete", exact=True).press("Enter")
    bo.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(ada.page.get_by_text("This message was deleted.")).to_be_visible()
    assert ada.sockets == bo.sockets == []

    bo.leave()
    expect(message(bo, "onerror").locator(".chat-text")).to_have_text(HTML)
    ada.page.get_by_role("button", name="Close the chat").click()
    write(bo, "One more thing")
    expect(ada.control("Chat (1 new)")).to_be_visible()
    check(bo.page, "meeting with a chat")
    ada.leave()
    ada.page.goto("/")
    expect(ada.page.locator(".card.is-live")).to_contain_text("1 new")
    ada.page.get_by_role("link", name="Weekly sync", exact=True).click()
    ada.page.get_by_role("button", name="Empty the chat").click()
    ada.page.get_by_role("dialog").get_by_role("button", name="Empty it").click()
    expect(bo.page.locator(".chat-line")).to_contain_text(["Ada Lind emptied the chat."])
    expect(message(bo, "One more thing")).to_have_count(0)
