"""A jobs process of its own, for tests that stop or kill it.

`python -m tests.core.jobs.runner_process URL FOLDER`; the task "wait" leaves the file "reached" in FOLDER,
and waits there for the file "gate".
"""

import argparse
import importlib
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from app.core import processes
from app.core.clock import SystemClock
from app.core.jobs import runner
from app.core.jobs.base import Jobs
from app.core.jobs.inline import InlineJobs
from app.core.jobs.leased import LeasedJobs
from app.core.jobs.reload import CodeWatch
from app.core.jobs.runner import Runner
from app.core.logs import configure_logs
from app.core.runtime import Runtime
from tests.core.jobs.runtimes import Effect, make_runtime


class ClockAhead(SystemClock):
    """So that the leases of others have run out."""

    def __init__(self, ahead_s: float) -> None:
        self._ahead = timedelta(seconds=ahead_s)

    def now(self) -> datetime:
        return super().now() + self._ahead


def count(runtime: Runtime, payload: dict[str, Any]) -> None:
    """Its effects add up when it is repeated."""
    with runtime.writing() as work:
        work.add(Effect(name=payload.get("name", "count")))


def ensure(runtime: Runtime, payload: dict[str, Any]) -> None:
    """Has the same effect when it is repeated."""
    with runtime.writing() as work:
        if work.scalar(select(Effect.id).where(Effect.name == payload["name"])) is None:
            work.add(Effect(name=payload["name"]))


def ensure_slowly(runtime: Runtime, payload: dict[str, Any]) -> None:
    """Is long enough between its effect and its end for a process to be killed there."""
    ensure(runtime, payload)
    time.sleep(0.05)


def fail(_runtime: Runtime, _payload: dict[str, Any]) -> None:
    raise OSError("no network")


def leave(_runtime: Runtime, _payload: dict[str, Any]) -> None:
    sys.exit(7)


def be_told_to_stop(_runtime: Runtime, _payload: dict[str, Any]) -> None:
    """By a signal that does not interrupt what the main thread waits in, as one that comes just before it waits."""
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)


def waiting_in(folder: Path) -> Callable[[Runtime, dict[str, Any]], None]:
    def ensure_and_wait(runtime: Runtime, payload: dict[str, Any]) -> None:
        ensure(runtime, payload)
        (folder / "reached").touch()
        while not (folder / "gate").exists():
            time.sleep(0.01)

    return ensure_and_wait


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--ahead-s", type=float, default=0)
    parser.add_argument("--lease-s", type=float, default=30)
    parser.add_argument("--finish-s", type=float, default=60, help="patience at the end; a busy machine needs it")
    parser.add_argument("--inline", action="store_true")
    parser.add_argument("--watch", action="store_true", help="the code in FOLDER, which has code_of_a_task.py")
    arguments = parser.parse_args()
    jobs: Jobs = InlineJobs() if arguments.inline else LeasedJobs(lease_s=arguments.lease_s)
    runner.FINISH_S = processes.STOP_S = arguments.finish_s
    runtime = make_runtime(arguments.url, clock=ClockAhead(arguments.ahead_s), jobs=jobs)
    configure_logs(runtime.settings)
    add_tasks(runtime, arguments.folder)
    watch = None
    if arguments.watch:
        sys.path.append(str(arguments.folder))
        importlib.import_module("code_of_a_task")
        watch = CodeWatch(arguments.folder)
    Runner(runtime, watch).run()


def add_tasks(runtime: Runtime, folder: Path) -> None:
    for task in (count, ensure, ensure_slowly, fail, leave, be_told_to_stop):
        runtime.tasks.add(task.__name__, task)
    runtime.tasks.add("wait", waiting_in(folder))
    runtime.tasks.add("by_the_clock", lambda runtime, _: count(runtime, {"name": "tick"}), every_s=3600)


if __name__ == "__main__":
    main()
