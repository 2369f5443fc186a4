"""What waits in the queues of Celery workers, as the table of jobs has it: see `celery.py`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select

from app.core.jobs.models import Job
from app.core.runtime import Work


@dataclass(frozen=True)
class Queue:
    """`waiting` jobs of it are due, the first of them since `since`; `running` are at work."""

    name: str
    waiting: int
    since: datetime | None
    running: int

    def is_untaken(self, work: Work) -> bool:
        """Whether its jobs wait, and have done so for long, while nobody is at work on any."""
        patience = timedelta(minutes=work.settings.celery_untaken_min)
        return self.since is not None and not self.running and work.now() - self.since >= patience


def is_due(work: Work) -> tuple[ColumnElement[bool], ...]:
    """Of the jobs that workers are told of: those that may be run now."""
    return (Job.state == "queued", Job.run_at <= work.now(), Job.task.in_(work.runtime.tasks.queues))


def queues(work: Work) -> list[Queue]:
    """All of them, by name."""
    queue_of = work.runtime.tasks.queues
    waiting, running, since = Counter[str](), Counter[str](), dict[str, datetime]()
    for task, number, first in work.execute(
        select(Job.task, func.count(), func.min(Job.run_at)).where(*is_due(work)).group_by(Job.task)
    ):
        queue = queue_of[task]
        waiting[queue] += number
        since[queue] = min(first, since.get(queue, first))
    at_work = select(Job.task, func.count()).where(Job.state == "running", Job.task.in_(queue_of)).group_by(Job.task)
    for task, number in work.execute(at_work):
        running[queue_of[task]] += number
    names = sorted(set(queue_of.values()))
    return [Queue(name, waiting[name], since.get(name), running[name]) for name in names]
