"""The thread that writes files, so that a disk that stands still holds up no call.

The loop over packets only puts them into a queue; this thread empties it ten times a second, in order. What happens to
a file's beginning and end goes through the same queue.
"""

import errno
import os
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path

import structlog

from media_worker.recording.reorder import Received
from media_worker.recording.track_file import TrackFile
from media_worker.sfu.reports import Timeline

_EVERY_S = 0.1
_MOST_WAITING = 200_000  # packets in the queue, about 200 MB: the disk has stood still for long
_LOOK_AT_DISK_EVERY = 20  # rounds

log = structlog.get_logger()


class Writing:
    """A file's place in the queue. `is_closed` once nothing more is written; `failure` says why it ended early."""

    def __init__(self, file: TrackFile) -> None:
        self.file = file
        self.is_closed = False
        self.failure: str | None = None


class Writer:
    """One for each worker. `reserve_bytes`: what must stay free where the files are, for others and to close them."""

    def __init__(self, folder: Path, reserve_bytes: int, clock: Callable[[], float]) -> None:
        self._folder, self._reserve_bytes, self._clock = folder, reserve_bytes, clock
        self._queue: deque[tuple[Writing, Received | Timeline | None]] = deque()
        self._open: set[Writing] = set()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def open(self, file: TrackFile) -> Writing:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="recording", daemon=True)
            self._thread.start()
        return Writing(file)

    def add(self, writing: Writing, what: Received | Timeline) -> None:
        """From the loop over packets: never waits."""
        if writing.failure is None:
            if len(self._queue) >= _MOST_WAITING:
                writing.failure = "disk_too_slow"
            self._queue.append((writing, what))

    def close(self, writing: Writing) -> None:
        self._queue.append((writing, None))

    def stop(self) -> None:
        """Write and close everything, and end the thread."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def has_room(self) -> bool:
        there = os.statvfs(self._folder)
        return there.f_bavail * there.f_frsize >= self._reserve_bytes

    def _run(self) -> None:
        rounds = 0
        while not self._stopping.wait(_EVERY_S):
            rounds += 1
            self._work()
            if self._open and rounds % _LOOK_AT_DISK_EVERY == 0 and not self.has_room():
                for writing in list(self._open):
                    self._fail(writing, "disk_full")
        self._work()
        for writing in list(self._open):
            self._close(writing)

    def _work(self) -> None:
        while self._queue:
            writing, what = self._queue.popleft()
            if writing.is_closed:
                continue
            self._open.add(writing)
            if what is None:
                self._close(writing)
            else:
                self._guarded(writing, partial(_hand, what))
        now = self._clock()
        for writing in list(self._open):
            self._guarded(writing, lambda file: file.due(now))

    def _guarded(self, writing: Writing, work: Callable[[TrackFile], None]) -> None:
        try:
            work(writing.file)
        except OSError as error:
            log.error("recording_failed", file=writing.file.manifest.id, error=str(error))
            self._fail(writing, "disk_full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "disk_error")
        except Exception:  # whatever one client sends, the others' files go on
            log.exception("recording_failed", file=writing.file.manifest.id)
            self._fail(writing, "internal_error")

    def _fail(self, writing: Writing, why: str) -> None:
        writing.failure = why
        self._close(writing)

    def _close(self, writing: Writing) -> None:
        self._open.discard(writing)
        try:
            writing.file.close()
        except Exception as error:
            log.error("recording_not_completed", file=writing.file.manifest.id, error=str(error))
            writing.failure = writing.failure or "disk_error"
            writing.file.abandon()
        writing.is_closed = True


def _hand(what: Received | Timeline, file: TrackFile) -> None:
    if isinstance(what, Received):
        file.add(what)
    else:
        file.reported(what)
