"""What a unit of work does besides storing."""

import pytest

from app.core.runtime import Runtime


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
