"""Calls that go through a TURN server, coturn, and through nothing else."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Playwright, expect

from app.signaling.ice_servers import build_ice_servers
from tests.e2e import chromium
from tests.e2e.person import Person, eventually
from tests.e2e.server import Server
from tests.support.turn_server import TurnServer, require_coturn

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# The page's own connections, with its own ICE servers, but no way past the relay, and one way to it. `changes` replace
# what the servers' entries say.
RELAY_ONLY = """
([transport, changes]) => {
  const by = { udp: /^turn:.*=udp$/, tcp: /^turn:.*=tcp$/, tls: /^turns:/ }[transport];
  const narrowed = (settings) => ({
    ...settings,
    iceTransportPolicy: "relay",
    iceServers: settings.iceServers
      .map((one) => ({ ...one, ...changes, urls: one.urls.filter((url) => by.test(url)) }))
      .filter(({ urls }) => urls.length > 0),
  });
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(settings) {
      super(narrowed(settings));
    }
    setConfiguration(settings) {
      super.setConfiguration(narrowed(settings));
    }
  };
}
"""

PATHS = """
async () => {
  const paths = [];
  for (const connection of window.peerConnections) {
    if (connection.connectionState !== "connected") continue;
    const stats = await connection.getStats();
    for (const one of stats.values()) {
      if (one.type !== "candidate-pair" || !one.nominated || one.state !== "succeeded") continue;
      const { candidateType, relayProtocol } = stats.get(one.localCandidateId);
      paths.push([candidateType, relayProtocol]);
    }
  }
  return paths;
}
"""


@pytest.fixture(scope="module")
def turn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TurnServer]:
    require_coturn()
    with TurnServer(tmp_path_factory.mktemp("coturn")) as running:
        yield running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, turn: TurnServer) -> Iterator[Server]:
    chromium.require_chromium()
    settings = {"TURN_URLS": ",".join(turn.urls), "TURN_SECRET": turn.secret, "POLL_DEFAULT_WAIT_S": "5"}
    with Server(tmp_path_factory.mktemp("with-turn"), MEDIA_WORKERS="1", **settings) as running:
        yield running


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """It takes coturn's certificate without asking who vouches for it."""
    running: Browser = chromium.launch(playwright, args=("--ignore-certificate-errors",))
    yield running
    running.close()


@pytest.fixture
def relayed(visitor: Callable[..., Person]) -> Callable[..., Person]:
    """`relayed("Ada", "tcp")` is registered, and reaches others by way of the relay alone, which she reaches so."""

    def come(name: str, transport: str, **changes: str) -> Person:
        person = visitor(name)
        person.context.add_init_script(f"({RELAY_ONLY})({json.dumps([transport, changes])})")
        return person.register()

    return come


def meet(mode: str, *people: Person) -> str:
    first, *others = people
    meeting = first.api("POST", "/meetings", {"title": "Behind walls", "media_mode": mode})
    invitees = [{"email": one.email} for one in others]
    first.api("POST", f"/meetings/{meeting['id']}/invitations", {"invitees": invitees})
    meeting_id: str = meeting["id"]
    return meeting_id


def goes_by_relay(person: Person, transport: str, connections: int) -> None:
    expected = [["relay", transport]] * connections
    eventually(person.page, lambda: person.page.evaluate(PATHS) == expected, f"{person.name} goes by {expected}")


def sees(person: Person, others: int) -> None:
    def look() -> bool:
        media = person.media()
        return media["frames"] > 10 * others and media["energy"] > 0

    eventually(person.page, look, f"{person.name} sees and hears others")


def test_three_people_call_through_the_relay_and_a_media_worker_by_udp_tcp_and_tls(
    relayed: Callable[..., Person],
) -> None:
    people = {transport: relayed(f"Ada {transport}", transport) for transport in ("udp", "tcp", "tls")}
    meeting_id = meet("sfu", *people.values())
    for person in people.values():
        person.join(meeting_id)
    for transport, person in people.items():
        goes_by_relay(person, transport, connections=2)
        sees(person, others=2)


def test_two_people_call_each_other_through_the_relay(relayed: Callable[..., Person]) -> None:
    ada, bo = relayed("Ada Lind", "udp"), relayed("Bo Berg", "tls")
    meeting_id = meet("p2p", ada, bo)
    for person in (ada, bo):
        person.join(meeting_id)
    goes_by_relay(ada, "udp", connections=1)
    goes_by_relay(bo, "tls", connections=1)
    for person in (ada, bo):
        sees(person, others=1)
        person.control("Devices").click()
        expect(person.page.locator(".quality")).to_contain_text("From device to device, over a relay")


def test_a_wrong_password_and_an_expired_credential_are_refused_and_the_page_tells_by_whom(
    relayed: Callable[..., Person], turn: TurnServer
) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    given = {"stun_urls": (), "turn_urls": turn.urls, "turn_secret": turn.secret, "participant_id": "bo"}
    [expired] = build_ice_servers(**given, ttl_s=60, now=yesterday).servers
    ada = relayed("Ada Lind", "udp", credential="wrong")
    bo = relayed("Bo Berg", "udp", username=expired["username"], credential=expired["credential"])
    meeting_id = meet("p2p", ada, bo)
    for person in (ada, bo):
        person.join(meeting_id, debug=True)
    for person, other in ((ada, bo), (bo, ada)):
        refusal = person.page.locator(".debug li").filter(has_text="ice_server_failed").first
        expect(refusal).to_contain_text(f"url=turn:127.0.0.1:{turn.port}?transport=udp code=401")
        expect(person.tile(other)).to_contain_text("Connecting …")
        assert person.media()["connections"] == 0
    assert f"Cannot find credentials of user <{expired['username']}>" in turn.log()
