"""Runtimes for tests of jobs: a database with the tables of jobs, processes and one of effects."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

import app.core.jobs.models
import app.core.processes  # noqa: F401 – both declare their tables
from app.core.bus import Bus
from app.core.clock import Clock, SystemClock
from app.core.db import Base, Database, exact
from app.core.jobs.base import Jobs, Tasks
from app.core.jobs.leased import LeasedJobs
from app.core.runtime import Runtime
from app.core.settings import load_settings
from app.core.wakeups.in_process import InProcessWakeups

START = datetime(2026, 11, 20, 10, tzinfo=UTC)


class EffectsBase(DeclarativeBase):
    """Tables of tests alone: Parley's own are counted and compared elsewhere."""


class Effect(EffectsBase):
    """What a task has done to the world."""

    __tablename__ = "effects_of_tests"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    name: Mapped[str] = mapped_column(exact(64))


def make_runtime(url: str, *, clock: Clock | None = None, jobs: Jobs | None = None) -> Runtime:
    """A runtime without tasks, on the tables that `create_tables` made."""
    return Runtime(
        settings=load_settings(),
        clock=clock or SystemClock(),
        database=Database(url),
        bus=Bus(),
        wakeups=InProcessWakeups(),
        jobs=jobs or LeasedJobs(),
        tasks=Tasks(),
    )


def create_tables(runtime: Runtime) -> None:
    own = [Base.metadata.tables[name] for name in ("jobs", "processes")]
    Base.metadata.create_all(runtime.database.writer, own)
    EffectsBase.metadata.create_all(runtime.database.writer)


@pytest.fixture
def jobs_url(database_url: str, empty_database: None, tmp_path: Path) -> Iterator[str]:
    """Of a database for jobs: an empty file, or Parley's tables on the server that the tests run on."""
    yield database_url or f"sqlite:///{tmp_path / 'jobs.db'}"
    if database_url:
        database = Database(database_url)
        EffectsBase.metadata.drop_all(database.writer)
        database.close()
