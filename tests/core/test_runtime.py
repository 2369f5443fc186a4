"""What a unit of work does besides storing."""

import pytest
from sqlalchemy import select

from app.core.runtime import Runtime
from app.events.models import EventHead


@pytest.fixture
def woken(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """The topics of each wake, in the order in which they went out."""
    waves: list[set[str]] = []
    monkeypatch.setattr(runtime.wakeups, "wake", lambda topics: waves.append(set(topics)))
    return waves


def test_all_that_a_unit_of_work_wakes_goes_out_at_once_after_its_commit(
    runtime: Runtime, woken: list[set[str]]
) -> None:
    with runtime.writing() as work:
        work.wake(["a", "b"])
        work.wake([])
        work.wake(["b", "c"])
        assert woken == []
    assert woken == [{"a", "b", "c"}]


def test_a_unit_of_work_that_wakes_nobody_sends_nothing(runtime: Runtime, woken: list[set[str]]) -> None:
    with runtime.writing() as work:
        work.wake([])
    assert woken == []


def test_what_is_undone_wakes_nobody(runtime: Runtime, woken: list[set[str]]) -> None:
    def fail() -> None:
        with runtime.writing() as work:
            work.wake(["a"])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert woken == []


def test_whoever_is_woken_finds_what_was_committed(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[int] = []

    def look(_topics: object) -> None:
        with runtime.reading() as reader:
            found.extend(reader.scalars(select(EventHead.seq)))

    monkeypatch.setattr(runtime.wakeups, "wake", look)
    with runtime.writing() as work:
        work.add(EventHead(meeting_id="m", seq=7))
        work.wake(["a"])
    assert found == [7]


@pytest.mark.parametrize("session_too", [False, True])
def test_a_commit_that_fails_wakes_nobody(
    runtime: Runtime, woken: list[set[str]], monkeypatch: pytest.MonkeyPatch, session_too: bool
) -> None:
    def fail_to_commit(_connection: object) -> None:
        raise ZeroDivisionError

    def write() -> None:
        with runtime.writing() as work:
            work.connection()
            if session_too:
                work.add(EventHead(meeting_id="m", seq=7))
                work.flush()
            work.wake(["a"])

    with monkeypatch.context() as broken:
        broken.setattr(runtime.database.writer.dialect, "do_commit", fail_to_commit)
        with pytest.raises(ZeroDivisionError):
            write()
    assert woken == []
    write()
    assert woken == [{"a"}]
