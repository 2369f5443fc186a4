"""Acknowledgements that come at the same time share a transaction: the next one begins when the last is committed."""

import asyncio
from concurrent.futures import Executor

from app.core.retries import retried
from app.core.runtime import Runtime
from app.inbox import service


class Acks:
    def __init__(self, runtime: Runtime, threads: Executor) -> None:
        self._runtime = runtime
        self._threads = threads
        self._next: dict[str, int] = {}  # inbox → up to where
        self._when_next: asyncio.Future[None] | None = None
        self._writing: asyncio.Task[None] | None = None

    def add(self, inbox_id: str, up_to: int) -> "asyncio.Future[None]":
        """Done once it is stored; raises what the database raised."""
        loop = asyncio.get_running_loop()
        if self._when_next is None:
            self._when_next = loop.create_future()
            self._when_next.add_done_callback(_look_at_failure)
        self._next[inbox_id] = max(up_to, self._next.get(inbox_id, 0))
        stored = self._when_next
        if self._writing is None:
            self._writing = loop.create_task(self._write())
        return stored

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        while self._when_next is not None:
            stored, up_to = self._when_next, self._next
            self._when_next, self._next = None, {}
            try:
                await loop.run_in_executor(self._threads, retried, lambda: self._store(up_to))  # noqa: B023
            except Exception as error:
                stored.set_exception(error)
            else:
                stored.set_result(None)
        self._writing = None

    def _store(self, up_to: dict[str, int]) -> None:
        with self._runtime.writing() as work:
            service.acknowledge_many(work, up_to)


def _look_at_failure(stored: "asyncio.Future[None]") -> None:
    """Those who wait for it ask Flask, which says what is wrong; where nobody waits any more, nobody has to know."""
    if not stored.cancelled():
        stored.exception()
