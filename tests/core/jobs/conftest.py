from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.clock import ManualClock
from app.core.jobs.leased import LeasedJobs
from app.core.runtime import Runtime
from tests.core.jobs.runtimes import START, create_tables, make_runtime, sqlite_url


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    return sqlite_url(tmp_path)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def jobs() -> LeasedJobs:
    return LeasedJobs(lease_s=30, jitter=lambda: 1.0)


@pytest.fixture
def runtime(database_url: str, clock: ManualClock, jobs: LeasedJobs) -> Iterator[Runtime]:
    runtime = make_runtime(database_url, clock=clock, jobs=jobs)
    create_tables(runtime)
    yield runtime
    runtime.close()
