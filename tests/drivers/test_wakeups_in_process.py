from collections.abc import Callable

import pytest

from app.core.wakeups.base import Wakeups
from app.core.wakeups.hub import Hub
from app.core.wakeups.in_process import InProcessWakeups
from tests.drivers.wakeups_suite import WakeupsSuite


class TestInProcessWakeups(WakeupsSuite):
    @pytest.fixture
    def make(self) -> Callable[[], Wakeups]:
        return InProcessWakeups

    def test_forgetting_old_wakes_wakes_those_with_a_ticket_rather_than_miss_one(
        self, wakeups: Wakeups, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Hub, "_MOST_TOPICS", 2)
        ticket = wakeups.ticket("a")
        wakeups.wake(["a", "b"])
        wakeups.wake(["c"])
        assert wakeups.wait("a", ticket, 0) is True
