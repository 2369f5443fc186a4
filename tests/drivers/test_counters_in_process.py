from collections.abc import Callable

import pytest

from app.core.clock import ManualClock
from app.core.counters import in_process
from app.core.counters.in_process import InProcessCounters
from tests.drivers.counters_suite import CountersSuite


class TestInProcessCounters(CountersSuite):
    @pytest.fixture
    def counters(self, clock: ManualClock) -> InProcessCounters:
        return InProcessCounters(clock)

    @pytest.fixture
    def pass_s(self, clock: ManualClock) -> Callable[[float], None]:
        return lambda seconds: clock.advance(seconds=seconds)

    def test_those_whose_time_is_over_take_no_memory(
        self, counters: InProcessCounters, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(in_process, "SWEEP_EVERY", 10)
        for number in range(9):
            counters.add(f"old-{number}", 60)
        clock.advance(seconds=61)
        counters.add("new", 60)
        assert list(counters._counters) == ["new"]

    def test_there_are_only_so_many_of_which_the_oldest_go_first(
        self, counters: InProcessCounters, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(in_process, "SWEEP_EVERY", 10)
        monkeypatch.setattr(in_process, "MOST_COUNTERS", 4)
        for number in range(10):
            counters.add(str(number), 60)
        assert list(counters._counters) == ["6", "7", "8", "9"]
