"""The promise of every rung of jobs, and the table of tasks.

A job is a row committed with the change that asked for it. A task may run twice (a process can die after the
work and before the row is marked), so each has the same effect when it is repeated. A task gets the `Runtime`
and opens its own units of work: long work holds no transaction. A task that raises is tried again later, so
it raises when it has not done its work.
"""

from __future__ import annotations

import json
import pkgutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from app.core.runtime import Runtime, Work

Task = Callable[["Runtime", dict[str, Any]], None]

Beside = Callable[["Runtime", threading.Event], None]  # until the event is set; it sees to its errors itself

LONGEST_KEY = 200  # characters


@dataclass(frozen=True)
class Periodic:
    task: str
    every_s: float


class Tasks:
    """The tasks by name, and which of them run by the clock. Filled in `app/wiring.py`."""

    def __init__(self) -> None:
        self.by_name: dict[str, Task] = {}
        self.periodic: list[Periodic] = []
        self.heavy: dict[str, str] = {}
        self.queues: dict[str, str] = {}  # of each heavy task that Celery workers may run: see `celery.py`

        self.beside: list[Beside] = []  # what jobs processes do all the time, each in a thread of its own

    def add(self, name: str, task: Task, *, every_s: float | None = None) -> None:
        """Name a task. With `every_s` it runs by the clock: with an empty payload, never twice at once."""
        self.by_name[name] = task
        if every_s is not None:
            self.periodic.append(Periodic(name, every_s))

    def add_heavy(self, name: str, place: str, *, queue: str | None = None) -> None:
        """Name a task by where it stands, `package.module:function`: what it brings is imported when it is run, so not
        where nobody runs it. One with a `queue` is run by Celery workers, where there are any."""

        def run(runtime: Runtime, payload: dict[str, Any]) -> None:
            pkgutil.resolve_name(place)(runtime, payload)

        self.heavy[name] = place
        if queue is not None:
            self.queues[name] = queue
        self.add(name, run)

    def add_beside(self, place: str) -> None:
        """Name by where it stands what jobs processes do all the time; others don't import it."""

        def run(runtime: Runtime, stopping: threading.Event) -> None:
            pkgutil.resolve_name(place)(runtime, stopping)

        self.beside.append(run)


class Jobs(Protocol):
    """`tries_again` is True where a task that raises is run once more, later."""

    tries_again: bool

    def enqueue(
        self,
        work: Work,
        task: str,
        payload: dict[str, Any],
        *,
        key: str | None = None,
        at: datetime | None = None,
    ) -> None:
        """Have `task` run with `payload` after `work` is committed, not before `at` (aware; None: at once).

        A `key` that has a job already, whatever its state, enqueues nothing. (Jobs that are done are
        forgotten after a week.) The task gets a copy of the payload. Raises ValueError for a task that is not
        wired, a key longer than LONGEST_KEY and a time without an offset; ValueError or TypeError for a
        payload that is no JSON.
        """
        ...

    def close(self) -> None:
        """Let go of threads and connections. What is enqueued stays enqueued."""
        ...


def check_job(tasks: Tasks, task: str, payload: dict[str, Any], key: str | None, at: datetime | None) -> dict[str, Any]:
    """Hold a job against the promise of `Jobs.enqueue`; the payload as it will come out of the database."""
    if task not in tasks.by_name:
        raise ValueError(f"no task is named {task!r}")
    if key is not None and len(key) > LONGEST_KEY:
        raise ValueError(f"a key has at most {LONGEST_KEY} characters, this has {len(key)}")
    if at is not None and at.tzinfo is None:
        raise ValueError("a job's time needs an offset")
    copy: dict[str, Any] = json.loads(json.dumps(payload, allow_nan=False))
    return copy
