"""Whether jobs are so far behind that nothing more is taken on: what people ask for now would only wait, and make all
that waits already wait longer.
"""

from datetime import timedelta

from sqlalchemy import func, select

from app.core import errors
from app.core.jobs.models import Job
from app.core.runtime import Work


def check(work: Work) -> None:
    """Before work for the background is taken on that people can ask for again.

    :raises Overloaded: with the extras `reason`, `used` and `most`: jobs that wait, or minutes that the first of them
        has waited.
    """
    most, longest_min = work.settings.jobs_waiting_max, work.settings.jobs_behind_max_min
    if not most and not longest_min:
        return
    now = work.now()
    due = Job.state == "queued", Job.run_at <= now, Job.every_s.is_(None)
    count, oldest = work.execute(select(func.count(), func.min(Job.run_at)).where(*due)).one()
    if most and count >= most:
        raise overloaded(work, "jobs_waiting", count, most)
    if longest_min and count and now - oldest > timedelta(minutes=longest_min):
        raise overloaded(work, "jobs_behind", int((now - oldest).total_seconds() // 60), longest_min)


def overloaded(work: Work, reason: str, used: float, most: float) -> errors.Overloaded:
    """The refusal of what can't be taken on now, whatever is full."""
    retry_after = {"Retry-After": str(work.settings.overloaded_retry_s)}
    return errors.Overloaded(headers=retry_after, reason=reason, used=used, most=most)
