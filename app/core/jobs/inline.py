"""Jobs within the request that enqueued them, right after its commit: for tests and the QA profile.

What is due later is kept in memory until `run_due` is called; a task that fails is logged, not tried again.
"""

from __future__ import annotations

import threading
from contextlib import nullcontext
from datetime import datetime
from typing import TYPE_CHECKING, Any

import structlog

from app.core.jobs.base import check_job
from app.core.retries import retried

if TYPE_CHECKING:
    from app.core.runtime import Runtime, Work

log = structlog.get_logger()


class InlineJobs:
    tries_again = False

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._later: list[tuple[datetime, str, dict[str, Any]]] = []
        self._keys: set[str] = set()

    def enqueue(
        self,
        work: Work,
        task: str,
        payload: dict[str, Any],
        *,
        key: str | None = None,
        at: datetime | None = None,
    ) -> None:
        runtime = work.runtime
        copy = check_job(runtime.tasks, task, payload, key, at)

        def run() -> None:
            with self._lock:
                if key is not None and key in self._keys:
                    return
                if key is not None:
                    self._keys.add(key)
                if at is not None and at > runtime.clock.now():
                    self._later.append((at, task, copy))
                    return
            self._run(runtime, task, copy)

        work.after_commit(run)

    def run_due(self, runtime: Runtime) -> None:
        """Run what has become due by the runtime's clock."""
        now = runtime.clock.now()
        with self._lock:
            due = sorted((job for job in self._later if job[0] <= now), key=lambda job: job[0])
            self._later = [job for job in self._later if job[0] > now]
        for _, task, payload in due:
            self._run(runtime, task, payload)

    def _run(self, runtime: Runtime, task: str, payload: dict[str, Any]) -> None:
        try:
            with nullcontext() if runtime.tracing is None else runtime.tracing.within(f"job {task}"):
                retried(lambda: runtime.tasks.by_name[task](runtime, payload))
        except Exception:
            log.exception("job failed", task=task)

    def close(self) -> None:
        """Nothing is held."""
