import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.person import PASSWORD, Person, eventually
from tests.e2e.server import Server

pytestmark = pytest.mark.browser

People = Callable[..., Person]


def sign_in(person: Person, password: str = PASSWORD) -> None:
    person.page.get_by_label("E-mail").fill(person.email)
    person.page.get_by_label("Password").fill(password)
    person.page.get_by_role("button", name="Sign in").click()


def test_a_wrong_password_is_said_and_nothing_else_happens(someone: People) -> None:
    ada = someone("Ada Lind")
    ada.page.get_by_role("button", name="Sign out").click()
    sign_in(ada, "not the password")
    expect(ada.page.get_by_role("alert")).to_have_text("E-mail or password is wrong.")
    sign_in(ada)
    expect(ada.page.get_by_role("button", name="New meeting")).to_be_visible()


def test_registering_tells_at_the_field_what_is_wrong(visitor: People) -> None:
    ada = visitor("Ada Lind")
    ada.page.goto("/register")
    ada.page.get_by_label("Your name").fill("Ada Lind")
    ada.page.get_by_label("E-mail").fill("ada@nowhere")  # fine for a browser, not for the API
    ada.page.get_by_label("Password").fill(PASSWORD)
    ada.page.get_by_role("button", name="Create account").click()
    expect(ada.page.get_by_role("alert")).to_contain_text("email")
    expect(ada.page.get_by_label("E-mail")).to_have_attribute("aria-invalid", "true")
    expect(ada.page.get_by_label("E-mail")).to_be_focused()


def test_a_signed_out_visitor_of_a_meeting_signs_in_first_and_comes_back(someone: People, visitor: People) -> None:
    ada = someone("Ada Lind")
    meeting_id = ada.create_meeting("Weekly sync")
    again = visitor("Ada Lind")
    again.email = ada.email
    again.page.goto(f"/meetings/{meeting_id}")
    expect(again.page).to_have_url(re.compile(r"/sign-in\?next="))
    sign_in(again)
    expect(again.heading("Weekly sync")).to_be_visible()
    expect(again.page).to_have_url(re.compile(rf"/meetings/{meeting_id}$"))


def test_an_address_elsewhere_is_no_place_to_come_back_to(someone: People) -> None:
    ada = someone("Ada Lind")
    ada.page.get_by_role("button", name="Sign out").click()
    expect(ada.page).to_have_url(re.compile("/sign-in$"))
    ada.page.goto("/sign-in?next=//example.org/")
    sign_in(ada)
    expect(ada.page.locator(".who")).to_be_visible()
    assert ada.page.url.startswith(ada.server.url)


def test_a_reload_keeps_the_session_and_no_token_lies_in_the_open(someone: People) -> None:
    ada = someone("Ada Lind")
    tokens: set[str] = set()
    ada.page.on("request", lambda request: tokens.add(request.headers.get("authorization", "").removeprefix("Bearer ")))
    ada.page.reload()
    expect(ada.page.locator(".who")).to_have_text("Ada Lind")
    ada.screens_ready()
    kept = ada.page.evaluate("() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])")
    assert "refresh_token" in kept
    tokens.discard("")
    assert tokens
    assert not any(token in kept for token in tokens)  # access tokens stay in memory


def test_two_windows_of_a_browser_hold_two_people(someone: People) -> None:
    ada = someone("Ada Lind")
    second = ada.open_window()
    second.goto("/register")
    second.get_by_label("Your name").fill("Bo Berg")
    second.get_by_label("E-mail").fill(f"second-{ada.email}")
    second.get_by_label("Password").fill(PASSWORD)
    second.get_by_role("button", name="Create account").click()
    expect(second.locator(".who")).to_have_text("Bo Berg")
    ada.page.reload()
    expect(ada.page.locator(".who")).to_have_text("Ada Lind")


def test_whoever_wants_to_stay_signed_in_is_so_in_every_window(visitor: People) -> None:
    ada = visitor("Ada Lind")
    ada.page.goto("/register")
    ada.page.get_by_label("Keep me signed in").check()
    ada.register("/register?kept")
    ada.page.get_by_role("button", name="Sign out").click()
    ada.page.get_by_label("Keep me signed in").check()
    sign_in(ada)
    expect(ada.page.locator(".who")).to_be_visible()

    second = ada.open_window()
    second.goto("/")
    expect(second.locator(".who")).to_have_text("Ada Lind")
    ada.page.reload()
    expect(ada.page.locator(".who")).to_have_text("Ada Lind")


def test_a_copied_window_does_not_end_the_session_of_the_first(someone: People) -> None:
    ada = someone("Ada Lind")
    copy = ada.open_window(ada.page.evaluate("() => ({ ...sessionStorage })"))
    copy.goto("/")
    expect(copy.get_by_text("This was a copy of another window").first).to_be_visible()
    expect(copy.get_by_role("button", name="Sign in")).to_be_visible()
    ada.page.reload()
    expect(ada.page.locator(".who")).to_have_text("Ada Lind")


def test_a_session_that_was_ended_elsewhere_leads_to_the_sign_in(someone: People) -> None:
    ada = someone("Ada Lind")
    ada.screens_ready()
    sessions = ada.api("GET", "/auth/sessions")["items"]
    for session in sessions:
        if not session["current"]:
            ada.api("DELETE", f"/auth/sessions/{session['id']}")
    expect(ada.page.get_by_text("Your session has ended. Sign in again.").first).to_be_visible()
    expect(ada.page.get_by_role("button", name="Sign in")).to_be_visible()


def test_a_forgotten_password_is_replaced_through_a_mailed_link(someone: People) -> None:
    ada = someone("Ada Lind")
    ada.page.get_by_role("button", name="Sign out").click()
    ada.page.get_by_role("button", name="Forgot your password?").click()
    dialog = ada.page.get_by_role("dialog")
    dialog.get_by_label("E-mail").fill(ada.email)
    dialog.get_by_role("button", name="Send a link").click()
    expect(dialog).to_have_count(0)
    link = eventually(ada.page, lambda: ada.server.mailed_link(ada.email), "a mail is sent")
    ada.page.goto(link)
    expect(ada.heading("Choose a new password")).to_be_visible()
    assert "token" not in ada.page.url
    ada.page.get_by_label("New password").fill("quite another one")
    ada.page.get_by_role("button", name="Set the password").click()
    expect(ada.heading("Sign in")).to_be_visible()
    sign_in(ada, "quite another one")
    expect(ada.page.locator(".who")).to_be_visible()


def test_an_address_is_confirmed_by_the_link_in_the_mail(tmp_path: Path, visitor: People) -> None:
    with Server(tmp_path, AUTO_VERIFY_EMAIL="false") as server:
        ada = visitor("Ada Lind", server=server).register()
        notice = ada.page.get_by_text("Confirm your e-mail address")
        expect(notice).to_be_visible()
        link = eventually(ada.page, lambda: server.mailed_link(ada.email), "a mail is sent")
        ada.page.goto(link)
        expect(ada.heading("Your e-mail address is confirmed")).to_be_visible()
        assert "token" not in ada.page.url
        ada.page.get_by_role("link", name="To your meetings").click()
        expect(ada.page.get_by_role("button", name="New meeting")).to_be_visible()
        expect(notice).to_have_count(0)
        ada.page.goto("about:blank")
        ada.page.goto(link)
        expect(ada.heading("The address is not confirmed")).to_be_visible()


def test_from_sign_in_to_a_new_meeting_with_the_keyboard_alone(someone: People) -> None:
    ada = someone("Ada Lind")
    ada.page.get_by_role("button", name="Sign out").click()
    expect(ada.heading("Sign in")).to_be_visible()
    keyboard = ada.page.keyboard

    def tab_to(name: str) -> None:
        for _ in range(25):
            keyboard.press("Tab")
            focused = ada.page.locator(":focus")
            if focused.count() and name in (focused.evaluate(NAME_OF) or ""):
                outline = focused.evaluate("(one) => getComputedStyle(one).outlineStyle")
                assert outline != "none", f"{name} shows no focus"
                return
        raise AssertionError(f"Tab never came to {name}")

    tab_to("E-mail")
    keyboard.type(ada.email)
    tab_to("Password")
    keyboard.type(PASSWORD)
    keyboard.press("Enter")
    expect(ada.page.get_by_role("button", name="New meeting")).to_be_visible()
    tab_to("New meeting")
    keyboard.press("Enter")
    dialog = ada.page.get_by_role("dialog", name="New meeting")
    expect(dialog.get_by_label("Title")).to_be_focused()
    for _ in range(20):  # the dialog keeps the focus (the browser's own bar is one of the stops)
        keyboard.press("Tab")
        assert ada.page.evaluate(
            "() => document.activeElement === document.body || !!document.activeElement.closest('dialog')"
        )
    keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(ada.page.get_by_role("button", name="New meeting")).to_be_focused()
    keyboard.press("Enter")
    keyboard.type("By keyboard")
    keyboard.press("Enter")
    expect(ada.heading("By keyboard")).to_be_visible()
    eventually(ada.page, lambda: ada.page.evaluate("() => document.activeElement.id === 'main'"), "focus goes on")


NAME_OF = "(one) => one.labels?.[0]?.textContent ?? one.getAttribute('aria-label') ?? one.textContent"
