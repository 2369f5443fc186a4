"""What a Celery worker does with the messages that `celery.py` sends."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from celery import Celery, signals
from celery.utils.log import get_multiprocessing_logger

from app.core.jobs.base import Tasks
from app.core.jobs.leased import Lease, LeasedJobs
from app.core.logs import configure_logs
from app.core.runtime import Runtime
from app.core.settings import Settings

log = structlog.get_logger()

# Before Celery kills a job that takes too long, so that its row can say why.
TOLD_BEFORE_S = 1.0


class TookTooLong(Exception):
    """A job that ran into CELERY_TIME_LIMIT_S."""


class JobFailed(Exception):
    """What a worker tells Celery; the job's row and the log say more."""


class Worker:
    """Runs jobs of which messages tell, in each of a worker's processes with a runtime of its own."""

    def __init__(self, make_runtime: Callable[[], Runtime], settings: Settings) -> None:
        self._make_runtime = make_runtime
        self._settings = settings
        self._runtime: Runtime | None = None
        self._messages = 0

    def register(self, celery: Celery, tasks: Tasks) -> None:
        """Have `celery` run the tasks that have a queue."""
        for name in tasks.queues:

            def run(job_id: str) -> None:
                self.run(job_id)

            celery.task(run, name=name, shared=False, throws=(JobFailed,))
        signals.setup_logging.connect(self._log, weak=False)
        signals.worker_process_shutdown.connect(self._end, weak=False)

    def run(self, job_id: str) -> None:
        """Run this job, if it is due and nobody else does.

        :raises JobFailed: it has; it is tried again when its row says so.
        """
        began = time.monotonic()
        self._messages += 1
        runtime = self._runtime = self._runtime or self._make_runtime()
        jobs = runtime.jobs
        if not isinstance(jobs, LeasedJobs):
            raise TypeError("Celery workers need the table of jobs")
        lease = jobs.take(runtime, job_id)
        if lease is None:
            log.info("job is not due; its message came late, or twice", job_id=job_id)
            return
        with self._kept(runtime, jobs, lease, began + self._settings.celery_time_limit_s - TOLD_BEFORE_S):
            failure = jobs.run(runtime, lease)
        if isinstance(failure, SystemExit):  # the worker has ended this process
            raise failure
        if failure is not None:
            raise JobFailed(f"{job_id}: {type(failure).__name__}")

    @contextmanager
    def _kept(self, runtime: Runtime, jobs: LeasedJobs, lease: Lease, until: float) -> Iterator[None]:
        """Renew the lease from a thread, until the job has ended or has taken too long."""
        ended = threading.Event()

        def renew() -> None:
            while not ended.wait(max(0.1, min(jobs.lease_s / 3, until - time.monotonic()))):
                try:
                    if time.monotonic() >= until:
                        self._give_up(runtime, jobs, lease)
                        return
                    jobs.renew(runtime)
                except Exception:  # the database is away
                    log.exception("lease could not be renewed", job_id=lease.job_id)

        thread = threading.Thread(target=renew, name="lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _give_up(self, runtime: Runtime, jobs: LeasedJobs, lease: Lease) -> None:
        limit_s = self._settings.celery_time_limit_s
        error = TookTooLong(f"It was stopped after {limit_s} s (CELERY_TIME_LIMIT_S).")
        if jobs.finish(runtime, lease, error):
            log.error("job takes too long", job_id=lease.job_id, task=lease.task, limit_s=limit_s)

    def _log(self, **_: Any) -> None:
        configure_logs(self._settings)
        of_processes = get_multiprocessing_logger()
        of_processes.propagate = True  # else what it says of those that die is no JSON
        of_processes.setLevel(logging.WARNING)

    def _end(self, **_: Any) -> None:
        """In a process that ends: with its worker, or since it has run as many jobs as it may."""
        most = self._settings.celery_max_tasks_per_child
        if self._messages >= most:
            log.info("worker process has run as many jobs as it may; another takes its place", jobs=self._messages)
        if self._runtime is not None:
            self._runtime.close()
