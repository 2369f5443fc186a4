import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from app.core.clock import ManualClock
from app.core.jobs.leased import (
    DONE_KEPT,
    FAILED_KEPT,
    LONGEST_PAUSE_S,
    MAX_ATTEMPTS,
    Lease,
    LeasedJobs,
    purge,
    retry,
)
from app.core.jobs.models import LONGEST_ERROR, Job
from app.core.runtime import Runtime
from tests.core.jobs.runtimes import START, Effect, make_runtime


def enqueue(runtime: Runtime, task: str, payload: dict[str, Any] | None = None) -> str:
    with runtime.writing() as work:
        work.enqueue(task, payload or {}, key=f"key of {task}")
        return work.scalars(select(Job.id).where(Job.key == f"key of {task}")).one()


def row(runtime: Runtime, job_id: str) -> Job:
    with runtime.reading() as work:
        return work.get_one(Job, job_id)


def claim(jobs: LeasedJobs, runtime: Runtime) -> Lease:
    lease = jobs.claim(runtime)
    assert lease is not None
    return lease


def fail(_runtime: Runtime, _payload: dict[str, Any]) -> None:
    raise OSError("the mail server is away\nparameters: secret")


def nothing(_runtime: Runtime, _payload: dict[str, Any]) -> None:
    """A task that succeeds."""


class TestClaims:
    @pytest.fixture(autouse=True)
    def _tasks(self, runtime: Runtime) -> None:
        runtime.tasks.add("nothing", nothing)

    def test_a_claimed_job_is_not_claimed_again(self, runtime: Runtime, jobs: LeasedJobs) -> None:
        job_id = enqueue(runtime, "nothing", {"a": 1})
        lease = claim(jobs, runtime)
        assert (lease.job_id, lease.task, lease.payload, lease.attempt) == (job_id, "nothing", {"a": 1}, 1)
        assert jobs.claim(runtime) is None

    def test_the_job_that_is_due_longest_is_claimed_first(
        self, runtime: Runtime, jobs: LeasedJobs, clock: ManualClock
    ) -> None:
        with runtime.writing() as work:
            for minutes in (3, 1, 2):
                work.enqueue("nothing", {"n": minutes}, at=START + timedelta(minutes=minutes))
        clock.advance(hours=1)
        assert [claim(jobs, runtime).payload["n"] for _ in range(3)] == [1, 2, 3]

    def test_a_job_whose_task_is_unknown_is_left_to_newer_processes(self, runtime: Runtime, jobs: LeasedJobs) -> None:
        job_id = enqueue(runtime, "nothing")
        known = runtime.tasks.by_name.pop("nothing")
        assert jobs.claim(runtime) is None
        runtime.tasks.add("nothing", known)
        assert claim(jobs, runtime).job_id == job_id

    def test_many_threads_claim_every_job_once(self, runtime: Runtime, jobs: LeasedJobs) -> None:
        with runtime.writing() as work:
            for n in range(60):
                work.enqueue("nothing", {"n": n})
        claimed: list[int] = []
        start = threading.Barrier(6)

        def work_off() -> None:
            start.wait()
            while (lease := jobs.claim(runtime)) is not None:
                claimed.append(lease.payload["n"])

        threads = [threading.Thread(target=work_off) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(claimed) == list(range(60))

    def test_an_empty_claim_writes_nothing(self, runtime: Runtime, jobs: LeasedJobs) -> None:
        with runtime.database.write_lock if runtime.database.is_sqlite else threading.Lock():
            assert jobs.claim(runtime) is None
            jobs.recover(runtime)


class TestLeases:
    @pytest.fixture(autouse=True)
    def _tasks(self, runtime: Runtime) -> None:
        runtime.tasks.add("nothing", nothing)

    def test_a_job_is_taken_over_once_its_lease_has_run_out(
        self, runtime: Runtime, jobs: LeasedJobs, clock: ManualClock
    ) -> None:
        job_id = enqueue(runtime, "nothing")
        claim(jobs, runtime)
        clock.advance(seconds=29)
        jobs.recover(runtime)
        assert jobs.claim(runtime) is None
        clock.advance(seconds=1)
        jobs.recover(runtime)
        second = claim(jobs, runtime)
        assert (second.job_id, second.attempt) == (job_id, 2)
        assert row(runtime, job_id).last_error == "The process that ran it ended before the job did."

    def test_a_lease_that_is_renewed_does_not_run_out(
        self, runtime: Runtime, jobs: LeasedJobs, clock: ManualClock
    ) -> None:
        enqueue(runtime, "nothing")
        lease = claim(jobs, runtime)
        for _ in range(10):
            clock.advance(seconds=20)
            jobs.renew(runtime)
            jobs.recover(runtime)
        assert jobs.claim(runtime) is None
        assert jobs.finish(runtime, lease)

    def test_a_job_whose_lease_was_lost_cannot_say_how_it_ended(
        self, runtime: Runtime, jobs: LeasedJobs, clock: ManualClock
    ) -> None:
        job_id = enqueue(runtime, "nothing")
        first = claim(jobs, runtime)
        clock.advance(seconds=31)
        jobs.recover(runtime)
        assert not jobs.finish(runtime, first), "queued again"
        second = claim(jobs, runtime)
        assert not jobs.finish(runtime, first)
        assert not jobs.finish(runtime, first, OSError("late"))
        assert row(runtime, job_id).state == "running"
        assert jobs.finish(runtime, second)
        assert row(runtime, job_id).state == "done"

    def test_a_lost_lease_is_not_renewed(self, runtime: Runtime, jobs: LeasedJobs, clock: ManualClock) -> None:
        job_id = enqueue(runtime, "nothing")
        claim(jobs, runtime)
        clock.advance(seconds=31)
        other = LeasedJobs(lease_s=30)
        other.recover(runtime)
        claim(other, runtime)
        clock.advance(seconds=10)
        jobs.renew(runtime)
        assert row(runtime, job_id).leased_until == START + timedelta(seconds=61)

    def test_a_lease_that_ran_out_unnoticed_still_counts(
        self, runtime: Runtime, jobs: LeasedJobs, clock: ManualClock
    ) -> None:
        """A laptop that slept goes on with its work if nobody else took it."""
        job_id = enqueue(runtime, "nothing")
        lease = claim(jobs, runtime)
        clock.advance(hours=8)
        assert jobs.finish(runtime, lease)
        assert row(runtime, job_id).state == "done"

    def test_what_is_given_back_can_be_run_at_once_and_has_lost_no_attempt(
        self, runtime: Runtime, jobs: LeasedJobs
    ) -> None:
        enqueue(runtime, "nothing")
        first = claim(jobs, runtime)
        jobs.release(runtime)
        second = claim(jobs, runtime)
        assert second.attempt == 1
        assert not jobs.finish(runtime, first)
        assert jobs.finish(runtime, second)

    def test_a_job_that_always_kills_its_process_is_given_up(
        self, runtime: Runtime, jobs: LeasedJobs, clock: ManualClock
    ) -> None:
        job_id = enqueue(runtime, "nothing")
        for _ in range(MAX_ATTEMPTS):
            claim(jobs, runtime)
            clock.advance(seconds=31)
            jobs.recover(runtime)
        assert jobs.claim(runtime) is None
        job = row(runtime, job_id)
        assert (job.state, job.attempts, job.lease_owner) == ("failed", MAX_ATTEMPTS, None)


class TestAttempts:
    def test_a_job_that_fails_is_tried_again_after_pauses_that_double(
        self, runtime: Runtime, jobs: LeasedJobs, clock: ManualClock
    ) -> None:
        runtime.tasks.add("fail", fail)
        job_id = enqueue(runtime, "fail")
        pauses = []
        while (job := row(runtime, job_id)).state == "queued":
            pauses.append((job.run_at - clock.now()).total_seconds())
            clock.advance(seconds=pauses[-1])
            jobs.run_due(runtime)
        assert pauses[:5] == [0, 5, 10, 20, 40]
        assert pauses[-1] == LONGEST_PAUSE_S
        assert (job.state, job.attempts) == ("failed", MAX_ATTEMPTS)
        assert job.last_error == "OSError: the mail server is away"
        assert job.finished_at == clock.now()

    def test_pauses_are_spread_between_half_and_the_whole(self, runtime: Runtime, clock: ManualClock) -> None:
        runtime.tasks.add("fail", fail)
        job_id = enqueue(runtime, "fail")
        LeasedJobs(jitter=lambda: 0.0).run_due(runtime)
        assert row(runtime, job_id).run_at == clock.now() + timedelta(seconds=2.5)

    def test_a_job_that_recovers_is_done(self, runtime: Runtime, jobs: LeasedJobs, clock: ManualClock) -> None:
        runtime.tasks.add("mail", fail)
        job_id = enqueue(runtime, "mail")
        jobs.run_due(runtime)
        runtime.tasks.add("mail", nothing)
        clock.advance(seconds=5)
        jobs.run_due(runtime)
        assert (row(runtime, job_id).state, row(runtime, job_id).attempts) == ("done", 2)

    def test_a_task_that_wants_to_end_the_process_only_fails(self, runtime: Runtime, jobs: LeasedJobs) -> None:
        def leave(_runtime: Runtime, _payload: dict[str, Any]) -> None:
            raise SystemExit(3)

        runtime.tasks.add("leave", leave)
        job_id = enqueue(runtime, "leave")
        jobs.run_due(runtime)
        assert row(runtime, job_id).last_error == "SystemExit: 3"

    @pytest.mark.parametrize("message", ["", "x" * 2000, "nul \0 and \ud800 surrogate"])
    def test_any_error_can_be_stored(self, runtime: Runtime, jobs: LeasedJobs, message: str) -> None:
        def fail_so(_runtime: Runtime, _payload: dict[str, Any]) -> None:
            raise OSError(message)

        runtime.tasks.add("fail", fail_so)
        job_id = enqueue(runtime, "fail")
        jobs.run_due(runtime)
        error = row(runtime, job_id).last_error
        assert error is not None
        assert error.startswith("OSError: ")
        assert len(error) <= LONGEST_ERROR

    def test_a_failed_job_that_is_queued_by_hand_has_all_its_attempts(
        self, runtime: Runtime, jobs: LeasedJobs, clock: ManualClock
    ) -> None:
        runtime.tasks.add("fail", fail)
        job_id = enqueue(runtime, "fail")
        with runtime.writing() as work:
            assert not retry(work, job_id), "it has not failed yet"
            work.execute(update(Job).values(state="failed", attempts=MAX_ATTEMPTS))
        with runtime.writing() as work:
            assert retry(work, job_id)
            assert not retry(work, "00000000-0000-7000-8000-000000000000")
        jobs.run_due(runtime)
        assert (row(runtime, job_id).state, row(runtime, job_id).attempts) == ("queued", 1)


class TestTasksByTheClock:
    @pytest.fixture
    def ran(self, runtime: Runtime, clock: ManualClock) -> list[float]:
        """Seconds since the start at which the task "sweep" ran."""
        ran: list[float] = []
        runtime.tasks.add("sweep", lambda *_: ran.append((clock.now() - START).total_seconds()), every_s=60)
        return ran

    def test_a_task_runs_at_once_and_then_by_the_clock(
        self, runtime: Runtime, jobs: LeasedJobs, clock: ManualClock, ran: list[float]
    ) -> None:
        jobs.plan(runtime)
        for _ in range(20):
            jobs.run_due(runtime, periodic=True)
            clock.advance(seconds=7)
        assert ran == [0, 63, 126], "in step: 60 and 120 are when it was due"

    def test_what_was_missed_is_not_made_up_for(
        self, runtime: Runtime, jobs: LeasedJobs, clock: ManualClock, ran: list[float]
    ) -> None:
        jobs.plan(runtime)
        jobs.run_due(runtime, periodic=True)
        clock.advance(seconds=1000)
        jobs.run_due(runtime, periodic=True)
        clock.advance(seconds=59)
        jobs.run_due(runtime, periodic=True)
        clock.advance(seconds=1)
        jobs.run_due(runtime, periodic=True)
        assert ran == [0, 1000, 1060]

    def test_two_processes_run_it_once_and_a_restart_changes_nothing(
        self, runtime: Runtime, clock: ManualClock, ran: list[float]
    ) -> None:
        for _ in range(3):
            for jobs in (LeasedJobs(), LeasedJobs()):
                jobs.plan(runtime)
                jobs.run_due(runtime, periodic=True)
            clock.advance(seconds=60)
        assert ran == [0, 60, 120]

    def test_jobs_and_tasks_by_the_clock_do_not_wait_for_each_other(
        self, runtime: Runtime, jobs: LeasedJobs, ran: list[float]
    ) -> None:
        jobs.plan(runtime)
        assert jobs.claim(runtime) is None
        jobs.run_due(runtime)
        assert ran == []

    def test_a_task_that_fails_is_tried_again_soon_and_never_given_up(
        self, runtime: Runtime, jobs: LeasedJobs, clock: ManualClock
    ) -> None:
        runtime.tasks.add("fail", fail, every_s=60)
        jobs.plan(runtime)
        for _ in range(MAX_ATTEMPTS * 2):
            jobs.run_due(runtime, periodic=True)
            clock.advance(seconds=60)
        with runtime.reading() as work:
            job = work.scalars(select(Job)).one()
            assert (job.state, job.attempts) == ("queued", MAX_ATTEMPTS * 2)
        runtime.tasks.by_name["fail"] = nothing
        jobs.run_due(runtime, periodic=True)
        assert (row(runtime, job.id).attempts, row(runtime, job.id).last_error) == (0, None)

    def test_a_task_that_died_with_its_process_runs_again(
        self, runtime: Runtime, jobs: LeasedJobs, clock: ManualClock, ran: list[float]
    ) -> None:
        jobs.plan(runtime)
        for _ in range(MAX_ATTEMPTS + 1):
            assert LeasedJobs().claim(runtime, periodic=True) is not None
            clock.advance(seconds=31)
            jobs.recover(runtime)
        jobs.run_due(runtime, periodic=True)
        assert len(ran) == 1

    def test_another_interval_takes_effect_at_the_next_plan(
        self, runtime: Runtime, jobs: LeasedJobs, clock: ManualClock, ran: list[float]
    ) -> None:
        jobs.plan(runtime)
        jobs.run_due(runtime, periodic=True)
        runtime.tasks.periodic.clear()
        runtime.tasks.add("sweep", runtime.tasks.by_name["sweep"], every_s=5)
        clock.advance(seconds=1)
        jobs.plan(runtime)
        for _ in range(3):
            jobs.run_due(runtime, periodic=True)
            clock.advance(seconds=5)
        assert ran == [0, 1, 6, 11]


def test_old_jobs_are_forgotten_and_their_keys_with_them(
    runtime: Runtime, jobs: LeasedJobs, clock: ManualClock
) -> None:
    runtime.tasks.add("nothing", nothing)
    runtime.tasks.add("sweep", nothing, every_s=60)
    done, failed = enqueue(runtime, "nothing"), None
    jobs.plan(runtime)
    jobs.run_due(runtime)
    jobs.run_due(runtime, periodic=True)
    with runtime.writing() as work:
        work.enqueue("nothing", {}, key="will fail")
        failed = work.scalars(select(Job.id).where(Job.key == "will fail")).one()
        work.execute(update(Job).where(Job.id == failed).values(state="failed", finished_at=work.now()))
    with runtime.reading() as work:
        sweep = work.scalars(select(Job.id).where(Job.task == "sweep")).one()

    def left() -> set[str]:
        purge(runtime, {})
        with runtime.reading() as work:
            return set(work.scalars(select(Job.id)))

    assert left() == {done, failed, sweep}
    clock.advance(seconds=DONE_KEPT.total_seconds() + 1)
    assert left() == {failed, sweep}
    clock.advance(seconds=(FAILED_KEPT - DONE_KEPT).total_seconds())
    assert left() == {sweep}


def test_a_key_that_two_transactions_enqueue_at_once_has_one_job(runtime: Runtime, jobs_url: str) -> None:
    runtime.tasks.add("nothing", nothing)
    start = threading.Barrier(5)
    failures: list[BaseException] = []

    def enqueue_it() -> None:
        try:
            for n in range(10):
                start.wait()
                with runtime.writing() as work:
                    work.add(Effect(name=f"change {n}"))
                    work.enqueue("nothing", {}, key=f"key {n}")
        except BaseException as error:
            failures.append(error)
            start.abort()

    threads = [threading.Thread(target=enqueue_it) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    other = make_runtime(jobs_url)
    with other.reading() as work:
        assert work.query(Job).count() == 10
        assert work.query(Effect).count() == 50
    other.close()
