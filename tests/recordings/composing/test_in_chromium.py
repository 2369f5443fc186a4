"""A composed recording in the player that most people have."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from app.recordings.composing.compose import compose
from app.recordings.composing.plan import Plan, TrackFile
from tests.e2e.chromium import launch
from tests.support.tracks import BLUE, RED, audio_file, flat, times, tone, video_file

pytestmark = pytest.mark.browser

# Loads the file, goes to a moment, and tells what is there.
SEEK = """async ([name, seconds]) => {
  const player = document.createElement(name.endsWith("m4a") ? "audio" : "video");
  const event = (which) => new Promise((resolve, reject) => {
    player.addEventListener(which, resolve, {once: true});
    player.addEventListener("error", () => reject(new Error(player.error.message)), {once: true});
  });
  const loaded = event("loadeddata");
  player.src = URL.createObjectURL(await (await fetch(name)).blob());  // the server here knows no ranges
  player.muted = true;
  await loaded;
  const sought = event("seeked");
  player.currentTime = seconds;
  await sought;
  const canvas = document.createElement("canvas");
  canvas.width = player.videoWidth || 1; canvas.height = player.videoHeight || 1;
  const drawn = canvas.getContext("2d");
  let pixel = [0, 0, 0, 0];
  while (player.videoWidth && pixel[3] === 0) {  // transparent until the picture is there, which may be after "seeked"
    await new Promise(requestAnimationFrame);
    drawn.drawImage(player, 0, 0);
    pixel = [...drawn.getImageData(canvas.width / 3, canvas.height / 3, 1, 1).data];
  }
  const ended = event("ended");
  await player.play();
  await ended;
  return {duration: player.duration, width: player.videoWidth, height: player.videoHeight, pixel};
}"""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """The folder `tmp_path`, at an address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(SimpleHTTPRequestHandler, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_chromium_plays_a_composed_recording_and_seeks_in_it(tmp_path: Path, served: str) -> None:
    frames = [(t, flat(RED if t < 2 else BLUE)) for t in times(0, 4)]
    tracks = [
        TrackFile(video_file(tmp_path / "v.webm", frames), "video", "camera", "anna", "Anna", 0.0),
        TrackFile(audio_file(tmp_path / "a.webm", [(0.0, tone(440, 4))]), "audio", "microphone", "anna", "Anna", 0.0),
    ]
    for audio_only in (False, True):
        compose(Plan(tracks, 4.0, "grid", audio_only, width=320, height=180), tmp_path, lambda _: None)
    (tmp_path / "index.html").write_text("<!doctype html><title>Player</title>")
    with sync_playwright() as playwright, launch(playwright) as browser:
        page = browser.new_page()
        page.goto(f"{served}/index.html")
        seen: dict[str, Any] = page.evaluate(SEEK, ["recording.mp4", 3.5])
        heard: dict[str, Any] = page.evaluate(SEEK, ["recording.m4a", 3.5])
    assert seen["duration"] == pytest.approx(4.0, abs=0.2)
    assert (seen["width"], seen["height"]) == (320, 180)
    assert seen["pixel"][:3] == pytest.approx(BLUE, abs=25)
    assert heard["duration"] == pytest.approx(4.0, abs=0.2)
