"""Servers to be measured: each a process on loopback, watched through Linux's /proc, ended with its block."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.core.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
START_TIMEOUT_S = 60
END_TIMEOUT_S = 20
LOG_SHOWN = 4_000  # bytes of a server's log, where something fails
TOKENS_LIVE_MIN = 60  # longer than any benchmark takes
# One address and a few users do here what thousands do elsewhere.
HOW_OFTEN = [name.upper() for name in Settings.model_fields if name.startswith("rate_limit_")]


@dataclass(frozen=True)
class Server:
    port: int
    process: "subprocess.Popen[bytes]"

    @property
    def cpu_s(self) -> float:
        """CPU that all its threads have used, in user and kernel mode, in seconds; counted in ticks of 10 ms."""
        # proc(5): the name stands in parentheses and may hold anything; utime and stime are fields 14 and 15.
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def resident_kb(self) -> float:
        """Memory that it holds now (RSS), in units of 1,000 bytes."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1000

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)


@contextmanager
def parley(storage: Path, database_url: str = "", **settings_besides: object) -> Iterator[Server]:
    """Parley's API as `make run` starts it: one process, settings at their defaults, its log in a file. Limits of how
    often are counted and never reached."""
    settings = {
        "STORAGE_DIR": str(storage),
        "DATABASE_URL": database_url or f"sqlite:///{storage / 'meetings.db'}",
        "ACCESS_TOKEN_MIN": str(TOKENS_LIVE_MIN),
        **dict.fromkeys(HOW_OFTEN, "100000000/minute"),
        "POLL_MAX_PER_USER": "100000",
        **{name.upper(): str(value) for name, value in settings_besides.items()},
    }
    port = free_port()
    with _running([sys.executable, "-m", "app.serving"], {**settings, "PORT": str(port)}, port) as server:
        yield server


@contextmanager
def jobs(storage: Path) -> Iterator[None]:
    """The jobs process beside it, on the same storage."""
    settings = {"STORAGE_DIR": str(storage), "DATABASE_URL": f"sqlite:///{storage / 'meetings.db'}"}
    command = [sys.executable, "-m", "flask", "--app", "wsgi:app", "jobs", "run"]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, cwd=ROOT, env=os.environ | settings, stdout=log, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(END_TIMEOUT_S)
            finally:
                process.kill()


@contextmanager
def yardstick(module: str, *arguments: str) -> Iterator[Server]:
    """`python -m benchmarks.<module> PORT <arguments>`"""
    port = free_port()
    with _running([sys.executable, "-m", f"benchmarks.{module}", str(port), *arguments], {}, port) as server:
        yield server


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _running(command: list[str], environment: dict[str, str], port: int) -> Iterator[Server]:
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, cwd=ROOT, env=os.environ | environment, stdout=log, stderr=log)
        try:
            _wait_until_it_listens(process, port)
            yield Server(port, process)
        except Exception:
            log.seek(max(0, log.tell() - LOG_SHOWN))
            sys.stderr.write(f"the server's last words:\n{log.read().decode(errors='replace')}\n")
            raise
        finally:
            process.terminate()
            try:
                process.wait(END_TIMEOUT_S)
            finally:
                process.kill()


def _wait_until_it_listens(process: "subprocess.Popen[bytes]", port: int) -> None:
    give_up = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > give_up:
                raise RuntimeError("a server to be measured didn't start") from None
            time.sleep(0.05)
