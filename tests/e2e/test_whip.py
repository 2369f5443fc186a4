"""Encoders and players of WHIP and WHEP, real ones, on a real media worker: Chromium without any of our code, and
GStreamer.
"""

import json
import secrets
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from typing import Any, Self

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.person import eventually
from tests.e2e.server import START_S, Server
from tests.support import gstreamer

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# Nothing but what the RFC says: an offer out, an answer in.
EXCHANGE = """
async ([endpoint, token, way, kinds]) => {
  const connection = new RTCPeerConnection();
  if (way === "whip") {
    const camera = await navigator.mediaDevices.getUserMedia(
      { audio: true, video: { width: 160, height: 90, frameRate: 8 } });
    for (const track of camera.getTracks()) connection.addTransceiver(track, { direction: "sendonly" });
  } else {
    for (const kind of kinds) connection.addTransceiver(kind, { direction: "recvonly" });
    connection.ontrack = ({ track }) => {  // sound that nobody plays is not decoded
      const element = document.body.appendChild(document.createElement("video"));
      element.srcObject = new MediaStream([track]);
      element.play();
    };
  }
  await connection.setLocalDescription(await connection.createOffer());
  const answer = await fetch(endpoint, {
    method: "POST", body: connection.localDescription.sdp,
    headers: { "Content-Type": "application/sdp", Authorization: `Bearer ${token}` },
  });
  if (answer.status !== 201) throw new Error(await answer.text());
  await connection.setRemoteDescription({ type: "answer", sdp: await answer.text() });
  (window.peers ??= []).push(connection);
  return answer.headers.get("Location");
}
"""
# Of the newest connection, by m-line: pictures decoded, or what sound there was.
COMING = """
async () => [...(await window.peers.at(-1).getStats()).values()].filter((one) => one.type === "inbound-rtp")
  .map((one) => one.kind === "video" ? one.framesDecoded : one.totalAudioEnergy)
"""


class Api:
    """What a person does with plain requests."""

    def __init__(self, server: Server, name: str) -> None:
        self.url, self.token = f"{server.url}/api/v1", ""
        body = {"email": f"{name}@example.org", "password": "correct horse battery", "display_name": name}
        self.token = self.ask("POST", "/auth/register", body)["access_token"]

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} | (
            {"Authorization": f"Bearer {self.token}"} if self.token else {}
        )
        with urllib.request.urlopen(urllib.request.Request(self.url + path, data, headers, method=method)) as answer:
            return json.loads(answer.read() or b"null")


class GStreamer:
    """`tests/support/gstreamer_client.py`, and what it has told so far."""

    def __init__(self, way: str, endpoint: str, token: str, codec: str = "vp8") -> None:
        command = [gstreamer.PYTHON, str(gstreamer.CLIENT), way, endpoint, token, codec]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.told: dict[str, Any] = {}
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            told = json.loads(line)
            if "error" in told or "refused" in told:
                print(line)
            self.told |= told

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.stdin:
            self._process.stdin.close()
        try:
            assert self._process.wait(START_S) == 0
        finally:
            self._process.kill()
            self._reader.join()

    @property
    def participant_id(self) -> str:
        return str(self.told["session"]).split("/")[-2]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("whip"), MEDIA_WORKERS="1") as running:
        yield running


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    """On Parley's origin, with nothing of ours on it."""
    page = browser.new_page()
    page.goto(f"{server.url}/health/live")
    yield page
    page.close()


@pytest.fixture
def meeting(server: Server, page: Page) -> tuple[Api, str, str]:
    """A live one on the worker: its owner, its id, its address."""
    owner = Api(server, f"owner-{secrets.token_hex(4)}")
    has_worker = """async ([url, token]) => (await fetch(`${url}/meetings`, {method: "POST",
        headers: {"Content-Type": "application/json", Authorization: `Bearer ${token}`},
        body: JSON.stringify({title: "Studio", media_mode: "sfu"})})).json().then(async ({id}) =>
        (await fetch(`${url}/meetings/${id}/start`, {method: "POST", headers: {Authorization: `Bearer ${token}`}})).ok
        ? id : null)"""
    found = eventually(page, lambda: page.evaluate(has_worker, [owner.url, owner.token]), "a worker is there")
    return owner, str(found), f"{owner.url}/meetings/{found}"


def exchange(page: Page, owner: Api, endpoint: str, way: str, *kinds: str) -> str:
    """The path of the session."""
    return str(page.evaluate(EXCHANGE, [endpoint, owner.token, way, list(kinds)]))


def comes(page: Page, count: int) -> None:
    def look() -> bool:
        coming = page.evaluate(COMING)
        return len(coming) == count and all(amount > (3 if isinstance(amount, int) else 0) for amount in coming)

    eventually(page, look, f"pictures and sound on {count} m-lines")


def test_a_plain_page_publishes_and_plays(page: Page, meeting: tuple[Api, str, str]) -> None:
    owner, meeting_id, address = meeting
    session = exchange(page, owner, f"{address}/whip", "whip")
    exchange(page, owner, f"{address}/whip", "whip")
    listed = f"/meetings/{meeting_id}/rtc/tracks"
    eventually(page, lambda: len(owner.ask("GET", listed)["items"]) == 4, "their tracks are listed")
    sources = [one["source"] for one in owner.ask("GET", listed)["items"]]
    assert sorted(sources) == ["camera", "camera", "microphone", "microphone"]
    exchange(page, owner, f"{address}/whep", "whep", "audio", "video")
    comes(page, 2)
    exchange(page, owner, f"{address}/whep", "whep", "audio", "audio", "video", "video")  # one for each encoder's
    comes(page, 4)

    # Its tab is closed: its stay ends by itself, without a request.
    page.evaluate("() => peers[0].close()")
    encoder = session.removeprefix("/api/v1").removesuffix("/whip")
    eventually(page, lambda: owner.ask("GET", encoder)["state"] == "left", "the encoder is gone")
    assert owner.ask("GET", encoder)["left_reason"] == "timed_out"


@pytest.mark.parametrize("codec", ["vp8", "h264"])
def test_gstreamer_and_chromium_see_and_hear_each_other(page: Page, meeting: tuple[Api, str, str], codec: str) -> None:
    gstreamer.require()
    owner, _, address = meeting
    mine = exchange(page, owner, f"{address}/whip", "whip").split("/")[-2]
    with GStreamer("whip", f"{address}/whip", owner.token, codec) as encoder:
        eventually(page, lambda: encoder.told.get("state") == "connected", f"GStreamer publishes: {encoder.told}")
        exchange(page, owner, f"{address}/whep?participant_id={encoder.participant_id}", "whep", "audio", "video")
        comes(page, 2)
        with GStreamer("whep", f"{address}/whep?participant_id={mine}", owner.token) as player:
            eventually(
                page,
                lambda: min(player.told.get("video", 0), player.told.get("audio", 0)) > 3,
                f"GStreamer plays: {player.told}",
            )
    # Each has said goodbye by DELETE.
    for gone in (encoder, player):
        assert owner.ask("GET", f"/participants/{gone.participant_id}")["left_reason"] == "left"
