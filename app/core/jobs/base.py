"""The promise of every rung of jobs, and the table of tasks.

A job is a row committed with the change that asked for it. A task may run twice (a process can die after the work and
before the row is marked), so each has the same effect when it is repeated. A task gets the `Runtime` and opens its own
units of work: long work holds no transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from app.core.runtime import Runtime, Work

Task = Callable[["Runtime", dict[str, Any]], None]


@dataclass(frozen=True)
class Periodic:
    task: str
    every_s: float


class Tasks:
    """The tasks by name, and which of them run by the clock. Filled in `app/wiring.py`."""

    def __init__(self) -> None:
        self.by_name: dict[str, Task] = {}
        self.periodic: list[Periodic] = []

    def add(self, name: str, task: Task, *, every_s: float | None = None) -> None:
        self.by_name[name] = task
        if every_s is not None:
            self.periodic.append(Periodic(name, every_s))


class Jobs(Protocol):
    def enqueue(
        self, work: Work, task: str, payload: dict[str, Any], *, key: str | None = None, at: datetime | None = None
    ) -> None:
        """Have `task` run with `payload` after `work` is committed, not before `at` (aware, UTC; None: at once).

        A `key` that has a job already, whatever its state, enqueues nothing.
        """
        ...

    def close(self) -> None:
        """Let go of threads and connections. What is enqueued stays enqueued."""
        ...
