"""Jobs that a test runs when it likes, and what they leave in the store."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.core.clock import ManualClock
from app.core.jobs.leased import LeasedJobs
from app.core.objects.base import ObjectStore
from app.core.runtime import Runtime


@pytest.fixture
def run_jobs(runtime: Runtime, clock: ManualClock) -> Callable[[], None]:
    """Everything that is to be done, also what is to be tried again in the next hours."""
    jobs = runtime.jobs
    assert isinstance(jobs, LeasedJobs)

    def run() -> None:
        for _ in range(20):
            jobs.run_due(runtime)
            clock.advance(seconds=120)

    return run


@pytest.fixture
def objects(runtime: Runtime) -> Callable[[], list[str]]:
    store: ObjectStore = runtime.drivers[ObjectStore]
    return lambda: [info.key for info in store.list("transcripts/")]
