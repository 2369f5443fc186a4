"""Debian's coturn, set up as docs/operations.md says, on free ports of loopback."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

import pytest

from tests.support.certificates import write_certificate

PROGRAM = "turnserver"
START_S = 60
ROOT = Path(__file__).parents[2]

# What differs from a server of the public: everything is on one machine, and ports may be taken.
ON_LOOPBACK = """
listening-ip=127.0.0.1
relay-ip=127.0.0.1
allow-loopback-peers
no-cli
log-file=stdout
simple-log
"""


def require_coturn() -> None:
    """Skip the calling test when coturn is not installed; fail it instead when REQUIRE_ALL=1."""
    if shutil.which(PROGRAM):
        return
    if os.environ.get("REQUIRE_ALL") == "1":
        pytest.fail("coturn is not installed")
    pytest.skip("coturn is not installed")


class TurnServer:
    """`with TurnServer(folder) as turn:` listens at `port` (UDP, TCP) and `tls_port` (TLS)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.secret = "north-wind-42"
        self.port, self.tls_port = _free_port(), _free_port()

    @property
    def urls(self) -> list[str]:
        """As TURN_URLS names them."""
        plain, encrypted = f"127.0.0.1:{self.port}", f"127.0.0.1:{self.tls_port}"
        return [f"turn:{plain}?transport=udp", f"turn:{plain}?transport=tcp", f"turns:{encrypted}?transport=tcp"]

    def __enter__(self) -> Self:
        certificate = self.folder / "turn-server.pem"
        write_certificate(certificate)
        changes = {
            "listening-port": self.port,
            "tls-listening-port": self.tls_port,
            "static-auth-secret": self.secret,
            "cert": certificate,
            "pkey": certificate,
        }
        settings = _documented()
        for name, value in changes.items():
            settings, found = re.subn(f"^{name}=.*$", f"{name}={value}", settings, flags=re.M)
            assert found == 1, f"docs/operations.md has no {name}"
        file = self.folder / "turnserver.conf"
        file.write_text(f"{settings}{ON_LOOPBACK}pidfile={self.folder / 'turnserver.pid'}\n")
        with (self.folder / "turnserver.log").open("wb") as log:
            self._process = subprocess.Popen(
                [PROGRAM, "-c", file], stdout=log, stderr=subprocess.STDOUT, cwd=self.folder, start_new_session=True
            )
        self._wait_until_ready()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)  # it keeps nothing
        self._process.wait(START_S)

    def log(self) -> str:
        return (self.folder / "turnserver.log").read_text(errors="replace")

    def _wait_until_ready(self) -> None:
        give_up_at = time.monotonic() + START_S
        while time.monotonic() < give_up_at and self._process.poll() is None:
            try:
                for port in (self.port, self.tls_port):
                    socket.create_connection(("127.0.0.1", port), timeout=2).close()
                return
            except OSError:
                time.sleep(0.1)  # between two looks, not for luck
        self.__exit__()
        raise AssertionError(f"coturn did not come up.\n{self.log()[-4000:]}")


def _documented() -> str:
    page = (ROOT / "docs" / "operations.md").read_text()
    found = re.search(r"^```\n(# /etc/turnserver.conf\n.*?)^```$", page, re.M | re.S)
    assert found
    return found[1]


def _free_port() -> int:
    """One that is free for UDP and TCP."""
    while True:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            port: int = tcp.getsockname()[1]
            try:
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
