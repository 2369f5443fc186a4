"""An S3 server of the tests' own: Ceph's RADOS gateway in front of a cluster of one node, in memory, on free ports.

Unlike mocks it enforces signatures, their expiry, sizes of parts, and CORS. Debian's packages are `radosgw`,
`ceph-mon`, `ceph-mgr` and `ceph-osd`. Started once for all workers of a run; skipped where it is not installed.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.request import urlopen

from tests.support.own_servers import program
from tests.support.waiting import eventually

STARTED_WITHIN_S = 60.0
ROOT = Path(__file__).parents[2]
REGION = "default"
PROGRAMS = ("ceph-mon", "ceph-mgr", "ceph-osd", "radosgw", "radosgw-admin", "monmaptool", "ceph")


@dataclass(frozen=True)
class S3Server:
    """`admin` runs radosgw-admin."""

    endpoint: str
    access_key: str
    secret_key: str
    conf: Path

    def admin(self, *arguments: str) -> str:
        return _run("radosgw-admin", "-c", str(self.conf), *arguments)


@contextmanager
def shared_s3_server() -> Iterator[S3Server]:
    """One server for all workers of a run: the first starts it, the last one that uses it ends it."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    if run is None:
        with s3_server() as server:
            yield server
        return
    _check_installed()
    folder = Path(tempfile.gettempdir()) / f"parley-s3-{run}"
    folder.mkdir(exist_ok=True)
    with _users(folder) as users:
        if not users:
            _start_for_all(folder)
        users.append(os.getpid())
    try:
        told = json.loads((folder / "server").read_text())
        yield S3Server(told["endpoint"], told["access_key"], told["secret_key"], Path(told["conf"]))
    finally:
        with _users(folder) as users:
            users.remove(os.getpid())


def _start_for_all(folder: Path) -> None:
    (folder / "server").unlink(missing_ok=True)
    with (folder / "log").open("wb") as log:
        command = [sys.executable, "-m", "tests.support.ceph", str(folder), str(os.getpid())]
        keeper = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)

    def is_there() -> bool:
        assert keeper.poll() is None, (folder / "log").read_text()
        return (folder / "server").exists()

    eventually(is_there, "the RADOS gateway to be ready", 2 * STARTED_WITHIN_S)


def _keep(folder: Path, first_user: int) -> None:
    """The keeper's process: a server for as long as any worker lives that uses it."""
    with s3_server() as server:
        draft = folder / "draft"
        draft.write_text(json.dumps({**asdict(server), "conf": str(server.conf)}))
        draft.replace(folder / "server")
        users = [first_user]
        while any(Path(f"/proc/{user}").exists() for user in users):
            time.sleep(0.2)
            with _users(folder) as users:
                pass


@contextmanager
def _users(folder: Path) -> Iterator[list[int]]:
    with (folder / "users").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        users = [int(word) for word in file.read().split()]
        try:
            yield users
        finally:
            file.truncate(0)
            file.write(" ".join(map(str, users)))


@contextmanager
def s3_server() -> Iterator[S3Server]:
    _check_installed()
    with ExitStack() as cleaning:
        folder = Path(tempfile.mkdtemp(prefix="parley-ceph-"))  # short: its sockets' names have a limit
        cleaning.callback(shutil.rmtree, folder, ignore_errors=True)
        monitor, gateway = _free_port(), _free_port()
        conf = _configure(folder, monitor, gateway)
        ceph = ("ceph", "-c", str(conf), "--connect-timeout", "20")

        _run(
            "monmaptool", "--create", "--fsid", _fsid(conf), "--addv", "a", f"[v2:127.0.0.1:{monitor}]", f"{folder}/map"
        )
        _run(
            "ceph-mon",
            "-c",
            str(conf),
            "-i",
            "a",
            "--mkfs",
            "--monmap",
            f"{folder}/map",
            "--keyring",
            f"{folder}/keyring",
        )
        _start(cleaning, folder, "ceph-mon", "-c", str(conf), "-i", "a", "-f")
        _start(cleaning, folder, "ceph-mgr", "-c", str(conf), "-i", "a", "-f")
        osd = str(uuid.uuid4())
        _run(*ceph, "osd", "new", osd)
        _run("ceph-osd", "-c", str(conf), "-i", "0", "--mkfs", "--osd-uuid", osd)
        _start(cleaning, folder, "ceph-osd", "-c", str(conf), "-i", "0", "-f")
        _start(cleaning, folder, "radosgw", "-c", str(conf), "-n", "client.rgw", "-f")

        endpoint = f"http://127.0.0.1:{gateway}"
        eventually(lambda: _answers(endpoint), "the RADOS gateway to answer", STARTED_WITHIN_S)
        server = S3Server(endpoint, "parley-key", "parley-secret-of-the-tests", conf)
        server.admin(
            "user", "create", "--uid=parley", "--display-name=Parley",
            f"--access-key={server.access_key}", f"--secret-key={server.secret_key}",
        )  # fmt: skip
        yield server


def _check_installed() -> None:
    for name in PROGRAMS:
        program(name, "usr/sbin", "usr/bin")


def _configure(folder: Path, monitor: int, gateway: int) -> Path:
    for name in ("mon", "mgr", "osd", "rgw"):
        (folder / name).mkdir()
    conf = folder / "ceph.conf"
    key = base64.b64encode(struct.pack("<hiih", 1, 1, 0, 16) + secrets.token_bytes(16)).decode()
    (folder / "keyring").write_text(
        "".join(
            f'[{name}]\n\tkey = {key}\n\tcaps mon = "allow *"\n\tcaps osd = "allow *"\n\tcaps mgr = "allow *"\n'
            for name in ("mon.", "mgr.a", "osd.0", "client.admin", "client.rgw")
        )
    )
    first = _free_port()
    conf.write_text(f"""[global]
fsid = {uuid.uuid4()}
mon host = v2:127.0.0.1:{monitor}
mon initial members = a
keyring = {folder}/keyring
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind port min = {first}
ms bind port max = {first + 200}
osd objectstore = memstore
memstore device bytes = 2147483648
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon data avail crit = 1
mon data = {folder}/mon
osd data = {folder}/osd
mgr data = {folder}/mgr
mgr initial modules =
rgw data = {folder}/rgw
run dir = {folder}
admin socket = {folder}/$name.asok
pid file = {folder}/$name.pid
log file = {folder}/$name.log
rgw frontends = beast endpoint=127.0.0.1:{gateway}
rgw thread pool size = 32
rgw bucket quota ttl = 0
""")
    return conf


def _fsid(conf: Path) -> str:
    return next(line.partition("= ")[2] for line in conf.read_text().splitlines() if line.startswith("fsid"))


def _start(cleaning: ExitStack, folder: Path, *command: str) -> None:
    log = cleaning.enter_context((folder / f"{command[0]}.out").open("wb"))
    process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def end() -> None:
        process.kill()  # it keeps nothing
        process.wait(30)

    cleaning.callback(end)


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=STARTED_WITHIN_S, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def _answers(endpoint: str) -> bool:
    try:
        with urlopen(endpoint, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


if __name__ == "__main__":
    _keep(Path(sys.argv[1]), int(sys.argv[2]))
