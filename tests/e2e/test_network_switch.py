"""A browser goes from one network to another in the middle of a call: nobody sees it leave, and the call goes on."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Playwright, expect

from tests.e2e import chromium
from tests.e2e.person import Person, eventually, see_and_hear
from tests.e2e.server import Server
from tests.e2e.two_networks import TwoNetworks, require_networks

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]

People = Callable[..., Person]

# What comes through the inboxes of a page, as it arrives.
REMEMBER_MESSAGES = """
window.heard = [];
const ask = window.fetch;
window.fetch = async (...request) => {
  const answer = await ask(...request);
  if (String(request[0]).includes("/rtc/inbox"))
    answer.clone().json().then((poll) => window.heard.push(...(poll.messages ?? [])), () => {});
  return answer;
};
"""


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoNetworks]:
    require_networks()
    with TwoNetworks(tmp_path_factory.mktemp("networks")) as laid:
        yield laid


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, networks: TwoNetworks) -> Iterator[Server]:
    """Polls last as long as they do in earnest: nothing comes back by itself because one was over."""
    chromium.require_chromium()
    with Server(tmp_path_factory.mktemp("parley"), HOST="0.0.0.0") as running:
        yield running


@pytest.fixture
def phone(playwright: Playwright, networks: TwoNetworks, server: Server) -> Iterator[Browser]:
    origin = f"http://{networks.host}:{server.port}"
    args = (
        f"--unsafely-treat-insecure-origin-as-secure={origin}",
        f"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE {networks.host}",
    )
    running = chromium.launch(playwright, executable_path=networks.executable, args=args)
    yield running
    running.close()


def test_a_call_goes_on_in_another_network(
    someone: People, visitor: People, phone: Browser, networks: TwoNetworks, server: Server
) -> None:
    ada = someone("Ada Lind")
    bo = visitor("Bo Berg", browser=phone, base_url=f"http://{networks.host}:{server.port}").register()
    meeting_id = ada.create_meeting("Weekly sync", invite=bo)
    ada.context.add_init_script(REMEMBER_MESSAGES)
    ada.join(meeting_id)
    bo.join(meeting_id)
    see_and_hear(ada)
    see_and_hear(bo)
    for person in (ada, bo):
        person.control("Chat").click()
    place = ada.tile(bo).get_attribute("data-participant")

    # The first goes before the second comes, as on the way out of the door; a word is said meanwhile.
    networks.down("wifi")
    expect(bo.banner("offline")).to_be_visible()
    ada.page.get_by_label("Write a message").fill("Are you still there?")
    ada.page.get_by_role("button", name="Send").click()
    bo.control("Mute").click()
    networks.up("cable")
    goes_on(ada, bo)
    expect(bo.banner("offline")).to_be_hidden()
    expect(ada.tile(bo)).to_contain_text("Muted")
    expect(bo.page.get_by_role("log", name="Messages")).to_contain_text("Are you still there?")

    # The second goes when the first is there again: no browser tells a page of that.
    networks.up("wifi")
    networks.down("cable")
    goes_on(ada, bo)
    bo.control("Unmute").click()
    expect(ada.tile(bo)).not_to_contain_text("Muted")

    heard = ada.page.evaluate("() => heard.map(({ type, payload }) => [type, payload.participant?.id])")
    assert [kind for kind, whom in heard if whom == place and kind != "participant.updated"] == ["participant.joined"]
    assert ada.tile(bo).get_attribute("data-participant") == place
    for person in (ada, bo):
        assert person.page.evaluate("() => peerConnections.length") == 1  # the same one, by another way


def goes_on(*people: Person) -> None:
    """Everybody sees new pictures and hears new sound from now on."""
    for person in people:
        before = person.media()

        def look(person: Person = person, before: dict[str, Any] = before) -> bool:
            now = person.media()
            return now["frames"] > before["frames"] + 10 and now["packets"] > before["packets"] + 20

        eventually(person.page, look, f"{person.name} sees and hears on")
