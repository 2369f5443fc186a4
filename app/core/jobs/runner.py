"""The jobs process: works off the table of jobs, and runs by the clock what has to be.

APScheduler gives the ticks and the threads; which job is run, and by whom, the table says. Tasks that run by
the clock have threads of their own, so that long jobs don't hold up the short sweeps that keep meetings
right.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from types import FrameType

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from app.core.jobs.base import Beside
from app.core.jobs.leased import LeasedJobs
from app.core.jobs.reload import CodeWatch, start_anew
from app.core.processes import ProcessBeat
from app.core.runtime import Runtime

log = structlog.get_logger()

TICK_S = 0.5  # how long a job that is due waits for an idle runner; an idle tick is one read
JOB_THREADS = 6  # a composition, an export and two tracks that are listened to leave two for what is short
PERIODIC_THREADS = 2
# Together less than the 5 s that `make run` allows after Ctrl-C, and the 10 s of container runtimes.
FINISH_S = 3.0
RELEASE_S = 1.0
WATCH_S = 1.0
CODE_CHANGED = "code changed"


class Runner:
    """Runs jobs in this process until it is told to stop. `run` belongs to the main thread."""

    def __init__(self, runtime: Runtime, watch: CodeWatch | None = None) -> None:
        self._runtime = runtime
        # Tasks run by the clock even where jobs are inline.
        self._jobs = runtime.jobs if isinstance(runtime.jobs, LeasedJobs) else LeasedJobs()
        self._beat = ProcessBeat(runtime, "jobs")
        self._watch = watch
        self._reasons: SimpleQueue[str] = SimpleQueue()  # unlike an Event, a signal's handler may use it
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._busy = 0  # threads in the middle of something

    def run(self) -> None:
        """Work until SIGTERM, SIGINT or `stop`; then finish what ends in `FINISH_S` and give back the rest.

        Where something was given back this ends the process, with status 0, instead of returning: the
        interpreter would wait for its threads. With `watch`, changed code starts the process anew.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        scheduler = self._make_scheduler()
        self._beat.start()
        scheduler.start()
        for beside in self._runtime.tasks.beside:
            threading.Thread(target=self._do_beside, args=(beside,), daemon=True).start()
        log.info("jobs process is ready", tasks=len(self._runtime.tasks.by_name))
        reason = self._told_to_stop()
        log.info("jobs process is stopping", reason=reason)
        self._stopping.set()
        scheduler.shutdown(wait=False)
        finished = self._all_finish()
        if finished:
            self._beat.stop()
            self._runtime.close()
        else:
            self._give_back()
        log.info("jobs process has stopped", finished=finished)
        logging.shutdown()
        if reason == CODE_CHANGED:
            start_anew()
        if not finished:
            os._exit(0)

    def stop(self, reason: str = "stop") -> None:
        """Have `run` end; from any thread."""
        self._reasons.put(reason)

    def _told_to_stop(self) -> str:
        """Wait for the reason to stop.

        In short turns: a signal's handler runs only when the main thread does. One that came just before the wait
        began, or was given to another thread, does not interrupt it.
        """
        while True:
            try:
                return self._reasons.get(timeout=TICK_S)
            except Empty:
                continue

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self.stop(signal.Signals(number).name)

    def _make_scheduler(self) -> BackgroundScheduler:
        # It warns at every tick at which all threads are busy, which is how it should be under load.
        logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)
        scheduler = BackgroundScheduler(
            timezone="UTC",
            executors={
                "house": ThreadPoolExecutor(1),
                "jobs": ThreadPoolExecutor(JOB_THREADS),
                "periodic": ThreadPoolExecutor(PERIODIC_THREADS),
                "watch": ThreadPoolExecutor(1),
                "workers": ThreadPoolExecutor(1),
            },
            job_defaults={"coalesce": True, "misfire_grace_time": None},
        )
        self._tick(scheduler, "house", self._keep_house, self._jobs.lease_s / 3, threads=1)
        self._tick(scheduler, "jobs", self._run_jobs, TICK_S, threads=JOB_THREADS)
        if self._jobs.tells_workers:
            self._tick(scheduler, "workers", self._tell_workers, TICK_S, threads=1)
        self._tick(scheduler, "periodic", self._run_periodic, TICK_S, threads=PERIODIC_THREADS)
        if self._watch is not None:
            self._tick(scheduler, "watch", self._look_at_code, WATCH_S, threads=1)
        return scheduler

    @staticmethod
    def _tick(
        scheduler: BackgroundScheduler, name: str, work_off: Callable[[], None], every_s: float, threads: int
    ) -> None:
        """Begin `work_off` now and every `every_s`, beside those that still run, in `threads` at most."""
        scheduler.add_job(
            work_off, "interval", seconds=every_s, next_run_time=datetime.now(UTC),
            id=name, executor=name, max_instances=threads,
        )  # fmt: skip

    def _do_beside(self, beside: Beside) -> None:
        with self._busy_thread():
            try:
                beside(self._runtime, self._stopping)
            except Exception:
                log.exception("something that is done beside jobs has ended", what=beside.__module__)

    def _look_at_code(self) -> None:
        if self._watch is not None and self._watch.changed() and not self._stopping.is_set():
            self.stop(CODE_CHANGED)

    def _run_jobs(self) -> None:
        self._work_off(periodic=False)

    def _run_periodic(self) -> None:
        self._work_off(periodic=True)

    def _work_off(self, *, periodic: bool) -> None:
        with self._busy_thread():
            try:
                while not self._stopping.is_set() and self._jobs.run_one(self._runtime, periodic=periodic):
                    pass
            except Exception:  # the database is away; the next tick tries again
                log.exception("jobs could not be worked off")

    def _tell_workers(self) -> None:
        with self._busy_thread():
            try:
                self._jobs.tell_workers(self._runtime)
            except Exception:  # the database is away; the next tick tries again
                log.exception("workers could not be told of jobs")

    def _keep_house(self) -> None:
        with self._busy_thread():
            for step in (self._jobs.renew, self._jobs.plan, self._jobs.recover):
                if self._stopping.is_set():
                    return
                try:
                    step(self._runtime)
                except Exception:
                    log.exception("leases could not be looked after")

    @contextmanager
    def _busy_thread(self) -> Iterator[None]:
        with self._lock:
            self._busy += 1
        try:
            yield
        finally:
            with self._lock:
                self._busy -= 1

    def _all_finish(self) -> bool:
        deadline = time.monotonic() + FINISH_S
        while self._busy and time.monotonic() < deadline:
            time.sleep(0.02)
        return not self._busy

    def _give_back(self) -> None:
        """Let others run what this process still runs. If the database does not answer, the leases run out
        instead.
        """

        def give_back() -> None:
            self._jobs.release(self._runtime)
            self._beat.stop()

        thread = threading.Thread(target=give_back, daemon=True)
        thread.start()
        thread.join(RELEASE_S)
