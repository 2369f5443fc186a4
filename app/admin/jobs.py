"""Jobs as admins see them. What a job was given is not shown but for ids: it may hold what only its task may read."""

import re
from collections.abc import Callable, Collection, Sequence
from typing import Any

from sqlalchemy import select

from app.core import errors
from app.core.ids import ID_FORM
from app.core.jobs import leased
from app.core.jobs.models import Job
from app.core.pagination import paginate
from app.core.runtime import Work
from app.recordings import exports, renditions

# Of long ones: which id of the payload names what keeps their progress, and how to read it.
_PROGRESS: dict[str, tuple[str, Callable[[Work, Collection[str]], dict[str, float]]]] = {
    renditions.COMPOSE: ("rendition_id", renditions.progress_of),
    exports.EXPORT: ("export_id", exports.progress_of),
}
_ID = re.compile(ID_FORM)
# Who signs in to a server, and what a signed address carries.
_CREDENTIALS = re.compile(r"(?<=://)[^\s/@]*@|(?<=\?)[^\s'\"]+")


def page(work: Work, *, state: str | None, kind: str | None, limit: int, cursor: str | None) -> dict[str, Any]:
    """The newest first."""
    query = select(Job)
    if state is not None:
        query = query.where(Job.state == state)
    if kind is not None:
        query = query.where(Job.task == kind)
    found = paginate(work, query, (Job.id,), limit=limit, cursor=cursor, descending=True)
    found["items"] = _views(work, found["items"])
    return found


def show(work: Work, job_id: str) -> dict[str, Any]:
    return _views(work, [_get(work, job_id)])[0]


def retry(work: Work, job_id: str) -> dict[str, Any]:
    """Queue one again that has failed or was cancelled, with all its attempts.

    :raises JobStateConflict: it is neither.
    """
    return _moved(work, job_id, leased.retry, "Only a job that has failed, or was cancelled, can be queued again.")


def cancel(work: Work, job_id: str) -> dict[str, Any]:
    """:raises JobStateConflict: it does not wait, or runs by the clock."""
    return _moved(work, job_id, leased.cancel, "Only a job that waits, and not by the clock, can be cancelled.")


def _moved(work: Work, job_id: str, move: Callable[[Work, str], bool], told: str) -> dict[str, Any]:
    job = _get(work, job_id)
    if not move(work, job_id):
        raise errors.JobStateConflict(told, state=job.state)
    work.refresh(job)
    return _views(work, [job])[0]


def _get(work: Work, job_id: str) -> Job:
    job = work.get(Job, job_id)
    if job is None:
        raise errors.NotFound()
    return job


def _views(work: Work, jobs: Sequence[Job]) -> list[dict[str, Any]]:
    progress = _progress_of(work, jobs)
    return [
        {
            "id": job.id,
            "kind": job.task,
            "state": job.state,
            "about": {name: value for name, value in job.payload.items() if _is_id(name, value)},
            "every_s": job.every_s,
            "attempts": job.attempts,
            "max_attempts": job.max_attempts,
            "progress": progress.get(job.id),
            "last_error": _CREDENTIALS.sub("…", job.last_error) if job.last_error else None,
            "next_attempt_at": job.run_at if job.state == "queued" else None,
            "leased_until": job.leased_until,
            "created_at": job.created_at,
            "finished_at": job.finished_at,
        }
        for job in jobs
    ]


def _is_id(name: str, value: Any) -> bool:
    return name.endswith("_id") and isinstance(value, str) and _ID.fullmatch(value) is not None


def _progress_of(work: Work, jobs: Sequence[Job]) -> dict[str, float]:
    found: dict[str, float] = {}
    for task, (name, read) in _PROGRESS.items():
        subjects = {job.id: str(job.payload.get(name)) for job in jobs if job.task == task}
        known = read(work, set(subjects.values())) if subjects else {}
        found |= {job_id: known[subject] for job_id, subject in subjects.items() if subject in known}
    return found
