"""The lease of a cursor's row: of all jobs processes one at a time goes on from there."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any, cast

import structlog
from sqlalchemy import CursorResult, or_, update

from app.core.ids import new_id
from app.core.inserts import insert_unless_there
from app.core.runtime import Runtime, Work
from app.events.models import EventCursor

# So long nothing is sent after a process was killed. A renewal has the time that a writer may wait for SQLite's lock.
# A broker that has not ended a silent process's connection by then keeps its successor waiting (`rabbitmq.py`).
LEASE_S = 20.0
RENEWALS = 5  # in that time

log = structlog.get_logger()


class CursorLease:
    """One of a process and a cursor; it belongs to one thread, `is_good` apart. `holder` is new for every one."""

    def __init__(self, runtime: Runtime, name: str) -> None:
        self._runtime = runtime
        self._name = name
        self.holder = new_id()
        self._good_until = 0.0  # by time.monotonic(): as far as this process can be sure of it

    @property
    def is_good(self) -> bool:
        return time.monotonic() < self._good_until

    def hold(self) -> bool:
        """Take it where it is free, renew it where it is ours; whether it is ours."""
        now = time.monotonic()
        if now < self._good_until - LEASE_S + LEASE_S / RENEWALS:
            return True
        with self._runtime.reading() as work:
            cursor = work.get(EventCursor, self._name)
            taken = cursor is None or self._may_take(cursor, work.now())
        if taken:
            with self._runtime.writing() as work:
                taken = self._take(work)
        self._good_until = now + LEASE_S if taken else 0.0
        return taken

    def lose(self) -> None:
        """It turned out to be somebody else's."""
        self._good_until = 0.0

    def release(self) -> None:
        """Let another process go on at once."""
        if not self._good_until:
            return
        self._good_until = 0.0
        try:
            with self._runtime.writing() as work:
                work.execute(
                    update(EventCursor)
                    .where(EventCursor.name == self._name, EventCursor.holder == self.holder)
                    .values(holder=None, leased_until=None)
                    .execution_options(synchronize_session=False)
                )
        except Exception as error:
            log.warning("a lease runs out by itself", cursor=self._name, error=type(error).__name__)

    def advance(self, work: Work, position: int) -> bool:
        """Move the cursor forward. False: it is not ours any more, or not behind `position`, and stays."""
        ours = (EventCursor.name == self._name, EventCursor.holder == self.holder, EventCursor.position < position)
        moved = update(EventCursor).where(*ours).values(position=position)
        done = work.execute(moved.execution_options(synchronize_session=False))
        return bool(cast("CursorResult[Any]", done).rowcount)

    def _may_take(self, cursor: EventCursor, now: datetime) -> bool:
        return cursor.holder in (None, self.holder) or cursor.leased_until is None or cursor.leased_until < now

    def _take(self, work: Work) -> bool:
        free = or_(
            EventCursor.holder.is_(None), EventCursor.holder == self.holder, EventCursor.leased_until < work.now()
        )
        lease = (
            update(EventCursor)
            .where(EventCursor.name == self._name, free)
            .values(holder=self.holder, leased_until=work.now() + timedelta(seconds=LEASE_S))
            .execution_options(synchronize_session=False)
        )
        if cast("CursorResult[Any]", work.execute(lease)).rowcount:
            return True
        if work.get(EventCursor, self._name) is not None:
            return False
        insert_unless_there(work, EventCursor, name=self._name, position=0)
        return bool(cast("CursorResult[Any]", work.execute(lease)).rowcount)
