"""Wake-ups between the processes of one host: datagrams on loopback, no server needed.

Each listening process has a port, told to the others by a file `run/wakeups/<port>-<pid>` below the storage folder. It
holds that file locked for as long as it lives, so that a file that can be locked is a dead one's and is removed; a
process id would say less, being reused, and meaning nothing in another container. Datagrams carry a seal made with a
key that lies beside the other secrets: any user of the machine could send some. (Unix sockets keep strangers out by
themselves, but drop most of a burst.)
"""

import fcntl
import hashlib
import hmac
import os
import re
import secrets
import socket
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from app.core.secret_files import keep_secret
from app.core.wakeups.linked import LinkedHub

DATAGRAM_BYTES = 8192  # macOS sends none beyond 9216 unless told to
SEAL_BYTES = 16  # of HMAC-SHA256; RFC 2104 §5: not less than half of it
BUFFER_BYTES = 1 << 20  # of what is not read yet; the kernel may give less
PEERS_EVERY_S = 1.0  # how often the dead are looked for; who is new is seen at once
LOOK_AT_OWN_FILE_S = 5.0

_LOOPBACK = "127.0.0.1"
_FILE = re.compile(r"([0-9]{1,5})-[0-9]+")
# A folder's time has the granularity of the kernel's tick. Within that, it may change again and look the same.
_SETTLED_NS = 20_000_000


@dataclass(frozen=True)
class _Peers:
    ports: tuple[int, ...]
    changed_ns: int  # the folder's time when they were listed
    good_until: float


class UdpWakeups(LinkedHub):
    def __init__(self, storage_dir: Path) -> None:
        super().__init__()
        self._storage_dir = storage_dir.resolve()
        self._folder = self._storage_dir / "run" / "wakeups"
        self._key = b""
        self._peers = _Peers((), 0, 0.0)
        self._port = 0

    def _hear(self) -> Generator[Sequence[str], None, None]:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
            listening.settimeout(LOOK_AT_OWN_FILE_S)
            listening.bind((_LOOPBACK, 0))
            self._port = listening.getsockname()[1]
            with self._registered(self._port) as file:
                yield ()
                while True:
                    try:
                        yield self._unsealed(listening.recv(DATAGRAM_BYTES + 1))
                    except TimeoutError:
                        file.stat()  # raises when somebody has tidied up: register anew

    @contextmanager
    def _registered(self, port: int) -> Iterator[Path]:
        """The file is locked before it has its name: else it could be taken for a dead one's."""
        draft = self._folder / f".{os.getpid()}.{secrets.token_hex(4)}"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as locked:
            fcntl.flock(locked, fcntl.LOCK_EX)
            file = draft.rename(self._folder / f"{port}-{os.getpid()}")
            try:
                yield file
            finally:
                file.unlink(missing_ok=True)

    def _interrupt(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"", (_LOOPBACK, self._port))

    def _send(self, nudges: Sequence[str]) -> None:
        ports = self._others()
        if not ports:
            return
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            for message in self._packed(nudges, DATAGRAM_BYTES - SEAL_BYTES):
                datagram = self._seal(message) + message
                for port in ports:
                    with suppress(BlockingIOError):  # lost, then
                        sender.sendto(datagram, (_LOOPBACK, port))

    def _seal(self, message: bytes) -> bytes:
        if not self._key:
            self._key = keep_secret(self._storage_dir, "wakeups_key").encode()
        return hmac.digest(self._key, message, hashlib.sha256)[:SEAL_BYTES]

    def _unsealed(self, datagram: bytes) -> Sequence[str]:
        seal, message = datagram[:SEAL_BYTES], datagram[SEAL_BYTES:]
        if not message:
            return ()
        return self._unpacked(message) if hmac.compare_digest(seal, self._seal(message)) else ()

    def _others(self) -> tuple[int, ...]:
        """The ports of the processes that listen, but for this one."""
        try:
            changed_ns = self._folder.stat().st_mtime_ns
        except FileNotFoundError:
            return ()
        if changed_ns != self._peers.changed_ns or time.monotonic() >= self._peers.good_until:
            ports = tuple(port for path in self._folder.iterdir() if (port := self._living(path)))
            settled = time.time_ns() - changed_ns > _SETTLED_NS
            self._peers = _Peers(ports, changed_ns if settled else 0, time.monotonic() + PEERS_EVERY_S)
        return self._peers.ports

    def _living(self, path: Path) -> int | None:
        """The port that a file tells, unless it is this process's own, or its owner is dead: then it is removed."""
        named = _FILE.fullmatch(path.name)
        port = int(named[1]) if named else 0
        if not 0 < port <= 65_535 or port == self._port:
            return None
        with suppress(OSError), path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return port
            path.unlink(missing_ok=True)
        return None
