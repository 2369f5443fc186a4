"""Keeps the media workers of this machine going: as many processes as MEDIA_WORKERS says, each started anew when it
ends. They are programs of their own, which know Parley by its REST API alone; what they need for that stands in their
environment.
"""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from urllib.parse import urlsplit

import structlog

from app.core.settings import Settings

log = structlog.get_logger()

LOOK_S = 0.2
FIRST_PAUSE_S = 0.5  # before a worker is started anew; twice as long each time, until one has lived for LIVED_S
LONGEST_PAUSE_S = 15.0
LIVED_S = 30.0
STOP_S = 4.0  # they say goodbye in less; `make run` kills what is left 5 s after Ctrl-C
_PR_SET_PDEATHSIG = 1  # prctl(2)


class NoKey(Exception):
    """There is no service key for media workers at the moment; the message says why."""


@dataclass
class _Place:
    """One worker's: its number, from 0, is the same whichever process fills it."""

    number: int
    process: "subprocess.Popen[bytes] | None" = None
    started_at: float = 0.0
    start_at: float = 0.0  # by time.monotonic(), as all times here
    pause_s: float = FIRST_PAUSE_S


class Supervisor:
    """`make_key` makes the service key or raises `NoKey`; it takes a while, and is asked again where a worker has not
    lived for long: its key may be known no more.
    """

    def __init__(self, settings: Settings, make_key: Callable[[], str]) -> None:
        self._settings = settings
        self._make_key = make_key
        self._key: str | None = None
        self._places = [_Place(number) for number in range(settings.media_workers_to_start)]
        self._stopped = threading.Event()

    def run(self) -> None:
        """Until SIGTERM, SIGINT or `stop`. Belongs to the main thread."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        try:
            # Until the API is there nobody can register, and all that start at once make each other slow.
            while not self._stopped.wait(LOOK_S) and not (self._places and self._api_listens()):
                pass
            while not self._stopped.wait(LOOK_S):
                for place in self._places:
                    self._look_after(place)
        finally:
            self._end_all()

    def stop(self) -> None:
        self._stopped.set()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.stop()

    def _look_after(self, place: _Place) -> None:
        now = time.monotonic()
        if place.process is None:
            if now >= place.start_at:
                self._fill(place)
            return
        status = place.process.poll()
        if status is None:
            return
        if now - place.started_at >= LIVED_S:
            place.pause_s = FIRST_PAUSE_S
        else:
            self._key = None
        log.warning("media worker has ended", worker=place.number + 1, status=status, again_in_s=place.pause_s)
        self._empty(place)

    def _fill(self, place: _Place) -> None:
        try:
            self._key = self._key or self._make_key()
        except NoKey as error:
            if not self._stopped.is_set():
                log.error("no key for media workers", reason=str(error), again_in_s=place.pause_s)
            self._empty(place)
            return
        if not self._stopped.is_set():
            place.process, place.started_at = self._start(place.number, self._key), time.monotonic()

    @staticmethod
    def _empty(place: _Place) -> None:
        place.process, place.start_at = None, time.monotonic() + place.pause_s
        place.pause_s = min(2 * place.pause_s, LONGEST_PAUSE_S)

    def _api_listens(self) -> bool:
        address = urlsplit(self._settings.local_address)
        try:
            with socket.create_connection((address.hostname or "", address.port or 0), timeout=LOOK_S):
                return True
        except OSError:
            return False

    def _start(self, number: int, key: str) -> "subprocess.Popen[bytes]":
        settings = self._settings
        environment = {
            **os.environ,
            "PARLEY_URL": settings.local_address,
            "MEDIA_SERVICE_KEY": key,
            "MEDIA_SPOOL_DIR": str(settings.storage_dir / "spool" / "tracks"),
            "MEDIA_WORKER_NAME": f"{socket.gethostname()}/{number + 1}"[:100],
            "MEDIA_PORT": str(settings.media_port + number if settings.media_port else 0),
        }
        return subprocess.Popen(
            [sys.executable, "-m", "media_worker"], env=environment, preexec_fn=_end_with_this_process()
        )

    def _end_all(self) -> None:
        running = [place.process for place in self._places if place.process is not None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + STOP_S
        for process in running:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _end_with_this_process() -> Callable[[], None] | None:
    """For a child to call: it is told to end when this process has died, however that came. Else it would go on under
    a name that the next start needs. (Linux alone has that.)
    """
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up here: between fork and exec as little as possible
    return lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
