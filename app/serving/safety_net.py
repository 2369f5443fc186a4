"""What runs beside the parked polls of a process: beats for their owners, and a look for wake-ups that were lost.

Wake-ups between processes are hints. Once a second all parked inboxes are compared with the database, a few hundred in
one query, and whoever missed something is woken; on SQLite only if another process has written since.
"""

import asyncio
from concurrent.futures import Executor

import structlog
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from app.core.runtime import Runtime
from app.core.wakeups.base import SAFETY_NET_S
from app.inbox.parking import Parking
from app.inbox.polling import find_missed

log = structlog.get_logger()


class SafetyNet:
    """A task of the event loop; what it asks of the database runs in `threads`."""

    def __init__(self, runtime: Runtime, threads: Executor) -> None:
        self._runtime = runtime
        self._threads = threads
        self._task: asyncio.Task[None] | None = None
        self._sqlite: Connection | None = None
        self._data_version: int | None = None

    def start(self) -> None:
        """Does nothing while it runs already in this event loop."""
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
        if self._sqlite is not None:
            self._sqlite.close()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._runtime.wakeups.closed:
            await asyncio.sleep(SAFETY_NET_S)
            try:
                await loop.run_in_executor(self._threads, self._look)
            except (SQLAlchemyError, OSError) as error:
                log.warning("parked polls could not be checked", error=type(error).__name__)

    def _look(self) -> None:
        parking: Parking = self._runtime.drivers[Parking]
        polls = parking.parked
        if not polls:
            return
        parking.beat_if_due(self._runtime)
        if self._may_have_missed():
            missed = find_missed(self._runtime, polls)
            if missed:
                self._runtime.wakeups.wake({poll.topic for poll in missed})

    def _may_have_missed(self) -> bool:
        """PRAGMA data_version changes when another connection commits: https://sqlite.org/pragma.html#pragma_data_version"""
        database = self._runtime.database
        if not database.is_sqlite:
            return True
        if self._sqlite is None:
            self._sqlite = database.reader.connect()
        version = self._sqlite.execute(text("PRAGMA data_version")).scalar()
        changed, self._data_version = version != self._data_version, version
        return changed
