"""How the tests start Chromium: headless, with a fake camera and microphone, and no network but loopback.

`launch(playwright)` serves Playwright's synchronous and asynchronous interfaces alike: it returns what
`chromium.launch` of that interface returns, a browser or an awaitable of one. Every launch has a fresh
profile.
"""

import os
import shutil
from typing import Any

import pytest

EXECUTABLE = "/usr/bin/chromium"

ARGS = (
    "--no-sandbox",  # tests run as root in containers, where the sandbox can't start
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream=fps=8",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--auto-accept-this-tab-capture",  # getDisplayMedia without a person to pick a window
    # Two peers in one browser, or a peer and a server on one machine, must reach each other by plain
    # addresses.
    "--allow-loopback-in-peer-connection",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)


def require_chromium() -> None:
    """Skip the calling test when Chromium is not installed; fail it instead when REQUIRE_ALL=1."""
    if shutil.which(EXECUTABLE):
        return
    reason = f"Chromium is not installed at {EXECUTABLE}"
    if os.environ.get("REQUIRE_ALL") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def launch(playwright: Any, *, args: tuple[str, ...] = (), **options: Any) -> Any:
    """Start Chromium with `ARGS` and the caller's further `args`; `options` go to Playwright's `launch`."""
    require_chromium()
    options = {"executable_path": EXECUTABLE, "headless": True, **options}
    return playwright.chromium.launch(args=[*ARGS, *args], **options)
