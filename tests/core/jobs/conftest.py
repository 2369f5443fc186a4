from collections.abc import Iterator

import pytest

from app.core.clock import ManualClock
from app.core.jobs.leased import LeasedJobs
from app.core.runtime import Runtime
from tests.core.jobs.runtimes import START, create_tables, make_runtime
from tests.core.jobs.runtimes import jobs_url as jobs_url


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def jobs() -> LeasedJobs:
    return LeasedJobs(lease_s=30, jitter=lambda: 1.0)


@pytest.fixture
def runtime(jobs_url: str, clock: ManualClock, jobs: LeasedJobs) -> Iterator[Runtime]:
    runtime = make_runtime(jobs_url, clock=clock, jobs=jobs)
    create_tables(runtime)
    yield runtime
    runtime.close()
