"""What a running process has at hand, and the unit of work that a request or a task opens on it.

Services get a `Work`: a session that also carries the clock, the settings, the drivers, and what is to happen after
its commit. They never commit. `app/wiring.py` builds the one `Runtime` of a process.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Engine, event
from sqlalchemy.orm import ORMExecuteState, Session

from app.core.bus import Bus
from app.core.clock import Clock
from app.core.db import Database
from app.core.jobs.base import Jobs, Tasks
from app.core.settings import Settings
from app.core.wakeups.base import Wakeups

Driver = TypeVar("Driver")

_writing = threading.local()


@dataclass
class Runtime:
    settings: Settings
    clock: Clock
    database: Database
    bus: Bus
    wakeups: Wakeups
    jobs: Jobs
    tasks: Tasks
    drivers: dict[type, Any] = field(default_factory=dict)  # Protocol of a driver family → the rung in use

    @contextmanager
    def writing(self) -> Iterator["Work"]:
        """A unit of work that may change things: committed at the end, undone by an exception."""
        work = _WritingWork(self)
        try:
            yield work
            work.commit()
        finally:
            work.close()
        work.run_after_commit()

    @contextmanager
    def reading(self) -> Iterator["Work"]:
        """A unit of work that only reads. It holds a connection until `close()` or its end, and no transaction."""
        work = _ReadingWork(self)
        try:
            yield work
        finally:
            work.close()

    def close(self) -> None:
        """Close every driver and connection, once, at shutdown."""
        for part in (*self.drivers.values(), self.jobs, self.wakeups, self.database):
            part.close()


class Work(Session):
    """One unit of work. It begins at its first statement, so that work before that holds no lock."""

    def __init__(self, runtime: Runtime, engine: Engine) -> None:
        super().__init__(bind=engine, expire_on_commit=False)
        self.runtime = runtime
        self.settings = runtime.settings
        self._holds_lock = False
        self._after_commit: list[Callable[[], None]] = []
        self._to_wake: list[str] = []

    def now(self) -> datetime:
        return self.runtime.clock.now()

    def driver(self, family: type[Driver]) -> Driver:
        """The rung in use of a driver family, by its Protocol."""
        driver: Driver = self.runtime.drivers[family]
        return driver

    def emit(self, domain_event: object) -> None:
        """Tell those who wired themselves to this event, within this transaction."""
        self.runtime.bus.emit(self, domain_event)

    def enqueue(
        self, task: str, payload: dict[str, Any], *, key: str | None = None, at: datetime | None = None
    ) -> None:
        """Have `task` done in the background once this is committed (see `core/jobs/base.py`)."""
        self.runtime.jobs.enqueue(self, task, payload, key=key, at=at)

    def wake(self, nudges: Iterable[str]) -> None:
        """Wake those who wait for the topics of `nudges` once this is committed: all at once, in this order."""
        before = len(self._to_wake)
        self._to_wake += nudges
        if self._to_wake and not before:
            self.after_commit(lambda: self.runtime.wakeups.wake(self._to_wake))

    def after_commit(self, action: Callable[[], None]) -> None:
        """Run `action` once the commit is durable: for hints such as wake-ups, which may be lost."""
        self._after_commit.append(action)

    def pause(self) -> None:
        """Commit what was done so far, and let go of connection and lock, to call the outside. What follows is another
        transaction: read again what it depends on. If it fails, what came before the pause stays.
        """
        self.commit()
        self.close()
        self.run_after_commit()

    def run_after_commit(self) -> None:
        actions, self._after_commit = self._after_commit, []
        for action in actions:
            action()

    def close(self) -> None:
        try:
            super().close()
        finally:
            if self._holds_lock:
                self._holds_lock = False
                _writing.now = False
                self.runtime.database.write_lock.release()


class _WritingWork(Work):
    def __init__(self, runtime: Runtime) -> None:
        super().__init__(runtime, runtime.database.writer)


class _ReadingWork(Work):
    def __init__(self, runtime: Runtime) -> None:
        super().__init__(runtime, runtime.database.reader)


def _begin_as_writer(work: Work, _transaction: Any, connection: Any) -> None:
    if not work.runtime.database.is_sqlite or work._holds_lock:
        return
    if getattr(_writing, "now", False):
        raise RuntimeError("a unit of work that writes was opened within another one of the same thread")
    work.runtime.database.write_lock.acquire()
    work._holds_lock = _writing.now = True
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _refuse_changes(*_: Any) -> None:
    raise RuntimeError("a unit of work that only reads was used to change something")


def _refuse_statements(statement: ORMExecuteState) -> None:
    if statement.is_insert or statement.is_update or statement.is_delete:
        _refuse_changes()


# Once for all: listening to each unit of work would cost more than many of them do.
event.listen(_WritingWork, "after_begin", _begin_as_writer)
event.listen(_ReadingWork, "before_flush", _refuse_changes)
event.listen(_ReadingWork, "do_orm_execute", _refuse_statements)
