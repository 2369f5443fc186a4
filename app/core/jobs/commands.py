"""`flask jobs`: the jobs process, and a look at what it has to do."""

from pathlib import Path
from typing import cast

import click
from flask import current_app
from flask.cli import AppGroup
from sqlalchemy import func, select

from app.core.flask_app import ParleyApp
from app.core.jobs.leased import retry
from app.core.jobs.models import Job
from app.core.jobs.queues import queues
from app.core.runtime import Runtime

FAILED_LISTED = 20

jobs_cli = AppGroup("jobs", help="Work in the background: mails, reminders, sweeps.")


@jobs_cli.command("run")
def run() -> None:
    """Work off jobs until SIGTERM or Ctrl-C."""
    from app.core.jobs.reload import CodeWatch
    from app.core.jobs.runner import Runner  # only this process needs a scheduler; importing it takes long

    runtime = _runtime()
    Runner(runtime, CodeWatch(Path(current_app.root_path)) if runtime.settings.debug else None).run()


@jobs_cli.command("list")
def list_jobs() -> None:
    """Count jobs by task and state, tell how the queues of Celery workers are, and show the last jobs that failed."""
    with _runtime().reading() as work:
        counts = work.execute(
            select(Job.task, Job.state, func.count(), func.min(Job.run_at))
            .group_by(Job.task, Job.state)
            .order_by(Job.task, Job.state)
        ).all()
        failed = work.scalars(
            select(Job).where(Job.state == "failed").order_by(Job.finished_at.desc()).limit(FAILED_LISTED)
        ).all()
        has_workers = work.settings.celery_broker_url is not None
        of_workers = [(queue, queue.is_untaken(work)) for queue in queues(work)] if has_workers else []
    if not counts:
        click.echo("There are no jobs.")
        return
    click.echo(f"{'task':32} {'state':8} {'jobs':>6}  earliest")
    for task, state, number, earliest in counts:
        click.echo(f"{task:32} {state:8} {number:6}  {earliest:%Y-%m-%d %H:%M:%S}Z")
    if of_workers:
        click.echo(f"\n{'queue of Celery workers':32} {'running':>8} {'waiting':>7}  since")
    for queue, is_untaken in of_workers:
        since = f"{queue.since:%Y-%m-%d %H:%M:%S}Z" if queue.since else ""
        told = "  Nobody takes them: start a worker." if is_untaken else ""
        click.echo(f"{queue.name:32} {queue.running:8} {queue.waiting:7}  {since}{told}".rstrip())
    if failed:
        click.echo("\nFailed last (`flask jobs retry ID` queues one again):")
    for job in failed:
        click.echo(f"{job.id}  {job.task}  after {job.attempts} attempts  {job.last_error}")


@jobs_cli.command("retry")
@click.argument("job_id", metavar="ID")
def retry_job(job_id: str) -> None:
    """Queue a job again that has failed."""
    with _runtime().writing() as work:
        queued = retry(work, job_id)
    if not queued:
        raise click.ClickException(f"No failed job has the id {job_id}.")
    click.echo(f"{job_id} is queued again.")


def _runtime() -> Runtime:
    return cast(ParleyApp, current_app).runtime
