from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select, update

from app.core.clock import ManualClock
from app.core.flask_app import ParleyApp
from app.core.jobs.leased import LeasedJobs
from app.core.jobs.models import Job
from app.core.runtime import Runtime
from app.core.settings import Settings


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"jobs": "leased"})


@pytest.fixture
def runtime(app: ParleyApp) -> Runtime:
    return app.runtime


@pytest.fixture
def failed_job(runtime: Runtime) -> str:
    def fail(_runtime: Runtime, _payload: dict[str, Any]) -> None:
        raise OSError("the mail server is away")

    runtime.tasks.add("mail.send", fail)
    with runtime.writing() as work:
        work.enqueue("mail.send", {})
        work.execute(update(Job).values(max_attempts=1))
    assert isinstance(runtime.jobs, LeasedJobs)
    runtime.jobs.run_due(runtime)
    with runtime.reading() as work:
        return work.scalars(select(Job.id)).one()


def test_list_says_when_there_is_nothing(app: ParleyApp) -> None:
    assert app.test_cli_runner().invoke(args=["jobs", "list"]).output == "There are no jobs.\n"


def test_list_counts_jobs_and_tells_why_they_failed(app: ParleyApp, failed_job: str) -> None:
    with app.runtime.writing() as work:
        work.enqueue("mail.send", {})
        work.enqueue("mail.send", {})
    output = app.test_cli_runner().invoke(args=["jobs", "list"]).output
    counts = [line.split()[:3] for line in output.splitlines()]
    assert ["mail.send", "queued", "2"] in counts
    assert ["mail.send", "failed", "1"] in counts
    assert f"{failed_job}  mail.send  after 1 attempts  OSError: the mail server is away" in output


def test_a_failed_job_can_be_queued_again_once(app: ParleyApp, failed_job: str) -> None:
    runner = app.test_cli_runner()
    assert runner.invoke(args=["jobs", "retry", failed_job]).output == f"{failed_job} is queued again.\n"
    again = runner.invoke(args=["jobs", "retry", failed_job])
    assert again.exit_code == 1
    assert again.output == f"Error: No failed job has the id {failed_job}.\n"
    with app.runtime.reading() as work:
        job = work.get_one(Job, failed_job)
        assert (job.state, job.attempts, job.finished_at) == ("queued", 0, None)


class TestWithABroker:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"celery_broker_url": SecretStr("amqp://guest:guest@127.0.0.1:1//")})

    def test_list_tells_how_the_queues_of_its_workers_are(self, app: ParleyApp, clock: ManualClock) -> None:
        jobs = app.runtime.jobs
        assert isinstance(jobs, LeasedJobs)
        with app.runtime.writing() as work:
            for task in ("notes.transcribe", "notes.normalise", "notes.analyse", "notes.analyse"):
                work.enqueue(task, {})
            analysing = work.scalars(select(Job.id).where(Job.task == "notes.analyse")).first()
        assert jobs.take(app.runtime, str(analysing)) is not None
        clock.advance(minutes=5)
        lines = app.test_cli_runner().invoke(args=["jobs", "list"]).output.splitlines()
        head = next(number for number, line in enumerate(lines) if line.startswith("queue of Celery workers"))
        assert [" ".join(line.split()) for line in lines[head + 1 :]] == [
            "analysis 1 1 2026-11-20 10:00:00Z",
            "embedding 0 0",
            "transcription 0 2 2026-11-20 10:00:00Z Nobody takes them: start a worker.",
        ]
