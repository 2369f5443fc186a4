"""`python -m app.serving`, `flask jobs run`, or `python -m media_worker`, again and again, without the seconds that
imports take each time.

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
from pathlib import Path
from typing import Any

import a2wsgi  # noqa: F401 – imported by the server when it starts, like the others without a use here
import psycopg  # noqa: F401
import pymysql  # noqa: F401
import uvicorn._subprocess

import asgi  # noqa: F401
from app import create_app
from app.core.jobs.leased import LeasedJobs
from app.core.jobs.runner import Runner
from app.core.settings import load_settings
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
    {"api": serve, "jobs": run_jobs, "worker": work}[command["start"]]()


def serve() -> None:
    uvicorn._subprocess.spawn = multiprocessing.get_context("fork")  # type: ignore[assignment]
    main()


def run_jobs() -> None:
    """With short leases, so that what dies with its process is soon taken over."""
    runtime = create_app().runtime
    runtime.jobs = LeasedJobs(lease_s=2.0)
    Runner(runtime).run()


if __name__ == "__main__":
    import_everything()
    to_be = serve_commands()
    if to_be is not None:
        become(to_be)
