"""Janus VideoRoom under the load of `forwarding`.

`unshare --net python -m benchmarks.janus <subscribers> <event loops>` prints a `Run` as JSON. Janus is Debian's, as the
package comes; where it is only unpacked (`dpkg -x`), JANUS_ROOT names the folder. Peers are the
DTLS server, so that Janus shakes hands with the suite it likes.
"""

import asyncio
import json
import multiprocessing as mp
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.packets import FORWARDS_PER_S, SSRC, Run, judge, publish, subscribe
from benchmarks.peer import Peer, attribute
from media_worker.transport.srtp import SrtpPair

ADDRESS = "127.10.0.1"
PORT = 18088
API = f"http://127.0.0.1:{PORT}/janus"
ROOT = Path(os.environ.get("JANUS_ROOT", "/"))
LIBRARIES = ROOT / "usr/lib/x86_64-linux-gnu"
START_S = 15.0


def missing() -> str:
    """Why it can't be measured here; empty where it can."""
    if not (ROOT / "usr/bin/janus").exists():
        return "Janus is not installed (Debian's package janus, or JANUS_ROOT)"
    if os.geteuid() != 0 or not shutil.which("unshare"):
        return "Janus needs a network of its own, which takes root and unshare"
    return ""


@contextmanager
def in_a_network_of_its_own(event_loops: int = 0) -> Iterator[int]:
    """Janus running at ADDRESS, by its process id; of a process that `unshare --net` has started.

    :param event_loops: how many threads all peers share; 0, the default, is a thread for each peer.
    """
    for command in (
        "link set lo up",
        "link add v0 type veth peer name v1",
        f"addr add {ADDRESS}/32 dev v0",
        "link set v0 up",
        "link set v1 up",
    ):
        subprocess.run(["ip", *command.split()], check=True)
    with tempfile.TemporaryDirectory() as folder, _running(Path(folder), event_loops) as pid:
        yield pid


def main(subscribers: int, event_loops: int) -> None:
    with in_a_network_of_its_own(event_loops) as pid:
        print(json.dumps(_measure(pid, subscribers)))


@contextmanager
def _running(folder: Path, event_loops: int) -> Iterator[int]:
    plugins, transports = LIBRARIES / "janus/plugins", LIBRARIES / "janus/transports"
    unused = [file.name for file in plugins.glob("*.so") if "videoroom" not in file.name]
    unused_transports = [file.name for file in transports.glob("*.so") if "http" not in file.name]
    (folder / "janus.jcfg").write_text(
        f"""general: {{ configs_folder = "{folder}" plugins_folder = "{plugins}" transports_folder = "{transports}"
            events_folder = "{folder}" loggers_folder = "{folder}" interface = "{ADDRESS}" debug_level = 2
            {f"event_loops = {event_loops}" if event_loops else ""} }}
            certificates: {{ }} media: {{ ipv6 = false }} nat: {{ ice_enforce_list = "v0" }}
            plugins: {{ disable = "{",".join(unused)}" }} transports: {{ disable = "{",".join(unused_transports)}" }}
        """
    )
    (folder / "janus.transport.http.jcfg").write_text(
        f"""general: {{ json = "compact" base_path = "/janus" http = true port = {PORT} ip = "127.0.0.1"
           https = false }} admin: {{ admin_http = false }}"""
    )
    (folder / "janus.plugin.videoroom.jcfg").write_text("general: { }\n")
    command: list[str | Path] = [ROOT / "usr/bin/janus", "-o", "-F", folder, "-C", folder / "janus.jcfg"]
    environment = {**os.environ, "LD_LIBRARY_PATH": str(LIBRARIES)}
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(command, env=environment, stdout=log, stderr=log) as process,
    ):
        try:
            _wait_for_api(process, folder / "log")
            yield process.pid
        finally:
            process.terminate()


def _wait_for_api(process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{API}/info", timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"Janus did not start: {log.read_text()[-500:]}")


class Handle:
    """A plugin handle in a session of its own; its events come by long poll."""

    def __init__(self) -> None:
        self._session = f"/{_ask('', janus='create')['data']['id']}"
        attached = _ask(self._session, janus="attach", plugin="janus.plugin.videoroom")
        self._path = f"{self._session}/{attached['data']['id']}"

    def say(self, body: dict[str, Any], jsep: dict[str, str] | None = None) -> dict[str, Any]:
        more = {"jsep": jsep} if jsep else {}
        return _ask(self._path, janus="message", body=body, **more)

    def event(self) -> dict[str, Any]:
        """The next one that the plugin sends."""
        while True:
            with urllib.request.urlopen(API + self._session, timeout=30) as answer:
                event: dict[str, Any] = json.load(answer)
            if "plugindata" in event:
                return event


def _ask(path: str, **message: Any) -> dict[str, Any]:
    data = json.dumps({**message, "transaction": secrets.token_hex(6)}).encode()
    request = urllib.request.Request(API + path, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        told: dict[str, Any] = json.load(answer)
    return told


def _codec(payload_type: str) -> list[str]:
    return [
        f"m=video 9 UDP/TLS/RTP/SAVPF {payload_type}",
        f"a=rtpmap:{payload_type} VP8/90000",
        f"a=rtcp-fb:{payload_type} nack",
        f"a=rtcp-fb:{payload_type} nack pli",
    ]


def _measure(pid: int, subscribers: int) -> Run:
    room = secrets.randbelow(1 << 30) + 1
    publishing = Handle()
    publishing.say({"request": "create", "room": room, "publishers": 1, "bitrate": 0, "videocodec": "vp8"})
    publishing.say({"request": "join", "ptype": "publisher", "room": room, "display": "p"})
    feed = publishing.event()["plugindata"]["data"]["id"]
    publisher = Peer(ADDRESS)
    media = [*_codec("96"), f"a=ssrc:{SSRC} cname:x"]
    offer = {"type": "offer", "sdp": publisher.sdp(media, "sendonly", "0", "passive")}
    publishing.say({"request": "configure", "video": True, "audio": False}, offer)
    keys = asyncio.run(publisher.connect(publishing.event()["jsep"]["sdp"], controlling=True, dtls_client=False))
    time.sleep(1)  # until Janus has the stream

    clients, theirs = [], []
    for _ in range(subscribers):
        handle = Handle()
        handle.say({"request": "join", "ptype": "subscriber", "room": room, "streams": [{"feed": feed}]})
        sdp = handle.event()["jsep"]["sdp"]
        client = Peer(ADDRESS)
        found = re.search(r"^m=video \d+ \S+ (\d+)", sdp, re.MULTILINE)
        answer = client.sdp(_codec(found[1] if found else "96"), "recvonly", attribute(sdp, "mid"), "passive")
        handle.say({"request": "start", "room": room}, {"type": "answer", "sdp": answer})
        theirs.append(asyncio.run(client.connect(sdp, controlling=False, dtls_client=False)))
        clients.append(client)

    context = mp.get_context("spawn")
    end, side = context.Pipe()
    counting = context.Process(target=subscribe, args=(side, [client.socket for client in clients], theirs[0]))
    counting.start()
    side.close()  # who dies is noticed
    end.recv()
    before = _cpu_s(pid)
    srtp = SrtpPair(keys)
    sent_at = publish(publisher.socket, srtp, publisher.remote, FORWARDS_PER_S // subscribers)
    end.send(len(sent_at))
    arrived, arrivals = end.recv()
    cpu_s = _cpu_s(pid) - before
    counting.join()
    return judge(cpu_s, sent_at, arrived, arrivals, subscribers)


def _cpu_s(pid: int) -> float:
    """Of all threads, from the scheduler's own count in nanoseconds."""
    return sum(int((task / "schedstat").read_text().split()[0]) for task in Path(f"/proc/{pid}/task").iterdir()) / 1e9


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
