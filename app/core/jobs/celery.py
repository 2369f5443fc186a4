"""Jobs whose heavy tasks are run by Celery workers, on other machines too.

How it works: a job is the same row as ever, and whoever holds the lease on it runs it (`leased.py`). Of a task that has
a queue the jobs process runs nothing itself: it sends a message to the queue, "this job is due". A worker that gets one
tries to take the lease, and runs the job only if it did (`celery_worker.py`). So a message is a hint:

* One that comes twice, or late, finds the row taken or done.
* It is sent first, and noted in `sent_at` then: a process that dies between the two sends it twice. While the broker is
  away nothing is noted, and all is sent when it is back.
* A row that is queued again (it failed, or its worker died and the lease ran out) forgets `sent_at`, and is sent again.
* Whether one was lost cannot be told from the row: it may stand in a long queue. So the broker is asked how long the
  queue is. Of more rows than messages, those that were sent longest ago are sent again.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import structlog
from sqlalchemy import ColumnElement, func, select, update

from app.core.jobs.leased import LEASE_S, Lease, LeasedJobs
from app.core.jobs.models import Job
from app.core.jobs.queues import is_due, queues
from app.core.runtime import Runtime, Work
from app.core.settings import Settings

log = structlog.get_logger()

SENT_AT_ONCE = 100
SENT_AGAIN_AFTER = timedelta(seconds=60)  # a message that is older may have been lost
LOOKED_EVERY = timedelta(seconds=10)  # whether any was
TOLD_EVERY = timedelta(minutes=5)  # in the log, that nobody takes a queue


class Due(NamedTuple):
    task: str
    job_id: str
    queue: str


class CeleryJobs(LeasedJobs):
    tells_workers = True

    def __init__(
        self,
        settings: Settings,
        *,
        lease_s: float = LEASE_S,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        super().__init__(lease_s=lease_s, jitter=jitter)
        self._settings = settings
        self._celery: Any = None
        self._looked_at: datetime | None = None
        self._told_at: datetime | None = None
        self._is_broker_away = False

    def own_tasks(self, runtime: Runtime) -> list[str]:
        return [task for task in runtime.tasks.by_name if task not in runtime.tasks.queues]

    def finish(self, runtime: Runtime, lease: Lease, failure: BaseException | None = None) -> bool:
        """As ever; but who was told to end in the middle of a job, with its worker say, gives it back."""
        if _is_end_of_process(failure):
            self.release(runtime)
            return True
        return super().finish(runtime, lease, failure)

    def tell_workers(self, runtime: Runtime) -> None:
        """Send a message for each job of theirs that is due and has none, or whose message seems lost."""
        now = runtime.clock.now()
        looks = self._looked_at is None or now - self._looked_at >= LOOKED_EVERY
        with runtime.reading() as work:
            unsent = _due(work, Job.sent_at.is_(None))
            old = _due(work, Job.sent_at <= now - SENT_AGAIN_AFTER) if looks else []
            sent = _numbers_sent(work) if old else {}
            if looks:
                self._tell_of_untaken(work)
        if unsent or old:
            try:
                told = self._send(runtime, unsent, old, sent)
            except Exception as error:  # each broker's client has its own
                self._note_broker(error)
                return
            self._note_broker(None)
            with runtime.writing() as work:
                _note_sent(work, told, now)
        if looks:
            self._looked_at = now

    def _send(self, runtime: Runtime, unsent: Sequence[Due], old: Sequence[Due], sent: Mapping[str, int]) -> list[str]:
        """Ids of the jobs of which there are messages now."""
        from app.core.jobs.celery_app import Sender, make_celery  # here: who sends nothing does without Celery

        if self._celery is None:
            self._celery = make_celery(self._settings, runtime.tasks)
        with Sender(self._celery, self._settings.celery_queue_prefix) as sender:
            told = [*unsent, *_lost(old, sent, sender.length)]
            for due in told:
                sender.send(*due)
        return [due.job_id for due in told]

    def _note_broker(self, error: Exception | None) -> None:
        if error is not None and not self._is_broker_away:
            log.warning(
                "the broker of Celery workers does not answer; their jobs wait",
                error=f"{type(error).__name__}: {error}",
            )
        if error is None and self._is_broker_away:
            log.info("the broker of Celery workers answers again")
        self._is_broker_away = error is not None

    def _tell_of_untaken(self, work: Work) -> None:
        if self._told_at is not None and work.now() - self._told_at < TOLD_EVERY:
            return
        for queue in queues(work):
            if queue.is_untaken(work):
                log.warning(
                    "nobody takes the jobs of a queue", queue=queue.name, jobs=queue.waiting, since=str(queue.since)
                )
                self._told_at = work.now()


def _is_end_of_process(failure: BaseException | None) -> bool:
    """Whether it is what a signal raises in a Celery worker's process: that exits with the signal's number less 256."""
    return isinstance(failure, SystemExit) and isinstance(failure.code, int) and failure.code < 0


def _due(work: Work, *conditions: ColumnElement[bool]) -> list[Due]:
    """Those due longest."""
    found = select(Job.id, Job.task).where(*is_due(work), *conditions).order_by(Job.run_at, Job.id).limit(SENT_AT_ONCE)
    return [Due(task, job_id, work.runtime.tasks.queues[task]) for job_id, task in work.execute(found)]


def _numbers_sent(work: Work) -> Counter[str]:
    """How many jobs of each queue wait, of which there should be a message."""
    found = select(Job.task, func.count()).where(*is_due(work), Job.sent_at.is_not(None)).group_by(Job.task)
    numbers = Counter[str]()
    for task, number in work.execute(found):
        numbers[work.runtime.tasks.queues[task]] += number
    return numbers


def _lost(old: Sequence[Due], sent: Mapping[str, int], length: Callable[[str], int]) -> Iterator[Due]:
    """Of those that were told of long ago, as many as no message can stand for."""
    for queue in sorted({due.queue for due in old}):
        missing = max(0, sent[queue] - length(queue))
        lost = [due for due in old if due.queue == queue][:missing]
        if lost:
            log.warning("messages to Celery workers were lost, and are sent again", queue=queue, jobs=len(lost))
        yield from lost


def _note_sent(work: Work, job_ids: Sequence[str], now: datetime) -> None:
    """Not of one that was taken meanwhile; nor if it failed and waits by now."""
    still = (Job.id.in_(job_ids), Job.state == "queued", Job.run_at <= now)
    work.execute(update(Job).where(*still).values(sent_at=now).execution_options(synchronize_session=False))
