"""A network of its own for a browser, with two ways to the machine that the tests run on: one of them at a time is up.

The browser sits in a network namespace with two interfaces, each with an address and a default route. Both lead to a
bridge in a second namespace, and from there one cable to the host, where nothing changes when the browser's way does:

    browser's namespace  wifi, cable ── bridge ── host

The addresses are from 198.18.0.0/15, which no real network uses (RFC 2544 §C.2.2).
"""

import os
import shutil
import stat
import subprocess
from ipaddress import IPv4Network
from pathlib import Path
from typing import Self

import pytest

from tests.e2e import chromium

WAYS = ("wifi", "cable")


class TwoNetworks:
    """`with TwoNetworks(folder) as networks:` needs root; `networks.executable` is Chromium within it."""

    def __init__(self, folder: Path) -> None:
        self.executable = folder / "chromium-within"
        number = os.getpid() % 2**13
        subnets = list(IPv4Network("198.18.0.0/15").subnets(new_prefix=29))[2 * number : 2 * number + 2]
        self._subnets = dict(zip(WAYS, subnets, strict=True))
        self._browsers, self._bridges = f"parley-b{os.getpid()}", f"parley-s{os.getpid()}"
        self._cable = f"parley{os.getpid()}"
        self.host = str(subnets[0][1])  # the address of the host, by whichever way

    def __enter__(self) -> Self:
        try:
            self._lay()
        except BaseException:
            self.__exit__()
            raise
        self.executable.write_text(f'#!/bin/sh\nexec ip netns exec {self._browsers} {chromium.EXECUTABLE} "$@"\n')
        self.executable.chmod(self.executable.stat().st_mode | stat.S_IXUSR)
        return self

    def __exit__(self, *_: object) -> None:
        for namespace in (self._browsers, self._bridges):
            subprocess.run(["ip", "netns", "del", namespace], check=False, capture_output=True)  # and what is in it

    def _lay(self) -> None:
        for namespace in (self._browsers, self._bridges):
            _ip("netns add", namespace)
            _ip("-n", namespace, "link set lo up")
        _ip("-n", self._bridges, "link add bridge type bridge")
        _ip("-n", self._bridges, "link set bridge up")
        _ip("link add", self._cable, "type veth peer name host netns", self._bridges)
        _ip("link set", self._cable, "addrgenmode none")
        _ip("-n", self._bridges, "link set host master bridge up")
        for way, subnet in self._subnets.items():
            _ip("-n", self._browsers, "link add", way, "type veth peer name", way, "netns", self._bridges)
            _ip("-n", self._browsers, "link set", way, "addrgenmode none")
            _ip("-n", self._bridges, "link set", way, "master bridge up")
            _ip("address add", f"{subnet[1]}/{subnet.prefixlen} dev", self._cable)
        _ip("link set", self._cable, "up")
        self.up("wifi")

    def up(self, way: str) -> None:
        """As when a device has joined a network: there is an address, and a way to everywhere."""
        subnet = self._subnets[way]
        _ip("-n", self._browsers, "link set", way, "up")
        _ip("-n", self._browsers, f"address add {subnet[2]}/{subnet.prefixlen} dev", way)
        _ip("-n", self._browsers, f"route add default via {subnet[1]} metric {WAYS.index(way) + 1}")

    def down(self, way: str) -> None:
        """As when it is out of reach: the address and the route are gone."""
        _ip("-n", self._browsers, "address flush dev", way)
        _ip("-n", self._browsers, "link set", way, "down")


def require_networks() -> None:
    """Skip the calling test where no network can be laid; fail it instead when REQUIRE_ALL=1."""
    reason = None
    if not shutil.which("ip"):
        reason = "`ip` is not installed (Debian: iproute2)"
    elif os.geteuid() != 0:
        reason = "only root may lay networks"
    if reason and os.environ.get("REQUIRE_ALL") == "1":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *" ".join(words).split()], check=True, capture_output=True, timeout=60)
