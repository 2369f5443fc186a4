"""What runs beside the polls of a process: beats for their owners, and a look for what no wake-up told of.

Wake-ups between processes are hints. Once a second all watches are compared with the database, a few hundred in one
query, together with the sessions that ended lately; on SQLite only if somebody has written since. What is known in
memory is trusted only for as long as that succeeds.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import structlog
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from app.accounts.revocations import lately_ended
from app.core.runtime import Runtime
from app.core.wakeups.base import SAFETY_NET_S
from app.inbox.parking import Parking, beat
from app.inbox.polling import find_missed
from app.serving.watches import Watch, Watches

HOLDS_S = 3 * SAFETY_NET_S  # a look that comes late, on a busy machine, is no reason to send everybody through Flask

log = structlog.get_logger()


class SafetyNet:
    """A task of the event loop; what it asks of the database runs in a thread of its own."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._parking: Parking = runtime.drivers[Parking]
        self._thread = ThreadPoolExecutor(1, "safety-net")
        self._task: asyncio.Task[None] | None = None
        self._at_once = asyncio.Event()
        self._sqlite: Connection | None = None
        self._data_version: int | None = None
        self._holds_until = 0.0

    @property
    def holds(self) -> bool:
        """Whether the watches were held against the database just now."""
        return time.monotonic() < self._holds_until

    def start(self, watches: Watches, doubt: Callable[[Iterable[Watch]], None]) -> None:
        """Look after `watches` in the running event loop, and hand those that missed something to `doubt`."""
        self._holds_until = time.monotonic() + HOLDS_S  # there are none yet
        self._task = asyncio.get_running_loop().create_task(self._run(watches, doubt))

    def hurry(self) -> None:
        """Nobody knows what was missed: trust nothing until the next look, which comes at once."""
        self._holds_until = 0.0
        self._data_version = None
        self._at_once.set()

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self._thread.shutdown()
        if self._sqlite is not None:
            self._sqlite.close()

    async def _run(self, watches: Watches, doubt: Callable[[Iterable[Watch]], None]) -> None:
        loop = asyncio.get_running_loop()
        while not self._runtime.wakeups.closed:
            try:
                await asyncio.wait_for(self._at_once.wait(), SAFETY_NET_S)
            except TimeoutError:
                pass
            self._at_once.clear()
            watches.forget_idle(self._runtime.clock.now())
            seen, watches.seen = watches.seen, set()
            began = time.monotonic()
            try:
                missed, ended = await loop.run_in_executor(self._thread, self._look, watches.all(), seen)
            except (SQLAlchemyError, OSError) as error:
                log.warning("parked polls could not be checked", error=type(error).__name__)
                watches.seen |= seen
                continue
            doubt([*missed, *watches.forget_sessions(ended)])
            if not self._at_once.is_set():
                self._holds_until = began + HOLDS_S

    def _look(self, watches: list[Watch], seen: set[str]) -> tuple[list[Watch], set[str]]:
        """The watches that missed something, and the sessions that have ended."""
        self._parking.beat_if_due(self._runtime)
        seen.difference_update(watch.inbox_id for watch in watches if watch.parked is not None)
        if seen:
            beat(self._runtime, sorted(seen))
        if not watches or not self._may_have_missed():
            return [], set()
        with self._runtime.reading() as work:
            ended = lately_ended(work)
        return find_missed(self._runtime, watches), ended

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
