"""Which processes of Parley are alive, told by a beat that each writes, and since when the API can be
reached.

Whoever counts silence as absence asks `api_ready_since` first: while no API process was there, nobody could
speak.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Id, Json, UtcDateTime, exact
from app.core.ids import new_id
from app.core.runtime import Runtime, Work

log = structlog.get_logger()

BEAT_EVERY_S = 5.0
ALIVE = timedelta(seconds=15)  # three beats: one may be late, one may be lost
REMEMBERED = timedelta(hours=1)  # the dead, for whoever looks into the table
STOP_S = 1.0  # how long a stop waits for a database that does not answer


class Process(Base):
    """A process since it began to beat, or began again after a silence."""

    __tablename__ = "processes"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    role: Mapped[str] = mapped_column(exact(16))  # api | jobs
    host: Mapped[str] = mapped_column(exact(255))
    pid: Mapped[int]
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    beat_at: Mapped[datetime] = mapped_column(UtcDateTime)
    figures: Mapped[dict[str, Any] | None] = mapped_column(Json)  # see figures.py; as they were at that beat


class ProcessBeat:
    """Beats for this process from a thread of its own, from `start` to `stop`."""

    def __init__(self, runtime: Runtime, role: str) -> None:
        self._runtime = runtime
        self._role = role
        self._id = new_id()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()

    def start(self) -> None:
        """Begin to beat. Does nothing while it beats already; a child of a fork has to start anew."""
        if self._beating:
            return  # without the lock: every request asks
        with self._starting:
            if not self._beating:
                self._start()

    @property
    def _beating(self) -> bool:
        return self._thread is not None and self._thread.is_alive() and not self._stopped.is_set()

    def _start(self) -> None:
        self._id = new_id()
        self._stopped = threading.Event()
        arguments = (self._id, self._stopped)
        self._thread = threading.Thread(target=self._run, args=arguments, name="process-beat", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Say that this process ends; with a database that does not answer, its row simply grows old."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(STOP_S)

    def close(self) -> None:
        """A driver's end."""
        self.stop()

    def beat(self) -> None:
        """One beat. After a silence in which this process counted as dead, it counts as started now."""
        with self._runtime.writing() as work:
            now = work.now()
            process = work.get(Process, self._id)
            if process is None:
                work.execute(delete(Process).where(Process.beat_at < now - REMEMBERED))
                host = socket.gethostname()[:255]
                process = Process(id=self._id, role=self._role, host=host, pid=os.getpid(), started_at=now)
                work.add(process)
            elif process.beat_at <= now - ALIVE:
                process.started_at = now
            process.beat_at = now
            process.figures = self._runtime.figures.snapshot()

    def _run(self, process_id: str, stopped: threading.Event) -> None:
        while True:
            try:
                self.beat()
            except Exception as error:
                log.warning("process could not beat", role=self._role, error=type(error).__name__)
            if stopped.wait(BEAT_EVERY_S):
                break
        try:
            with self._runtime.writing() as work:
                work.execute(delete(Process).where(Process.id == process_id))
        except Exception as error:
            log.warning("process could not sign off", role=self._role, error=type(error).__name__)


def alive(work: Work, role: str) -> bool:
    """Whether a process of this role (api, jobs) has beaten lately."""
    beating = select(Process.id).where(Process.role == role, Process.beat_at > work.now() - ALIVE)
    return work.scalar(beating.limit(1)) is not None


def living(work: Work) -> Sequence[Process]:
    """All processes that have beaten lately, the oldest first."""
    return work.scalars(select(Process).where(Process.beat_at > work.now() - ALIVE).order_by(Process.id)).all()


def api_ready_since(work: Work) -> datetime | None:
    """Since when there was an API process without a gap; None while there is none."""
    beating = (Process.role == "api", Process.beat_at > work.now() - ALIVE)
    since: datetime | None = work.scalar(select(func.min(Process.started_at)).where(*beating))
    return since


def api_last_heard(work: Work) -> tuple[datetime, datetime] | None:
    """When the newest of the living API processes began, and when one of them last beat; None while there is none.

    A process that was killed looks alive until its beat is too old, and another may be there before that. Whether
    anybody could speak is only sure from the one time to the other.
    """
    beating = (Process.role == "api", Process.beat_at > work.now() - ALIVE)
    begun_at: datetime | None = work.scalar(select(func.max(Process.started_at)).where(*beating))
    beat_at: datetime | None = work.scalar(select(func.max(Process.beat_at)).where(*beating))
    return None if begun_at is None or beat_at is None else (begun_at, beat_at)
