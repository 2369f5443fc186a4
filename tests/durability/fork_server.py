"""`python -m app.serving`, `flask jobs run`, `celery worker` or `python -m media_worker`, again and again, without the
seconds that imports take each time.

Each line of its input is a command in JSON. `{"start": "api", "environment": {…}, "log": "…"}` starts one in a fork of
this process, and is answered with its process id, which is that of its group too; `{"wait": pid}` is answered with its
exit code once it has ended. Settings, threads, connections and the event loop are made in the fork, as in a process of
its own. With WORKERS the supervisor forks its processes as well. At the end of its input it kills what is left.
"""

import json
import multiprocessing
import os
import signal
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import a2wsgi  # noqa: F401 – imported by the server when it starts, like the others without a use here
import psycopg  # noqa: F401
import pymysql  # noqa: F401
import uvicorn._subprocess
from celery.__main__ import main as celery_main

import asgi  # noqa: F401
from app import create_app, wiring
from app.core.jobs import celery, celery_app, celery_worker  # noqa: F401
from app.core.jobs.base import Jobs
from app.core.jobs.leased import LeasedJobs
from app.core.jobs.runner import Runner
from app.core.settings import Settings, load_settings
from app.serving.__main__ import main
from media_worker.__main__ import main as work


def import_everything() -> None:
    """Also what is imported only when it is needed."""
    with tempfile.TemporaryDirectory() as folder:
        create_app(load_settings(storage_dir=Path(folder), _env_file=None)).runtime.close()


def serve_commands() -> dict[str, Any] | None:
    """What to be, in a fork; None at the end."""
    children: set[int] = set()
    for line in sys.stdin:
        command = json.loads(line)
        if "wait" in command:
            _, status = os.waitpid(command["wait"], 0)
            children.discard(command["wait"])
            print(os.waitstatus_to_exitcode(status), flush=True)
        else:
            child = os.fork()
            if child == 0:
                return dict(command)
            children.add(child)
            print(child, flush=True)
    for child in children:
        os.killpg(child, signal.SIGKILL)
    return None


def become(command: dict[str, Any]) -> None:
    os.setsid()
    os.environ.clear()
    os.environ.update(command["environment"])
    with open(command["log"], "a") as log, open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    {"api": serve, "jobs": run_jobs, "worker": work, "celery": run_celery}[command["start"]]()


def serve() -> None:
    uvicorn._subprocess.spawn = multiprocessing.get_context("fork")  # type: ignore[assignment]
    main()


def run_jobs() -> None:
    wiring._jobs = hasty_jobs
    Runner(create_app().runtime).run()


def run_celery() -> None:
    wiring._jobs = hasty_jobs
    sys.argv = ["celery", "-A", "celery_app", "worker", *os.environ["CELERY_ARGUMENTS"].split()]
    celery_main()


def hasty_jobs(settings: Settings) -> Jobs:
    """With short leases, so that what dies with its process is soon taken over, and messages that are soon missed."""
    if settings.celery_broker_url is None:
        return LeasedJobs(lease_s=2.0)
    celery.SENT_AGAIN_AFTER, celery.LOOKED_EVERY = timedelta(seconds=2), timedelta(seconds=0.5)
    return celery.CeleryJobs(settings, lease_s=4.0)


if __name__ == "__main__":
    import_everything()
    to_be = serve_commands()
    if to_be is not None:
        become(to_be)
