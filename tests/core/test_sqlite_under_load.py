"""SQLite with several processes that all write: each waits its turn, and none is told that the database is locked."""

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import func, select

from app.core.jobs.models import Job
from app.core.runtime import Runtime
from app.inbox import service as inbox
from app.inbox.models import Signal
from tests.core.sqlite_writer import PROCESSES, THREADS, WRITES
from tests.support.people import Person

ROOT = Path(__file__).parents[2]


@pytest.mark.sqlite
def test_processes_that_write_at_once_all_come_through(anna: Person, runtime: Runtime) -> None:
    with runtime.reading() as work:
        own = inbox.inbox_of(work, "session", anna.session_id)
        assert own is not None
    command = [sys.executable, "-m", "tests.core.sqlite_writer", str(runtime.settings.storage_dir), own.id]
    processes = [
        subprocess.Popen(
            [*command, f"process {n}"], cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        for n in range(PROCESSES)
    ]
    told = [process.communicate(timeout=100)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * PROCESSES, told
    assert "locked" not in "".join(told)
    expected = PROCESSES * THREADS * WRITES
    with runtime.reading() as work:
        seqs = work.scalars(select(Signal.seq).where(Signal.inbox_id == own.id).order_by(Signal.seq)).all()
        assert seqs == list(range(1, expected + 1))
        done = work.scalar(select(func.count()).where(Job.task == "nothing", Job.state == "done"))
        assert done == PROCESSES * WRITES
