"""GStreamer as Debian has it: its bindings are for the system's Python, so what uses them is a program of its own."""

import os
import subprocess
from functools import cache
from pathlib import Path

import pytest

PYTHON = "/usr/bin/python3"
CLIENT = Path(__file__).with_name("gstreamer_client.py")
_NEEDED = ("webrtcbin", "nicesrc", "vp8enc", "openh264enc", "opusenc", "rtpvp8pay", "h264parse")
_LOOK = f"""
import gi
gi.require_version("Gst", "1.0"), gi.require_version("GstWebRTC", "1.0")
from gi.repository import Gst, GstWebRTC
Gst.init(None)
print(*[name for name in {_NEEDED} if Gst.ElementFactory.find(name) is None])
"""


@cache
def _missing() -> str:
    try:
        looked = subprocess.run([PYTHON, "-c", _LOOK], capture_output=True, text=True, timeout=60)
    except OSError as error:
        return str(error)
    return looked.stdout.strip() or (looked.stderr[-200:] if looked.returncode else "")


def require() -> None:
    """Skip the calling test where GStreamer is not installed; fail it instead when REQUIRE_ALL=1."""
    if not _missing():
        return
    reason = f"GStreamer is not installed for {PYTHON}: {_missing()}"
    if os.environ.get("REQUIRE_ALL") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
