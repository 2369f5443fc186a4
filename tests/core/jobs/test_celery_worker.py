"""What a Celery worker's process does with a message; no broker is asked."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from sqlalchemy import select

from app.core.clock import SystemClock
from app.core.jobs.celery import CeleryJobs
from app.core.jobs.celery_worker import JobFailed, Worker
from app.core.jobs.models import Job
from app.core.runtime import Runtime
from app.core.settings import Settings, load_settings
from tests.core.jobs.runtimes import create_tables, make_runtime
from tests.support.waiting import eventually


@pytest.fixture
def settings() -> Settings:
    return load_settings(
        celery_broker_url="memory://", celery_time_limit_s=2, celery_max_tasks_per_child=2, _env_file=None
    )


@pytest.fixture
def runtime(jobs_url: str, settings: Settings) -> Iterator[Runtime]:
    """On the system's clock: leases are renewed by it."""
    runtime = make_runtime(jobs_url, clock=SystemClock(), jobs=CeleryJobs(settings, lease_s=0.6, jitter=lambda: 1.0))
    create_tables(runtime)
    yield runtime
    runtime.close()


@pytest.fixture
def worker(runtime: Runtime, settings: Settings) -> Worker:
    return Worker(lambda: runtime, settings)


@pytest.fixture
def job_of(runtime: Runtime) -> Callable[[Callable[[], None]], str]:
    """The id of a job that does this."""

    def enqueue(action: Callable[[], None]) -> str:
        def task(_runtime: Runtime, _payload: dict[str, Any]) -> None:
            action()

        runtime.tasks.add("task", task)
        runtime.tasks.queues["task"] = "transcription"
        with runtime.writing() as work:
            work.enqueue("task", {}, key="the job")
            return str(work.scalar(select(Job.id)))

    return enqueue


def row(runtime: Runtime) -> Job:
    with runtime.reading() as work:
        return work.scalars(select(Job)).one()


JobOf = Callable[[Callable[[], None]], str]


def test_a_lease_is_renewed_while_its_job_runs(runtime: Runtime, worker: Worker, job_of: JobOf) -> None:
    begun = []

    def watch() -> None:
        first = row(runtime).leased_until
        begun.append(first)
        eventually(lambda: row(runtime).leased_until != first, "the lease to be renewed", within_s=0.9)

    worker.run(job_of(watch))
    assert (row(runtime).state, len(begun)) == ("done", 1)


def test_a_job_that_fails_is_told_to_celery_and_tried_again_by_its_row(
    runtime: Runtime, worker: Worker, job_of: JobOf
) -> None:
    def fail() -> None:
        raise OSError("no network")

    job_id = job_of(fail)
    with pytest.raises(JobFailed, match=f"^{job_id}: OSError$"):
        worker.run(job_id)
    job = row(runtime)
    assert (job.state, job.attempts, job.last_error) == ("queued", 1, "OSError: no network")


def test_a_job_that_takes_too_long_says_so_before_it_is_killed(runtime: Runtime, worker: Worker, job_of: JobOf) -> None:
    """And what it does until then counts for nothing."""

    def last() -> None:
        eventually(lambda: row(runtime).state == "queued", "the job to be given up")

    began = time.monotonic()
    with structlog.testing.capture_logs() as logged:
        worker.run(job_of(last))
    assert time.monotonic() - began >= 1
    job = row(runtime)
    assert (job.state, job.attempts) == ("queued", 1)
    assert job.last_error == "TookTooLong: It was stopped after 2 s (CELERY_TIME_LIMIT_S)."
    assert ("job takes too long", "error") in {(line["event"], line["log_level"]) for line in logged}


def test_a_process_that_its_worker_ends_gives_its_job_back(runtime: Runtime, worker: Worker, job_of: JobOf) -> None:
    def be_ended() -> None:
        raise SystemExit(-(256 - 15))  # as what Celery handles SIGTERM with

    with pytest.raises(SystemExit):
        worker.run(job_of(be_ended))
    job = row(runtime)
    assert (job.state, job.attempts, job.lease_owner, job.last_error) == ("queued", 0, None, None)


def test_a_task_that_exits_has_failed(runtime: Runtime, worker: Worker, job_of: JobOf) -> None:
    def leave() -> None:
        raise SystemExit(7)

    with pytest.raises(SystemExit):
        worker.run(job_of(leave))
    job = row(runtime)
    assert (job.state, job.attempts, job.last_error) == ("queued", 1, "SystemExit: 7")


def test_messages_that_tell_of_the_same_job_at_once_have_it_run_once(
    runtime: Runtime, settings: Settings, job_of: JobOf
) -> None:
    ran: list[int] = []
    job_id = job_of(lambda: ran.append(1))
    start = threading.Barrier(4)

    def take() -> None:
        start.wait()
        Worker(lambda: runtime, settings).run(job_id)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ran == [1]


def test_the_log_says_that_a_process_has_run_as_much_as_it_may(runtime: Runtime, worker: Worker, job_of: JobOf) -> None:
    job_id = job_of(lambda: None)
    for _ in range(2):
        worker.run(job_id)
    with structlog.testing.capture_logs() as logged:
        worker._end()
    assert [(line["event"], line["jobs"]) for line in logged] == [
        ("worker process has run as many jobs as it may; another takes its place", 2)
    ]
