"""Jobs within the request that enqueued them, right after its commit: for tests and the QA profile.

What is due later is kept in memory until `run_due` is called; a task that fails is logged, not tried again.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from app.core.runtime import Runtime, Work

log = structlog.get_logger()


class InlineJobs:
    def __init__(self) -> None:
        self._later: list[tuple[datetime, str, dict[str, Any]]] = []
        self._keys: set[str] = set()

    def enqueue(
        self, work: Work, task: str, payload: dict[str, Any], *, key: str | None = None, at: datetime | None = None
    ) -> None:
        runtime = work.runtime

        def run() -> None:
            if key is not None:
                if key in self._keys:
                    return
                self._keys.add(key)
            if at is not None and at > runtime.clock.now():
                self._later.append((at, task, payload))
            else:
                self._run(runtime, task, payload)

        work.after_commit(run)

    def run_due(self, runtime: Runtime) -> None:
        """Run what has become due by the runtime's clock."""
        now = runtime.clock.now()
        due = [job for job in self._later if job[0] <= now]
        self._later = [job for job in self._later if job[0] > now]
        for _, task, payload in due:
            self._run(runtime, task, payload)

    def _run(self, runtime: Runtime, task: str, payload: dict[str, Any]) -> None:
        try:
            runtime.tasks.by_name[task](runtime, payload)
        except Exception:
            log.exception("job failed", task=task)

    def close(self) -> None:
        """Nothing is held."""
