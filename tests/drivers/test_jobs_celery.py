"""The rung with Celery workers, on real brokers; of the workers themselves see tests/durability/."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import structlog
from sqlalchemy import select, update

from app.core.clock import ManualClock
from app.core.jobs.celery import SENT_AGAIN_AFTER, CeleryJobs
from app.core.jobs.celery_app import make_celery
from app.core.jobs.celery_worker import JobFailed, Worker
from app.core.jobs.models import Job
from app.core.runtime import Runtime
from tests.core.jobs.runtimes import START, create_tables, make_runtime
from tests.drivers.jobs_suite import JobsSuite
from tests.support.brokers import BROKERS, Broker, broker

QUEUE = "transcription"


class Workers:
    """Take what is in the queue, in this thread."""

    def __init__(self, runtime: Runtime, at: Broker) -> None:
        settings = at.settings()
        self.runtime = runtime
        self._queue = at.prefix + QUEUE
        self._celery = make_celery(settings, runtime.tasks)
        self._worker = Worker(lambda: runtime, settings)

    def messages(self) -> list[tuple[str, str]]:
        """Task and job of each that is in the queue; it is empty then."""
        found = []
        with self._celery.connection_for_read() as connection:
            queue = self._celery.amqp.queues[self._queue].bind(connection.default_channel)
            queue.declare()
            while (message := queue.get(no_ack=True)) is not None:
                found.append((message.headers["task"], message.payload[0][0]))
        return found

    def work_off(self) -> int:
        messages = self.messages()
        for _, job_id in messages:
            with suppress(JobFailed):
                self._worker.run(job_id)
        return len(messages)


@pytest.fixture(params=BROKERS)
def at(request: pytest.FixtureRequest) -> Iterator[Broker]:
    with broker(request.param) as made:
        yield made


@pytest.fixture
def jobs(at: Broker) -> CeleryJobs:
    return CeleryJobs(at.settings(), jitter=lambda: 1.0)


@pytest.fixture
def ran() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def runtime(jobs_url: str, clock: ManualClock, ran: list[Any], jobs: CeleryJobs) -> Iterator[Runtime]:
    runtime = make_runtime(jobs_url, clock=clock, jobs=jobs)
    create_tables(runtime)
    runtime.tasks.add("note", lambda _runtime, payload: ran.append(payload))
    runtime.tasks.queues["note"] = QUEUE
    yield runtime
    runtime.close()


@pytest.fixture
def workers(runtime: Runtime, at: Broker) -> Workers:
    return Workers(runtime, at)


class TestCeleryJobs(JobsSuite):
    @pytest.fixture
    def runtime(self, runtime: Runtime, workers: Workers) -> Runtime:  # type: ignore[override]
        self.workers = workers
        return runtime

    def run_due(self, runtime: Runtime) -> None:
        assert isinstance(runtime.jobs, CeleryJobs)
        for task in runtime.tasks.by_name:
            runtime.tasks.queues[task] = QUEUE
        runtime.jobs.run_due(runtime)
        while True:
            runtime.jobs.tell_workers(runtime)
            if not self.workers.work_off():
                return


def enqueue(runtime: Runtime, n: int = 1) -> list[str]:
    with runtime.writing() as work:
        for number in range(n):
            work.enqueue("note", {"n": number})
        return list(work.scalars(select(Job.id).order_by(Job.id)))


class TestMessages:
    def test_a_message_names_its_task_and_its_job(self, runtime: Runtime, jobs: CeleryJobs, workers: Workers) -> None:
        (job_id,) = enqueue(runtime)
        jobs.tell_workers(runtime)
        assert workers.messages() == [("note", job_id)]

    def test_the_jobs_process_runs_nothing_that_has_a_queue(
        self, runtime: Runtime, jobs: CeleryJobs, ran: list[Any]
    ) -> None:
        runtime.tasks.add("light", lambda _runtime, payload: ran.append(payload))
        enqueue(runtime)
        with runtime.writing() as work:
            work.enqueue("light", {"light": True})
        jobs.run_due(runtime)
        assert ran == [{"light": True}]

    def test_a_message_is_sent_once_however_long_it_stands_in_the_queue(
        self, runtime: Runtime, jobs: CeleryJobs, workers: Workers, clock: ManualClock, ran: list[Any]
    ) -> None:
        enqueue(runtime, 3)
        for _ in range(5):
            jobs.tell_workers(runtime)
            clock.advance(minutes=10)
        assert len(workers.messages()) == 3

    def test_a_message_that_comes_twice_has_its_job_run_once(
        self, runtime: Runtime, jobs: CeleryJobs, workers: Workers, ran: list[Any]
    ) -> None:
        enqueue(runtime)
        jobs.tell_workers(runtime)
        with runtime.writing() as work:  # it was sent, and that was not noted
            work.execute(update(Job).values(sent_at=None))
        jobs.tell_workers(runtime)
        assert workers.work_off() == 2
        assert ran == [{"n": 0}]

    def test_a_message_that_was_lost_is_sent_again(
        self, runtime: Runtime, jobs: CeleryJobs, workers: Workers, clock: ManualClock, ran: list[Any]
    ) -> None:
        enqueue(runtime, 3)
        jobs.tell_workers(runtime)
        assert len(workers.messages()) == 3
        clock.advance(seconds=SENT_AGAIN_AFTER.total_seconds() - 1)
        jobs.tell_workers(runtime)
        assert workers.messages() == []
        clock.advance(seconds=11)
        with structlog.testing.capture_logs() as logged:
            jobs.tell_workers(runtime)
        assert [(line["event"], line["jobs"]) for line in logged] == [
            ("messages to Celery workers were lost, and are sent again", 3)
        ]
        assert workers.work_off() == 3
        assert sorted(payload["n"] for payload in ran) == [0, 1, 2]

    def test_a_job_that_failed_is_told_of_again_after_its_pause(
        self, runtime: Runtime, jobs: CeleryJobs, workers: Workers, clock: ManualClock
    ) -> None:
        def fail(_runtime: Runtime, _payload: dict[str, Any]) -> None:
            raise OSError("no network")

        runtime.tasks.by_name["note"] = fail
        enqueue(runtime)
        jobs.tell_workers(runtime)
        assert workers.work_off() == 1
        jobs.tell_workers(runtime)
        assert workers.messages() == []
        clock.advance(seconds=5)
        jobs.tell_workers(runtime)
        assert len(workers.messages()) == 1

    def test_what_a_worker_died_of_is_told_of_again_once_its_lease_has_run_out(
        self, runtime: Runtime, jobs: CeleryJobs, workers: Workers, clock: ManualClock, ran: list[Any]
    ) -> None:
        (job_id,) = enqueue(runtime)
        jobs.tell_workers(runtime)
        workers.messages()
        assert jobs.take(runtime, job_id) is not None
        jobs.tell_workers(runtime)
        assert workers.work_off() == 0
        clock.advance(seconds=31)
        jobs.recover(runtime)
        jobs.tell_workers(runtime)
        assert workers.work_off() == 1
        assert ran == [{"n": 0}]

    def test_a_message_of_a_job_that_is_run_elsewhere_has_nothing_run(
        self, runtime: Runtime, jobs: CeleryJobs, workers: Workers, ran: list[Any]
    ) -> None:
        (job_id,) = enqueue(runtime)
        jobs.tell_workers(runtime)
        assert jobs.take(runtime, job_id) is not None
        assert workers.work_off() == 1
        assert ran == []


class TestWithoutWorkers:
    def test_the_log_says_that_nobody_takes_a_queue_and_not_all_the_time(
        self, runtime: Runtime, jobs: CeleryJobs, clock: ManualClock
    ) -> None:
        enqueue(runtime, 2)
        with structlog.testing.capture_logs() as logged:
            for _ in range(12):
                jobs.tell_workers(runtime)
                clock.advance(seconds=30)
        assert [(line["event"], line["queue"], line["jobs"]) for line in logged] == [
            ("nobody takes the jobs of a queue", QUEUE, 2)
        ]

    def test_a_queue_that_somebody_works_off_is_not_told_of(
        self, runtime: Runtime, jobs: CeleryJobs, clock: ManualClock
    ) -> None:
        first, _ = enqueue(runtime, 2)
        assert jobs.take(runtime, first) is not None
        clock.advance(hours=1)
        with structlog.testing.capture_logs() as logged:
            jobs.tell_workers(runtime)
        assert logged == []
