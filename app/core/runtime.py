"""What a running process has at hand, and the unit of work that a request or a task opens on it.

Services get a `Work`: a session that also carries the clock, the settings, the drivers, and what is to happen after
its commit. They never commit. `app/wiring.py` builds the one `Runtime` of a process.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, Engine, event
from sqlalchemy.orm import ORMExecuteState, Session

from app.core.bus import Bus
from app.core.clock import Clock
from app.core.db import Database
from app.core.figures import Figures
from app.core.jobs.base import Jobs, Tasks
from app.core.prepared import Prepared, execute
from app.core.settings import Settings
from app.core.wakeups.base import Wakeups

if TYPE_CHECKING:
    from app.core.tracing import Tracing

Driver = TypeVar("Driver")

_writing = threading.local()


class Drivers(dict[type, Any]):
    """The rung in use, by the Protocol of its family. One that brings much is made when it is first asked for."""

    def __init__(self) -> None:
        super().__init__()
        self._makers: dict[type, Callable[[], Any]] = {}
        self._making = threading.RLock()  # one may be made of another

    def later(self, family: type, make: Callable[[], Any]) -> None:
        self._makers[family] = make

    def __missing__(self, family: type) -> Any:
        with self._making:
            if family not in self:
                self[family] = self._makers[family]()
        return self[family]

    def all(self) -> dict[type, Any]:
        """Those too that nobody has asked for yet."""
        return {family: self[family] for family in (*self, *self._makers)}


@dataclass
class Runtime:
    settings: Settings
    clock: Clock
    database: Database
    bus: Bus
    wakeups: Wakeups
    jobs: Jobs
    tasks: Tasks
    drivers: Drivers = field(default_factory=Drivers)
    figures: Figures = field(default_factory=Figures)
    tracing: "Tracing | None" = None  # only where traces are kept

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
        if self.tracing is not None:
            self.tracing.close()


class Work(Session):
    """One unit of work. It begins at its first statement, so that work before that holds no lock.

    It has one connection and one transaction, whether a statement passes through the session or past it (`run`,
    `connection`). What goes past it does not see what is not flushed yet.
    """

    def __init__(self, runtime: Runtime, engine: Engine) -> None:
        super().__init__(expire_on_commit=False, join_transaction_mode="control_fully")
        self.runtime = runtime
        self.settings = runtime.settings
        self._engine = engine
        self._opened: Connection | None = None
        self._after_commit: list[Callable[[], None]] = []
        self._to_wake: list[str] = []

    def connection(self, *_: Any, **__: Any) -> Connection:
        if self._opened is None:
            self._opened = self._open()
        return self._opened

    def get_bind(self, *_: Any, **__: Any) -> Connection:
        """Asked by the session before each statement."""
        return self.connection()

    def _open(self) -> Connection:
        return self._engine.connect()

    def run(self, statement: Prepared, values: Mapping[str, Any]) -> list[Any]:
        """The rows that `statement` finds or returns."""
        return statement.run(self.connection(), values)

    def commit(self) -> None:
        if self.in_transaction():
            super().commit()
        if self._opened is not None and self._opened.in_transaction():
            self._opened.commit()
        to_wake, self._to_wake = self._to_wake, []
        if to_wake:  # at once: letting go of the connection takes longer than they wait for
            self.runtime.wakeups.wake(to_wake)

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
        self._to_wake += nudges

    def after_commit(self, action: Callable[[], None]) -> None:
        """Run `action` once the commit is durable, and connection and lock are free: it may open a unit of work."""
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
            opened, self._opened = self._opened, None
            if opened is not None:
                self._end(opened)

    def _end(self, opened: Connection) -> None:
        """SQLAlchemy takes a transaction whose commit has failed for ended; SQLite's still holds the file's lock."""
        if self.runtime.database.is_sqlite and not opened.invalidated:
            raw: Any = opened.connection.dbapi_connection
            if raw.in_transaction:
                raw.rollback()
        opened.close()


class _WritingWork(Work):
    def __init__(self, runtime: Runtime) -> None:
        super().__init__(runtime, runtime.database.writer)
        self._holds_lock = False

    def _open(self) -> Connection:
        self._take_lock()
        connection = self._engine.connect()
        try:
            connection.begin()
            if self._holds_lock:
                execute(connection, "BEGIN IMMEDIATE")
        except BaseException:
            connection.close()
            raise
        return connection

    def _take_lock(self) -> None:
        """On SQLite, of those who write in this process: waiting for one another there costs no repeated tries."""
        if not self.runtime.database.is_sqlite or self._holds_lock:
            return
        if getattr(_writing, "now", False):
            raise RuntimeError("a unit of work that writes was opened within another one of the same thread")
        self.runtime.database.write_lock.acquire()
        self._holds_lock = _writing.now = True

    def close(self) -> None:
        try:
            super().close()
        finally:
            if self._holds_lock:
                self._holds_lock = _writing.now = False
                self.runtime.database.write_lock.release()


class _ReadingWork(Work):
    def __init__(self, runtime: Runtime) -> None:
        super().__init__(runtime, runtime.database.reader)

    def run(self, statement: Prepared, values: Mapping[str, Any]) -> list[Any]:
        if statement.changes:
            _refuse_changes()
        return super().run(statement, values)


def _refuse_changes(*_: Any) -> None:
    raise RuntimeError("a unit of work that only reads was used to change something")


def _refuse_statements(statement: ORMExecuteState) -> None:
    if statement.is_insert or statement.is_update or statement.is_delete:
        _refuse_changes()


# Once for all: listening to each unit of work would cost more than many of them do.
event.listen(_ReadingWork, "before_flush", _refuse_changes)
event.listen(_ReadingWork, "do_orm_execute", _refuse_statements)
