"""The jobs process as it is run: stopped, killed, doubled."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from app.core.jobs.models import Job
from app.core.processes import Process
from app.core.runtime import Runtime
from tests.core.jobs.runner_process import add_tasks
from tests.core.jobs.runtimes import Effect, create_tables, make_runtime

ROOT = Path(__file__).resolve().parents[3]

ENDS_WITHIN_S = 60.0  # at once, but for a machine that is busy with something else

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def runtime(jobs_url: str, tmp_path: Path) -> Iterator[Runtime]:
    """One that enqueues; the runners are processes of their own."""
    runtime = make_runtime(jobs_url)
    create_tables(runtime)
    add_tasks(runtime, tmp_path)
    yield runtime
    runtime.close()


@pytest.fixture
def start(jobs_url: str, tmp_path: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[bytes]] = []

    def start(*options: str) -> "subprocess.Popen[bytes]":
        module = "tests.core.jobs.runner_process"
        command = [sys.executable, "-m", module, jobs_url, str(tmp_path), *options]
        with (tmp_path / f"log {len(started)}").open("wb") as log:
            started.append(subprocess.Popen(command, cwd=ROOT, stderr=log))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


def enqueue(runtime: Runtime, task: str, name: str = "x") -> None:
    with runtime.writing() as work:
        work.enqueue(task, {"name": name}, key=f"{task} {name}")


def job(runtime: Runtime, task: str) -> Job:
    with runtime.reading() as work:
        return work.scalars(select(Job).where(Job.task == task)).one()


def effects(runtime: Runtime, **where: str) -> int:
    with runtime.reading() as work:
        return work.scalar(select(func.count()).select_from(Effect).filter_by(**where)) or 0


def beating(runtime: Runtime) -> list[int]:
    """Process ids of the jobs processes that have not signed off."""
    with runtime.reading() as work:
        return list(work.scalars(select(Process.pid).where(Process.role == "jobs")))


def states(runtime: Runtime) -> dict[str, int]:
    query = select(Job.state, func.count()).where(Job.every_s.is_(None)).group_by(Job.state)
    with runtime.reading() as work:
        return {row.state: row[1] for row in work.execute(query)}


def test_a_job_that_was_killed_in_its_middle_is_done_by_the_next_process_with_one_effect(
    runtime: Runtime, start: Start, tmp_path: Path
) -> None:
    enqueue(runtime, "wait")
    killed = start()
    until((tmp_path / "reached").exists)
    killed.kill()
    killed.wait()
    assert (job(runtime, "wait").state, effects(runtime, name="x")) == ("running", 1)
    (tmp_path / "gate").touch()
    start("--ahead-s", "60")  # by its clock the lease has run out
    until(lambda: job(runtime, "wait").state == "done")
    assert (job(runtime, "wait").attempts, effects(runtime, name="x")) == (2, 1)


def test_two_processes_run_each_job_and_each_task_by_the_clock_once(runtime: Runtime, start: Start) -> None:
    start()
    start()
    until(lambda: len(beating(runtime)) == 2)
    with runtime.writing() as work:
        for n in range(80):
            work.enqueue("count", {"name": f"job {n}"})
    until(lambda: states(runtime) == {"done": 80})
    until(lambda: effects(runtime, name="tick"))
    assert effects(runtime) == 81
    assert [effects(runtime, name=f"job {n}") for n in range(80)] == [1] * 80


@pytest.mark.slow
def test_every_job_is_done_with_one_effect_while_processes_are_killed(runtime: Runtime, start: Start) -> None:
    start("--lease-s", "3")
    for first in (0, 50, 100):
        victim = start("--lease-s", "3")
        until(lambda pid=victim.pid: pid in beating(runtime))
        with runtime.writing() as work:
            for n in range(first, first + 50):
                work.enqueue("ensure_slowly", {"name": f"job {n}"})
        until(lambda done=first + 20: states(runtime).get("done", 0) >= done)
        victim.kill()
    until(lambda: states(runtime) == {"done": 150})
    assert [effects(runtime, name=f"job {n}") for n in range(150)] == [1] * 150


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_that_is_told_to_stop_finishes_its_job_and_ends_well(
    runtime: Runtime, start: Start, tmp_path: Path, number: int
) -> None:
    enqueue(runtime, "wait")
    process = start()
    until((tmp_path / "reached").exists)
    process.send_signal(number)
    (tmp_path / "gate").touch()
    assert process.wait(ENDS_WITHIN_S) == 0
    assert (job(runtime, "wait").state, job(runtime, "wait").attempts) == ("done", 1)


def test_a_process_hears_a_signal_that_did_not_wake_it(runtime: Runtime, start: Start) -> None:
    process = start()
    enqueue(runtime, "be_told_to_stop")
    assert process.wait(ENDS_WITHIN_S) == 0
    assert job(runtime, "be_told_to_stop").state == "done"


def test_a_job_that_takes_too_long_to_finish_is_given_back(runtime: Runtime, start: Start, tmp_path: Path) -> None:
    enqueue(runtime, "wait")
    process = start("--finish-s", "0.5")
    until((tmp_path / "reached").exists)
    process.terminate()
    assert process.wait(ENDS_WITHIN_S) == 0
    given_back = job(runtime, "wait")
    assert (given_back.state, given_back.attempts, given_back.lease_owner) == ("queued", 0, None)
    (tmp_path / "gate").touch()
    start()
    until(lambda: job(runtime, "wait").state == "done")


def test_a_database_that_is_locked_does_not_keep_the_process_from_ending(
    runtime: Runtime, start: Start, tmp_path: Path
) -> None:
    enqueue(runtime, "wait")
    process = start("--finish-s", "0.5")
    until((tmp_path / "reached").exists)
    with runtime.writing() as work:
        work.add(Effect(name="long transaction"))
        work.flush()
        process.terminate()
        assert process.wait(ENDS_WITHIN_S) == 0
    if runtime.database.is_sqlite:
        assert job(runtime, "wait").state == "running", "its lease runs out"


def test_tasks_that_crash_do_not_stop_the_process(runtime: Runtime, start: Start) -> None:
    for task in ("fail", "leave"):
        enqueue(runtime, task)
    process = start()
    until(lambda: job(runtime, "fail").last_error and job(runtime, "leave").last_error)
    enqueue(runtime, "count", "after the crash")
    until(lambda: job(runtime, "count").state == "done")
    assert process.poll() is None
    assert (job(runtime, "leave").state, job(runtime, "leave").last_error) == ("queued", "SystemExit: 7")


def test_the_lease_of_a_job_that_runs_is_renewed(runtime: Runtime, start: Start, tmp_path: Path) -> None:
    enqueue(runtime, "wait")
    start("--lease-s", "3")
    until((tmp_path / "reached").exists)
    first = job(runtime, "wait").leased_until
    assert first is not None
    until(lambda: (later := job(runtime, "wait").leased_until) and later > first)
    (tmp_path / "gate").touch()
    until(lambda: job(runtime, "wait").state == "done")
    assert job(runtime, "wait").attempts == 1


def test_a_process_beats_while_it_lives_and_signs_off(runtime: Runtime, start: Start) -> None:
    process = start()
    until(lambda: beating(runtime) == [process.pid])
    process.terminate()
    assert process.wait(ENDS_WITHIN_S) == 0
    assert beating(runtime) == []


def test_tasks_run_by_the_clock_where_jobs_are_inline_too(runtime: Runtime, start: Start) -> None:
    start("--inline")
    until(lambda: effects(runtime, name="tick"))


@pytest.mark.sqlite  # elsewhere the tables are there
def test_a_process_that_comes_before_its_tables_waits_for_them(jobs_url: str, start: Start, tmp_path: Path) -> None:
    process = start("--lease-s", "0.6")  # it looks after leases, and so for its tables, each third of that
    until(lambda: b"leases could not be looked after" in (tmp_path / "log 0").read_bytes())
    runtime = make_runtime(jobs_url)
    add_tasks(runtime, tmp_path)
    create_tables(runtime)
    enqueue(runtime, "count")
    until(lambda: job(runtime, "count").state == "done")
    until(lambda: effects(runtime, name="tick"))
    assert process.poll() is None
    runtime.close()


def test_a_process_that_watches_its_code_starts_anew_when_it_changes(
    runtime: Runtime, start: Start, tmp_path: Path
) -> None:
    code = tmp_path / "code_of_a_task.py"
    code.write_text("answer = 41")
    process = start("--watch")
    until(lambda: beating(runtime) == [process.pid])
    enqueue(runtime, "count")
    until(lambda: job(runtime, "count").state == "done")

    def has_started_anew() -> bool:
        code.touch()
        return (tmp_path / "log 0").read_bytes().count(b"jobs process is ready") > 1

    until(has_started_anew)
    enqueue(runtime, "ensure")
    until(lambda: job(runtime, "ensure").state == "done")
    assert process.poll() is None
