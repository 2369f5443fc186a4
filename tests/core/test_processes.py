import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from app.core import processes
from app.core.clock import ManualClock
from app.core.processes import Process, ProcessBeat, alive, api_ready_since
from app.core.runtime import Runtime


def ready_since(runtime: Runtime) -> datetime | None:
    with runtime.reading() as work:
        return api_ready_since(work)


def rows(runtime: Runtime) -> list[Process]:
    with runtime.reading() as work:
        return list(work.scalars(select(Process)))


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)


def test_without_an_api_process_it_was_never_ready(runtime: Runtime) -> None:
    assert ready_since(runtime) is None
    ProcessBeat(runtime, "jobs").beat()
    assert ready_since(runtime) is None


def test_an_api_that_beats_is_ready_since_its_first_beat(runtime: Runtime, clock: ManualClock) -> None:
    started = clock.now()
    beat = ProcessBeat(runtime, "api")
    for _ in range(20):
        beat.beat()
        clock.advance(seconds=14)
    assert ready_since(runtime) == started


def test_an_api_that_stopped_beating_is_not_ready(runtime: Runtime, clock: ManualClock) -> None:
    ProcessBeat(runtime, "api").beat()
    clock.advance(seconds=15)
    assert ready_since(runtime) is None


def test_of_several_processes_the_earliest_counts(runtime: Runtime, clock: ManualClock) -> None:
    started = clock.now()
    first, second = ProcessBeat(runtime, "api"), ProcessBeat(runtime, "api")
    first.beat()
    clock.advance(seconds=10)
    second.beat()
    first.beat()
    assert ready_since(runtime) == started
    clock.advance(seconds=10)
    second.beat()
    clock.advance(seconds=10)
    assert ready_since(runtime) == started + timedelta(seconds=10), "the first is dead"


def test_after_a_hole_it_counts_from_the_new_start(runtime: Runtime, clock: ManualClock) -> None:
    ProcessBeat(runtime, "api").beat()
    clock.advance(seconds=40)
    restarted = clock.now()
    ProcessBeat(runtime, "api").beat()
    assert ready_since(runtime) == restarted


def test_a_process_that_was_silent_itself_counts_from_its_return(runtime: Runtime, clock: ManualClock) -> None:
    """The database was away, or the laptop slept: nobody could poll then either."""
    beat = ProcessBeat(runtime, "api")
    beat.beat()
    clock.advance(hours=1)
    beat.beat()
    assert ready_since(runtime) == clock.now()
    assert len(rows(runtime)) == 1


def test_a_process_whose_row_is_gone_begins_again(runtime: Runtime, clock: ManualClock) -> None:
    beat = ProcessBeat(runtime, "api")
    beat.beat()
    with runtime.writing() as work:
        work.delete(work.scalars(select(Process)).one())
    clock.advance(seconds=5)
    beat.beat()
    assert ready_since(runtime) == clock.now()


def test_the_dead_are_forgotten_after_an_hour(runtime: Runtime, clock: ManualClock) -> None:
    ProcessBeat(runtime, "api").beat()
    clock.advance(minutes=59)
    ProcessBeat(runtime, "api").beat()
    assert len(rows(runtime)) == 2
    clock.advance(minutes=2)
    ProcessBeat(runtime, "api").beat()
    assert len(rows(runtime)) == 2


def test_a_role_is_alive_while_one_of_its_processes_beats(runtime: Runtime, clock: ManualClock) -> None:
    beat = ProcessBeat(runtime, "jobs")
    beat.beat()
    with runtime.reading() as work:
        assert alive(work, "jobs")
        assert not alive(work, "api")
        clock.advance(seconds=15)
        assert not alive(work, "jobs")


class TestThread:
    @pytest.fixture(autouse=True)
    def _quickly(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(processes, "BEAT_EVERY_S", 0.01)
        monkeypatch.setattr(processes, "STOP_S", 60.0)

    @pytest.fixture
    def beat(self, runtime: Runtime) -> Iterator[ProcessBeat]:
        beat = ProcessBeat(runtime, "api")
        yield beat
        beat.stop()

    def test_it_beats_from_start_to_stop(self, runtime: Runtime, clock: ManualClock, beat: ProcessBeat) -> None:
        beat.start()
        until(lambda: ready_since(runtime))
        clock.advance(seconds=10)
        until(lambda: rows(runtime)[0].beat_at == clock.now())
        beat.stop()
        assert rows(runtime) == []

    def test_starting_twice_at_once_makes_one_process(self, runtime: Runtime, beat: ProcessBeat) -> None:
        threads = [threading.Thread(target=beat.start) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        until(lambda: rows(runtime))
        until(lambda: [thread.name for thread in threading.enumerate()].count("process-beat") == 1)
        assert len(rows(runtime)) == 1

    def test_it_can_be_started_again_and_is_then_another_process(
        self, runtime: Runtime, clock: ManualClock, beat: ProcessBeat
    ) -> None:
        beat.start()
        until(lambda: rows(runtime))
        first = rows(runtime)[0].id
        beat.stop()
        clock.advance(seconds=1)
        beat.start()
        until(lambda: rows(runtime))
        assert rows(runtime)[0].id != first
        assert ready_since(runtime) == clock.now()

    def test_stopping_what_was_never_started_does_nothing(self, beat: ProcessBeat) -> None:
        beat.stop()
        beat.stop()

    def test_it_goes_on_after_the_database_was_away(
        self, runtime: Runtime, beat: ProcessBeat, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        failed = threading.Event()

        @contextmanager
        def away() -> Iterator[None]:
            failed.set()
            raise OperationalError("SELECT 1", {}, OSError("away"))
            yield

        with monkeypatch.context() as patch:
            patch.setattr(runtime, "writing", away)
            beat.start()
            assert failed.wait(60)
        until(lambda: ready_since(runtime))
