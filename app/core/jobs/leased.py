"""Jobs in a table, worked off by whoever holds a lease on their row.

How it works: a runner reads which jobs are due, and takes one by an UPDATE that holds only if the row is
still queued (so that of two runners one wins, on every database). The row then carries a lease: a time, and
an owner that is new for every run. While the task runs its lease is renewed; a runner that dies stops
renewing, and once the time has passed `recover` queues the job again. Whatever a run writes about itself
demands that the row still carries its owner, so that a run whose job was taken over can no longer say how it
ended.

Leases are compared with this process's clock: machines that share a database keep their clocks within a few
seconds of each other (NTP).
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

import structlog
from sqlalchemy import ColumnElement, CursorResult, bindparam, delete, or_, select, update

from app.core import origin
from app.core.ids import new_id
from app.core.inserts import insert_unless_there
from app.core.jobs.base import Periodic, check_job
from app.core.jobs.models import LONGEST_ERROR, Job
from app.core.jobs.states import may_become
from app.core.prepared import Prepared
from app.core.retries import retried
from app.core.runtime import Runtime, Work

log = structlog.get_logger()

LEASE_S = 30.0  # twice what a writer may wait for SQLite's lock, so that a renewal comes in time
MAX_ATTEMPTS = 12  # with the pauses below: a mail server may be away for two hours
FIRST_PAUSE_S = 5.0
LONGEST_PAUSE_S = 3600.0
CANDIDATES = 8  # due jobs read at once: if other runners take the first, there is another
DONE_KEPT = timedelta(days=7)
FAILED_KEPT = timedelta(days=30)
FREED = {"lease_owner": None, "leased_until": None, "sent_at": None}

# What every tick costs, also where nobody is there: written once, so that it is compiled once.
_DUE = {
    periodic: select(Job.id)
    .where(
        Job.state == "queued",
        Job.run_at <= bindparam("now"),
        Job.every_s.is_not(None) if periodic else Job.every_s.is_(None),
        Job.task.in_(bindparam("tasks", expanding=True)),
    )
    .order_by(Job.run_at, Job.id)
    .limit(CANDIDATES)
    for periodic in (False, True)
}
_TAKE = Prepared(
    update(Job)
    .where(Job.id == bindparam("job"), Job.state == "queued", Job.run_at <= bindparam("now"))
    .values(state="running", lease_owner=bindparam("owner"), leased_until=bindparam("until"), attempts=Job.attempts + 1)
)
_TAKEN = Prepared(
    select(Job.task, Job.payload, Job.run_at, Job.attempts, Job.max_attempts, Job.every_s, Job.origin).where(
        Job.id == bindparam("job"), Job.lease_owner == bindparam("owner")
    )
)
_COME_AGAIN = Prepared(
    update(Job)
    .where(Job.id == bindparam("job"), Job.lease_owner == bindparam("owner"), Job.state == "running")
    .values(
        state="queued",
        run_at=bindparam("next"),
        attempts=0,
        last_error=None,
        finished_at=bindparam("now"),
        **FREED,
    )
)


@dataclass(frozen=True)
class Lease:
    """The right to run a job once. `attempt` counts from 1."""

    job_id: str
    owner: str
    task: str
    payload: dict[str, Any]
    run_at: datetime
    attempt: int
    max_attempts: int
    every_s: float | None
    origin: dict[str, str]


class LeasedJobs:
    """`jitter` gives a number from 0 to 1: how far a pause lies between half its length and the whole."""

    tries_again = True
    tells_workers = False  # whether `tell_workers` is of any use

    def __init__(self, *, lease_s: float = LEASE_S, jitter: Callable[[], float] = random.random) -> None:
        self.lease_s = lease_s
        self._jitter = jitter
        self._lock = threading.Lock()
        self._held: dict[str, Lease] = {}  # by owner: what this process is running

    # What a feature does

    def enqueue(
        self,
        work: Work,
        task: str,
        payload: dict[str, Any],
        *,
        key: str | None = None,
        at: datetime | None = None,
    ) -> None:
        copy = check_job(work.runtime.tasks, task, payload, key, at)
        _insert(work, task, copy, key, at or work.now(), every_s=None, origin=origin.at_hand(work.runtime) or None)

    def close(self) -> None:
        """Nothing is held but the leases of what is still running; they run out."""

    # What a runner does

    def plan(self, runtime: Runtime) -> None:
        """See to it that every task that runs by the clock has its row. A new one is due at once."""
        wanted = {f"periodic:{periodic.task}": periodic for periodic in runtime.tasks.periodic}
        with runtime.reading() as work:
            rows = work.execute(select(Job.key, Job.every_s).where(Job.key.in_(list(wanted))))
            planned = {row.key: row.every_s for row in rows}
        for key, periodic in wanted.items():
            if planned.get(key) != periodic.every_s:
                _plan(runtime, periodic, key)

    def run_due(self, runtime: Runtime, *, periodic: bool = False) -> None:
        """Run in this thread, one by one, what is due: jobs, or tasks that run by the clock."""
        while self.run_one(runtime, periodic=periodic):
            pass

    def run_one(self, runtime: Runtime, *, periodic: bool = False) -> bool:
        """Claim and run one job that is due; False if there was none. What it raises goes into its row."""
        lease = self.claim(runtime, periodic=periodic)
        if lease is None:
            return False
        self.run(runtime, lease)
        return True

    def run(self, runtime: Runtime, lease: Lease) -> BaseException | None:
        """Run a job that was taken. What it raises goes into its row, and is returned."""
        about = {"job_id": lease.job_id, "task": lease.task, "attempt": lease.attempt}
        with origin.resumed(lease.origin, lease.payload, about), _traced(runtime, lease):
            failure: BaseException | None = None
            began_at = time.monotonic()
            try:
                retried(lambda: runtime.tasks.by_name[lease.task](runtime, lease.payload))
            except BaseException as error:  # not even sys.exit() in a task ends the process of all others
                failure = error
                log.exception("job failed")
                if runtime.tracing is not None:
                    runtime.tracing.failed(error)
            try:
                if not retried(lambda: self.finish(runtime, lease, failure)):
                    log.warning("job was taken over before it ended; it runs once more")
            finally:
                with self._lock:
                    self._held.pop(lease.owner, None)
                result = "failed" if failure is not None else "done"
                runtime.figures.count("parley_job_runs_total", task=lease.task, result=result)
                runtime.figures.count("parley_job_seconds_total", time.monotonic() - began_at, task=lease.task)
        return failure

    def claim(self, runtime: Runtime, *, periodic: bool = False) -> Lease | None:
        """Take a lease on a job that is due, the one due longest first; None if there is none.

        An empty claim is one read. Tasks that this process doesn't know are left to others: during an upgrade
        the newer processes run them.
        """
        while True:
            asked = {"now": runtime.clock.now(), "tasks": self.own_tasks(runtime)}
            with runtime.reading() as work:
                candidates = work.connection().execute(_DUE[periodic], asked).scalars().all()
            if not candidates:
                return None
            for job_id in candidates:
                lease = self.take(runtime, job_id)
                if lease is not None:
                    return lease

    def own_tasks(self, runtime: Runtime) -> list[str]:
        """Names of the tasks that a jobs process runs itself."""
        return list(runtime.tasks.by_name)

    def tell_workers(self, runtime: Runtime) -> None:
        """Tell those who run the other tasks what is due; to be called often."""

    def take(self, runtime: Runtime, job_id: str) -> Lease | None:
        """Take a lease on this job; None: it is not due, or not any more."""
        return retried(lambda: self._take(runtime, job_id))

    def _take(self, runtime: Runtime, job_id: str) -> Lease | None:
        owner = new_id()
        with runtime.writing() as work:
            now = work.now()  # it may have run and come back since it was read
            until = now + timedelta(seconds=self.lease_s)
            if not _TAKE.count(work.connection(), {"job": job_id, "now": now, "owner": owner, "until": until}):
                return None
            [job] = work.run(_TAKEN, {"job": job_id, "owner": owner})
        lease = Lease(
            job_id,
            owner,
            job.task,
            job.payload,
            job.run_at,
            job.attempts,
            job.max_attempts,
            job.every_s,
            job.origin or {},
        )
        with self._lock:
            self._held[owner] = lease
        return lease

    def finish(self, runtime: Runtime, lease: Lease, failure: BaseException | None = None) -> bool:
        """Write down how a run ended. False: its lease was lost, and nothing is written."""
        with runtime.writing() as work:
            now = work.now()
            if lease.every_s is not None and failure is None:
                in_step = lease.run_at + timedelta(seconds=lease.every_s)
                next_at = in_step if in_step > now else now + timedelta(seconds=lease.every_s)  # none is made up for
                ending = {"job": lease.job_id, "owner": lease.owner, "next": next_at, "now": now}
                return _COME_AGAIN.count(work.connection(), ending) > 0
            state, values = self._ending(lease, failure, now)
            return _move(work, "running", state, *_held_by(lease), **FREED, **values)

    def _ending(self, lease: Lease, failure: BaseException | None, now: datetime) -> tuple[str, dict[str, Any]]:
        """The state after a run: done, to be tried again, or failed for good; by the clock: to come again, sooner."""
        if failure is None:
            return "done", {"finished_at": now}
        error = _in_short(failure)
        pause = self._pause_after(lease.attempt)
        if lease.every_s is not None:
            return "queued", {"run_at": now + min(pause, timedelta(seconds=lease.every_s)), "last_error": error}
        if lease.attempt < lease.max_attempts:
            return "queued", {"run_at": now + pause, "last_error": error}
        return "failed", {"finished_at": now, "last_error": error}

    def renew(self, runtime: Runtime) -> None:
        """Prolong the leases of all that this process is running; to be called each third of `lease_s`."""
        with self._lock:
            held = list(self._held.values())
        if not held:
            return
        with runtime.writing() as work:
            until = work.now() + timedelta(seconds=self.lease_s)
            for lease in held:
                changed = work.execute(
                    update(Job)
                    .where(*_held_by(lease))
                    .values(leased_until=until)
                    .execution_options(synchronize_session=False)
                )
                if not _rows(changed):
                    log.warning("job has lost its lease", job_id=lease.job_id, task=lease.task)

    def recover(self, runtime: Runtime) -> None:
        """Queue again what died with its runner; give up what has done so `max_attempts` times."""
        abandoned = (Job.state == "running", Job.leased_until <= runtime.clock.now())
        with runtime.reading() as work:
            if work.scalar(select(Job.id).where(*abandoned).limit(1)) is None:
                return
        with runtime.writing() as work:
            dead = Job.leased_until <= work.now()
            error = "The process that ran it ended before the job did."
            _move(
                work, "running", "failed", dead, Job.every_s.is_(None), Job.attempts >= Job.max_attempts,
                finished_at=work.now(), last_error=error, **FREED,
            )  # fmt: skip
            _move(work, "running", "queued", dead, last_error=error, **FREED)

    def release(self, runtime: Runtime) -> None:
        """Give back what this process is running, at its end: others may run it at once, uncounted."""
        with self._lock:
            held = list(self._held.values())
            self._held.clear()
        with runtime.writing() as work:
            for lease in held:
                if _move(work, "running", "queued", *_held_by(lease), attempts=Job.attempts - 1, **FREED):
                    log.info("job given back", job_id=lease.job_id, task=lease.task)

    def _pause_after(self, attempt: int) -> timedelta:
        """Twice as long after every attempt, and spread: what failed together is not tried again together."""
        longest_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (attempt - 1))
        return timedelta(seconds=longest_s * (0.5 + self._jitter() / 2))


def _traced(runtime: Runtime, lease: Lease) -> AbstractContextManager[None]:
    """What runs by the clock goes back to nobody, and would be most of all spans."""
    if runtime.tracing is None or lease.every_s is not None:
        return nullcontext()
    return runtime.tracing.job(lease.task, lease.job_id, lease.attempt, lease.origin)


def retry(work: Work, job_id: str) -> bool:
    """Queue a job again that has failed, or was cancelled, with all its attempts. False: it is neither."""
    again = {"attempts": 0, "run_at": work.now(), "finished_at": None}
    return any(_move(work, old, "queued", Job.id == job_id, **again) for old in ("failed", "cancelled"))


def cancel(work: Work, job_id: str) -> bool:
    """Let a job that waits not run. False: it does not wait, runs by the clock, or there is none."""
    waits = Job.id == job_id, Job.every_s.is_(None)
    return _move(work, "queued", "cancelled", *waits, finished_at=work.now(), sent_at=None)


def purge(runtime: Runtime, _payload: dict[str, object]) -> None:
    """Forget jobs that were done, or failed for good, or were cancelled, long ago."""
    with runtime.writing() as work:
        old = or_(
            (Job.state == "done") & (Job.finished_at < work.now() - DONE_KEPT),
            Job.state.in_(("failed", "cancelled")) & (Job.finished_at < work.now() - FAILED_KEPT),
        )
        work.execute(delete(Job).where(old).execution_options(synchronize_session=False))


def _plan(runtime: Runtime, periodic: Periodic, key: str) -> None:
    with runtime.writing() as work:
        _insert(work, periodic.task, {}, key, work.now(), every_s=periodic.every_s)
        work.execute(
            update(Job)
            .where(Job.key == key, Job.every_s != periodic.every_s)
            .values(every_s=periodic.every_s, run_at=work.now())
            .execution_options(synchronize_session=False)
        )


def _insert(
    work: Work,
    task: str,
    payload: dict[str, Any],
    key: str | None,
    run_at: datetime,
    *,
    every_s: float | None,
    origin: dict[str, str] | None = None,
) -> None:
    insert_unless_there(
        work,
        Job,
        id=new_id(),
        task=task,
        payload=payload,
        origin=origin,
        key=key,
        every_s=every_s,
        state="queued",
        run_at=run_at,
        attempts=0,
        max_attempts=MAX_ATTEMPTS,
        created_at=work.now(),
    )


def _move(work: Work, old: str, new: str, *conditions: ColumnElement[bool], **values: Any) -> bool:
    """Compare and swap: the jobs that meet `conditions` go from `old` to `new`; whether there were any."""
    if not may_become(old, new):
        raise ValueError(f"a job that is {old} cannot become {new}")
    changed = work.execute(
        update(Job)
        .where(Job.state == old, *conditions)
        .values(state=new, **values)
        .execution_options(synchronize_session=False)
    )
    return _rows(changed) > 0


def _held_by(lease: Lease) -> tuple[ColumnElement[bool], ...]:
    return (Job.id == lease.job_id, Job.lease_owner == lease.owner)


def _rows(result: object) -> int:
    return cast("CursorResult[Any]", result).rowcount


def _in_short(error: BaseException | None) -> str:
    """The first line of an error: the others may carry a statement's parameters, and those may be secret."""
    lines = str(error).splitlines()
    text = f"{type(error).__name__}: {lines[0] if lines else ''}"[:LONGEST_ERROR]
    return text.replace("\0", "").encode(errors="replace").decode()  # PostgreSQL takes neither in text
