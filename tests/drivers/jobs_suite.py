"""What every rung of jobs must do: a rung's test class inherits this and makes the jobs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from app.core.clock import ManualClock
from app.core.jobs.base import LONGEST_KEY, Jobs
from app.core.runtime import Runtime
from tests.core.jobs.runtimes import START, Effect, create_tables, make_runtime


class JobsSuite:
    def make_jobs(self) -> Jobs:
        raise NotImplementedError

    def run_due(self, runtime: Runtime) -> None:
        """Run everything that is due by the runtime's clock."""
        raise NotImplementedError

    @pytest.fixture
    def clock(self) -> ManualClock:
        return ManualClock(START)

    @pytest.fixture
    def ran(self) -> list[dict[str, Any]]:
        """The payloads with which the task "note" has run."""
        return []

    @pytest.fixture
    def runtime(self, jobs_url: str, clock: ManualClock, ran: list[dict[str, Any]]) -> Iterator[Runtime]:
        runtime = make_runtime(jobs_url, clock=clock, jobs=self.make_jobs())
        create_tables(runtime)
        runtime.tasks.add("note", lambda _runtime, payload: ran.append(payload))
        yield runtime
        runtime.close()

    def test_a_job_runs_once_after_the_commit_of_its_work(self, runtime: Runtime, ran: list[Any]) -> None:
        with runtime.writing() as work:
            work.enqueue("note", {"to": "Zoë", "list": [1, 2.5, None, True]})
            assert ran == []
        self.run_due(runtime)
        self.run_due(runtime)
        assert ran == [{"to": "Zoë", "list": [1, 2.5, None, True]}]

    def test_a_job_of_work_that_was_undone_never_runs(self, runtime: Runtime, ran: list[Any]) -> None:
        def change_and_fail() -> None:
            with runtime.writing() as work:
                work.enqueue("note", {}, key="k")
                raise LookupError

        with pytest.raises(LookupError):
            change_and_fail()
        self.run_due(runtime)
        assert ran == []
        with runtime.writing() as work:
            work.enqueue("note", {"again": True}, key="k")
        self.run_due(runtime)
        assert ran == [{"again": True}]

    def test_a_job_for_later_waits_for_its_time(self, runtime: Runtime, ran: list[Any], clock: ManualClock) -> None:
        with runtime.writing() as work:
            work.enqueue("note", {"n": 2}, at=START + timedelta(minutes=20))
            work.enqueue("note", {"n": 1}, at=START + timedelta(minutes=10))
        clock.advance(minutes=9)
        self.run_due(runtime)
        assert ran == []
        clock.advance(minutes=11)
        self.run_due(runtime)
        assert ran == [{"n": 1}, {"n": 2}]

    def test_a_job_whose_time_has_passed_runs_at_once(self, runtime: Runtime, ran: list[Any]) -> None:
        with runtime.writing() as work:
            work.enqueue("note", {}, at=START - timedelta(days=1))
        self.run_due(runtime)
        assert ran == [{}]

    def test_a_key_has_one_job_in_the_same_work_in_another_and_after_it_was_done(
        self, runtime: Runtime, ran: list[Any]
    ) -> None:
        with runtime.writing() as work:
            work.enqueue("note", {"n": 1}, key="reminder")
            work.enqueue("note", {"n": 2}, key="reminder")
            work.enqueue("note", {"n": 3}, key="Reminder")  # byte for byte another
        with runtime.writing() as work:
            work.enqueue("note", {"n": 4}, key="reminder")
        self.run_due(runtime)
        with runtime.writing() as work:
            work.enqueue("note", {"n": 5}, key="reminder")
        self.run_due(runtime)
        assert sorted(payload["n"] for payload in ran) == [1, 3]

    def test_a_task_gets_a_copy_of_the_payload(self, runtime: Runtime, ran: list[Any]) -> None:
        payload = {"list": [1]}
        with runtime.writing() as work:
            work.enqueue("note", payload)
            payload["list"].append(2)
        self.run_due(runtime)
        assert ran == [{"list": [1]}]

    def test_a_task_that_raises_disturbs_neither_its_work_nor_other_jobs(
        self, runtime: Runtime, ran: list[Any]
    ) -> None:
        def fail(_runtime: Runtime, _payload: dict[str, Any]) -> None:
            raise OSError("no network")

        runtime.tasks.add("fail", fail)
        with runtime.writing() as work:
            work.add(Effect(name="change"))
            work.enqueue("fail", {})
            work.enqueue("note", {})
        self.run_due(runtime)
        assert ran == [{}]
        with runtime.reading() as work:
            assert work.query(Effect).count() == 1

    def test_a_task_may_write_and_enqueue_another(self, runtime: Runtime, ran: list[Any]) -> None:
        def begin(runtime: Runtime, payload: dict[str, Any]) -> None:
            with runtime.writing() as work:
                work.add(Effect(name="begun"))
                work.enqueue("note", {**payload, "step": 2})

        runtime.tasks.add("begin", begin)
        with runtime.writing() as work:
            work.enqueue("begin", {"id": "x"})
        self.run_due(runtime)
        assert ran == [{"id": "x", "step": 2}]

    def test_a_task_that_is_not_wired_is_refused_when_it_is_enqueued(self, runtime: Runtime) -> None:
        with pytest.raises(ValueError, match="no task is named 'nope'"), runtime.writing() as work:
            work.enqueue("nope", {})

    def test_a_key_that_is_too_long_is_refused(self, runtime: Runtime, ran: list[Any]) -> None:
        with runtime.writing() as work:
            work.enqueue("note", {}, key="k" * LONGEST_KEY)
        with pytest.raises(ValueError, match="at most 200 characters"), runtime.writing() as work:
            work.enqueue("note", {}, key="k" * (LONGEST_KEY + 1))

    def test_a_time_without_an_offset_is_refused(self, runtime: Runtime) -> None:
        with pytest.raises(ValueError, match="offset"), runtime.writing() as work:
            work.enqueue("note", {}, at=START.replace(tzinfo=None))

    @pytest.mark.parametrize("payload", [{"x": object()}, {"x": float("nan")}])
    def test_a_payload_that_is_no_json_is_refused(self, runtime: Runtime, payload: dict[str, Any]) -> None:
        with pytest.raises((TypeError, ValueError)), runtime.writing() as work:
            work.enqueue("note", payload)
