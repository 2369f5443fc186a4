"""Janus VideoRoom under the load of `forwarding`: `unshare --net python -m benchmarks.janus <subscribers>`.

It prints a `Run` as JSON. Janus is Debian's, as the package comes; where it is only unpacked (`dpkg -x`), JANUS_ROOT
names the folder. Its clients are as small as they can be: ICE, DTLS and SRTP, no media stack.
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

from aioice import stun
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsFingerprint

from benchmarks.packets import FORWARDS_PER_S, SSRC, Run, judge, publish, subscribe
from media_worker.transport.dtls import DtlsServer, SrtpKeys
from media_worker.transport.ice_lite import Credentials
from media_worker.transport.srtp import SrtpPair
from media_worker.transport.udp_mux import open_socket

ADDRESS = "127.10.0.1"
API = "http://127.0.0.1:18088/janus"
ROOT = Path(os.environ.get("JANUS_ROOT", "/"))
LIBRARIES = ROOT / "usr/lib/x86_64-linux-gnu"
START_S = 15.0
CONNECT_S = 20.0


def missing() -> str:
    """Why it can't be measured here; empty where it can."""
    if not (ROOT / "usr/bin/janus").exists():
        return "Janus is not installed (Debian's package janus, or JANUS_ROOT)"
    if os.geteuid() != 0 or not shutil.which("unshare"):
        return "Janus needs a network of its own, which takes root and unshare"
    return ""


def main(subscribers: int) -> None:
    for command in (
        "link set lo up",
        "link add v0 type veth peer name v1",
        f"addr add {ADDRESS}/32 dev v0",
        "link set v0 up",
        "link set v1 up",
    ):
        subprocess.run(["ip", *command.split()], check=True)
    with tempfile.TemporaryDirectory() as folder, _running(Path(folder)) as pid:
        print(json.dumps(_measure(pid, subscribers)))


@contextmanager
def _running(folder: Path) -> Iterator[int]:
    plugins, transports = LIBRARIES / "janus/plugins", LIBRARIES / "janus/transports"
    unused = [file.name for file in plugins.glob("*.so") if "videoroom" not in file.name]
    unused_transports = [file.name for file in transports.glob("*.so") if "http" not in file.name]
    (folder / "janus.jcfg").write_text(
        f"""general: {{ configs_folder = "{folder}" plugins_folder = "{plugins}" transports_folder = "{transports}"
            events_folder = "{folder}" loggers_folder = "{folder}" interface = "{ADDRESS}" debug_level = 2 }}
            certificates: {{ }} media: {{ ipv6 = false }} nat: {{ ice_enforce_list = "v0" }}
            plugins: {{ disable = "{",".join(unused)}" }} transports: {{ disable = "{",".join(unused_transports)}" }}
        """
    )
    (folder / "janus.transport.http.jcfg").write_text(
        """general: { json = "compact" base_path = "/janus" http = true port = 18088 ip = "127.0.0.1" https = false }
           admin: { admin_http = false }"""
    )
    (folder / "janus.plugin.videoroom.jcfg").write_text("general: { }\n")
    command = [ROOT / "usr/bin/janus", "-o", "-F", folder, "-C", folder / "janus.jcfg"]
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


class Client:
    """One peer connection's transport. It is the DTLS server, so that Janus shakes hands with the suite it likes."""

    def __init__(self) -> None:
        self.socket = open_socket(ADDRESS, 0)
        self.credentials = Credentials.new()
        self.certificate = RTCCertificate.generateCertificate()
        self.remote = ("", 0)

    def sdp(self, media: list[str], direction: str, mid: str, setup: str) -> str:
        fingerprint = next(one.value for one in self.certificate.getFingerprints() if one.algorithm == "sha-256")
        host, port = self.socket.getsockname()
        lines = ["v=0", f"o=- 1 1 IN IP4 {host}", "s=-", "t=0 0", f"a=group:BUNDLE {mid}", media[0], f"c=IN IP4 {host}"]
        lines += [f"a={direction}", f"a=mid:{mid}", "a=rtcp-mux", f"a=ice-ufrag:{self.credentials.ufrag}"]
        lines += [f"a=ice-pwd:{self.credentials.password}", f"a=fingerprint:sha-256 {fingerprint}", f"a=setup:{setup}"]
        lines += [f"a=candidate:1 1 udp 2130706431 {host} {port} typ host", "a=end-of-candidates", *media[1:]]
        return "\r\n".join(lines) + "\r\n"

    async def connect(self, remote: str, *, controlling: bool) -> SrtpKeys:
        theirs = Credentials(_attribute(remote, "ice-ufrag"), _attribute(remote, "ice-pwd"))
        candidate = next(line.split() for line in _attributes(remote, "candidate") if " udp " in line.lower())
        self.remote = (candidate[4], int(candidate[5]))
        fingerprint = RTCDtlsFingerprint(*_attribute(remote, "fingerprint").split())
        dtls = DtlsServer(self.certificate, lambda data: self._send(data))
        shaking = asyncio.create_task(dtls.connect([fingerprint], CONNECT_S))
        checking = asyncio.create_task(self._check(theirs, controlling))
        reading = asyncio.create_task(self._read(dtls))
        try:
            if not await shaking or dtls.keys is None:
                raise RuntimeError("the handshake with Janus failed")
            return dtls.keys
        finally:
            for task in (checking, reading):
                task.cancel()
            await asyncio.gather(checking, reading, return_exceptions=True)
            if dtls._task is not None:  # the connection stays, though nobody listens to its DTLS any more
                dtls._task.cancel()

    def _send(self, data: bytes) -> None:
        self.socket.sendto(data, self.remote)

    async def _check(self, theirs: Credentials, controlling: bool) -> None:
        while True:
            message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
            message.attributes["USERNAME"] = f"{theirs.ufrag}:{self.credentials.ufrag}"
            message.attributes["PRIORITY"] = 1845501695
            if controlling:
                message.attributes |= {"ICE-CONTROLLING": 1 << 62, "USE-CANDIDATE": None}
            else:
                message.attributes["ICE-CONTROLLED"] = 5
            message.add_message_integrity(theirs.password.encode())
            self._send(bytes(message))
            await asyncio.sleep(0.2)

    async def _read(self, dtls: DtlsServer) -> None:
        self.socket.setblocking(False)
        while True:
            data = await asyncio.get_running_loop().sock_recv(self.socket, 4096)
            if 20 <= data[0] < 64:
                dtls.receive(data)
            elif data[0] < 4:
                message = stun.parse_message(data)
                if message.message_class == stun.Class.REQUEST:
                    reply = stun.Message(message.message_method, stun.Class.RESPONSE, message.transaction_id)
                    reply.attributes["XOR-MAPPED-ADDRESS"] = self.remote
                    reply.add_message_integrity(self.credentials.password.encode())
                    self._send(bytes(reply))


def _attributes(sdp: str, name: str) -> list[str]:
    return re.findall(rf"^a={name}:(.*?)\r?$", sdp, re.MULTILINE)


def _attribute(sdp: str, name: str) -> str:
    return str(_attributes(sdp, name)[0])


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
    publisher = Client()
    media = [*_codec("96"), f"a=ssrc:{SSRC} cname:x"]
    offer = {"type": "offer", "sdp": publisher.sdp(media, "sendonly", "0", "passive")}
    publishing.say({"request": "configure", "video": True, "audio": False}, offer)
    keys = asyncio.run(publisher.connect(publishing.event()["jsep"]["sdp"], controlling=True))
    time.sleep(1)  # until Janus has the stream

    clients, theirs = [], []
    for _ in range(subscribers):
        handle = Handle()
        handle.say({"request": "join", "ptype": "subscriber", "room": room, "streams": [{"feed": feed}]})
        sdp = handle.event()["jsep"]["sdp"]
        client = Client()
        found = re.search(r"^m=video \d+ \S+ (\d+)", sdp, re.MULTILINE)
        answer = client.sdp(_codec(found[1] if found else "96"), "recvonly", _attribute(sdp, "mid"), "passive")
        handle.say({"request": "start", "room": room}, {"type": "answer", "sdp": answer})
        theirs.append(asyncio.run(client.connect(sdp, controlling=False)))
        clients.append(client)

    context = mp.get_context("spawn")
    end, side = context.Pipe()
    counting = context.Process(target=subscribe, args=(side, [client.socket for client in clients], theirs[0]))
    counting.start()
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
    main(int(sys.argv[1]))
