from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Playwright, expect

from tests.e2e import chromium
from tests.e2e.person import Person

pytestmark = pytest.mark.browser

People = Callable[..., Person]


@contextmanager
def another_browser(playwright: Playwright, *args: str) -> Iterator[Browser]:
    """One that was started with other devices or rights."""
    running: Browser = chromium.launch(playwright, args=args)
    try:
        yield running
    finally:
        running.close()


def create_meeting(person: Person, title: str = "Weekly sync", **more: object) -> str:
    meeting_id: str = person.api("POST", "/meetings", {"title": title, **more})["id"]
    return meeting_id


# A mock's room


def test_a_mock_room_says_what_it_is_and_negotiates_all_the_same(someone: People) -> None:
    ada, bo = someone("Ada Lind"), someone("Bo Berg")
    meeting_id = create_meeting(ada, media_mode="mock")
    ada.api("POST", f"/meetings/{meeting_id}/invitations", {"invitees": [{"email": bo.email}]})
    ada.join(meeting_id)
    expect(ada.banner("mock")).to_contain_text("This meeting's media is a mock")
    bo.join(meeting_id)
    for person, other in ((ada, bo), (bo, ada)):
        expect(person.tile(other)).to_contain_text("Mock")
        person.page.wait_for_function("() => peerConnections.at(-1)?.signalingState === 'stable'")
        lines = person.page.evaluate("() => peerConnections[0].getTransceivers().map((one) => one.currentDirection)")
        assert len(lines) == 2
        assert all(direction.startswith("send") for direction in lines)
        assert person.sockets == []
    bo.control("Share screen").click()
    bo.page.wait_for_function("() => peerConnections[0].getTransceivers()[2]?.currentDirection === 'sendonly'")
    bo.leave()
    expect(ada.tile(bo)).to_have_count(0)


# Devices that can't be had


def test_a_blocked_camera_is_said_plainly_and_one_joins_without(playwright: Playwright, visitor: People) -> None:
    with another_browser(playwright, "--use-fake-ui-for-media-stream=deny") as browser:
        ada = visitor("Ada Lind", browser=browser).register()
        meeting_id = create_meeting(ada)
        ada.enter(meeting_id)
        alert = ada.page.get_by_role("alert").filter(has_text="blocked")
        expect(alert).to_contain_text("The camera and microphone are blocked")
        expect(alert).to_contain_text("Allow it in the browser's address bar")
        alert.get_by_role("button", name="Retry").click()
        expect(alert).to_contain_text("The camera and microphone are blocked")
        ada.page.set_viewport_size({"width": 360, "height": 740})
        assert ada.page.evaluate("document.documentElement.scrollWidth") <= 360
        ada.page.get_by_role("button", name="Join without camera and microphone").click()
        expect(ada.control("Unmute")).to_be_visible()
        expect(ada.control("Start camera")).to_be_visible()
        me = ada.api("GET", f"/meetings/{meeting_id}/participants")["items"][0]
        assert (me["muted"], me["camera"]) == (True, False)
        ada.close()


def test_without_a_camera_one_still_sees_and_hears_the_others(
    playwright: Playwright, visitor: People, someone: People
) -> None:
    with another_browser(playwright, "--use-fake-device-for-media-stream=device-count=0") as browser:
        bo = visitor("Bo Berg", browser=browser).register()
        ada = someone("Ada Lind")
        meeting_id = ada.create_meeting("Weekly sync", invite=bo)
        ada.join(meeting_id)
        bo.enter(meeting_id)
        expect(bo.page.get_by_role("alert").filter(has_text="No camera found")).to_be_visible()
        bo.join_button.click()
        expect(bo.tile(ada)).to_have_attribute("data-state", "connected")
        expect(ada.tile(bo)).to_have_attribute("data-state", "connected")
        bo.page.wait_for_function(
            """async () => {
              const stats = [...(await peerConnections[0].getStats()).values()];
              return stats.some((one) => one.type === "inbound-rtp" && one.framesDecoded > 5);
            }"""
        )
        bo.close()


def test_an_address_without_https_explains_why_there_is_no_camera(playwright: Playwright, visitor: People) -> None:
    """Everything but the devices works there: the call is joined to see and hear the others."""
    with another_browser(playwright, "--host-resolver-rules=MAP parley.test 127.0.0.1") as browser:
        ada = visitor("Ada Lind", browser=browser)
        insecure = f"http://parley.test:{urlsplit(ada.server.url).port}"
        ada.register(f"{insecure}/register")
        assert ada.page.evaluate("() => window.isSecureContext") is False
        meeting_id = create_meeting(ada)
        ada.page.goto(f"{insecure}/meetings/{meeting_id}/room")
        alert = ada.page.get_by_role("alert").filter(has_text="can't use a camera or microphone")
        expect(alert).to_contain_text("HTTPS")
        expect(alert).to_contain_text(insecure)
        ada.join_button.click()
        expect(ada.control("Leave")).to_be_visible()
        expect(ada.control("Share screen")).to_be_hidden()
        ada.close()


# Before and in the call


def test_sound_processing_is_chosen_before_and_kept(someone: People) -> None:
    ada = someone("Ada Lind")
    meeting_id = create_meeting(ada)
    ada.enter(meeting_id)
    ada.page.get_by_text("Devices and sound").click()
    ada.page.get_by_label("Noise suppression").uncheck()
    expect(ada.page.get_by_label("Microphone")).to_be_visible()
    expect(ada.page.get_by_label("Camera", exact=True)).to_be_visible()
    ada.page.evaluate(
        """() => {
          const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
          window.asked = [];
          navigator.mediaDevices.getUserMedia = (constraints) => (window.asked.push(constraints), ask(constraints));
        }"""
    )
    ada.page.get_by_label("Echo cancellation").uncheck()
    audio = ada.page.evaluate("() => asked.at(-1).audio")
    assert audio["echoCancellation"] is False
    assert audio["noiseSuppression"] is False
    assert audio["autoGainControl"] is True
    ada.page.reload()
    ada.page.get_by_text("Devices and sound").click()
    expect(ada.page.get_by_label("Noise suppression")).not_to_be_checked()


def test_what_is_switched_off_before_stays_off_in_the_call(someone: People) -> None:
    ada = someone("Ada Lind")
    meeting_id = create_meeting(ada)
    ada.enter(meeting_id)
    ada.page.get_by_role("button", name="Mute").click()
    ada.page.get_by_role("button", name="Stop camera").click()
    ada.join_button.click()
    expect(ada.control("Unmute")).to_be_visible()
    expect(ada.control("Start camera")).to_be_visible()


def test_the_host_records_and_everybody_is_told(someone: People) -> None:
    ada, bo = someone("Ada Lind"), someone("Bo Berg")
    meeting_id = ada.create_meeting("Weekly sync", invite=bo)
    ada.join(meeting_id)
    bo.join(meeting_id)
    expect(bo.control("Record")).to_be_hidden()
    ada.control("Record").click()
    for person in (ada, bo):
        expect(person.banner("recording")).to_contain_text("Being recorded")
    expect(bo.page.locator("#said")).to_contain_text("Recording has started.")
    ada.control("Stop recording").click()
    for person in (ada, bo):
        expect(person.banner("recording")).to_have_count(0)
        expect(person.page.locator(".toast").filter(has_text="The recording is ready")).to_be_visible()


def test_the_list_of_people_says_who_is_there_and_how(someone: People) -> None:
    ada, bo = someone("Ada Lind"), someone("Bo Berg")
    meeting_id = ada.create_meeting("Weekly sync", invite=bo)
    ada.join(meeting_id)
    bo.join(meeting_id)
    bo.control("Mute").click()
    ada.control("People (2)").click()
    panel = ada.page.get_by_role("complementary", name="People")
    expect(panel.get_by_role("listitem").filter(has_text="Ada Lind (you)")).to_contain_text("host")
    expect(panel.get_by_role("listitem").filter(has_text="Bo Berg").get_by_label("muted")).to_be_visible()
    expect(panel.get_by_role("button", name="Close the list")).to_be_focused()
    ada.page.keyboard.press("Enter")
    expect(panel).to_be_hidden()
    expect(ada.control("People (2)")).to_be_focused()


def test_a_second_window_takes_the_call_over(someone: People) -> None:
    """The same window's place, restored twice: the newer one has the call, the older one says so."""
    ada = someone("Ada Lind")
    meeting_id = create_meeting(ada)
    ada.join(meeting_id)
    first = ada.page
    device = first.evaluate("() => sessionStorage.getItem('parley.device')")
    ada.page = ada.open_window({"parley.device": device})
    ada.page.goto("/sign-in")
    ada.page.get_by_label("E-mail").fill(ada.email)
    ada.page.get_by_label("Password").fill("correct horse battery")
    ada.page.get_by_role("button", name="Sign in").click()
    expect(ada.page.locator(".who")).to_be_visible()
    ada.join(meeting_id)
    expect(first.get_by_role("heading", name="The call goes on in another window.")).to_be_visible()
    expect(first.get_by_role("button", name="Join again")).to_be_visible()
    assert first.evaluate("() => peerConnections.every((one) => one.connectionState === 'closed')")


def test_a_meeting_that_is_over_has_no_room(someone: People) -> None:
    ada, bo = someone("Ada Lind"), someone("Bo Berg")
    meeting_id = create_meeting(ada)
    ada.api("POST", f"/meetings/{meeting_id}/invitations", {"invitees": [{"email": bo.email}]})
    ada.api("POST", f"/meetings/{meeting_id}/start")
    ada.api("POST", f"/meetings/{meeting_id}/end")
    bo.page.goto(f"/meetings/{meeting_id}/room")
    expect(bo.heading("The meeting has ended.")).to_be_visible()
