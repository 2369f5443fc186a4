"""What every rung of wake-ups promises."""

import threading

import pytest

from app.core.wakeups.base import Wakeups
from tests.support.waiting import LONGEST_S


class WakeupsSuite:
    @pytest.fixture
    def wakeups(self) -> Wakeups:
        raise NotImplementedError

    def waiter(self, wakeups: Wakeups, topic: str, ticket: int) -> tuple[threading.Thread, list[bool]]:
        outcome: list[bool] = []
        thread = threading.Thread(target=lambda: outcome.append(wakeups.wait(topic, ticket, LONGEST_S)), daemon=True)
        thread.start()
        return thread, outcome

    def test_a_wait_ends_with_a_wake_of_its_topic(self, wakeups: Wakeups) -> None:
        thread, outcome = self.waiter(wakeups, "a", wakeups.ticket("a"))
        wakeups.wake(["a"])
        thread.join(LONGEST_S)
        assert outcome == [True]

    def test_a_wake_between_ticket_and_wait_is_not_missed(self, wakeups: Wakeups) -> None:
        ticket = wakeups.ticket("a")
        wakeups.wake(["a"])
        assert wakeups.wait("a", ticket, 0) is True

    def test_a_wake_before_the_ticket_does_not_count(self, wakeups: Wakeups) -> None:
        wakeups.wake(["a"])
        assert wakeups.wait("a", wakeups.ticket("a"), 0) is False

    def test_a_wake_of_another_topic_does_not_count(self, wakeups: Wakeups) -> None:
        ticket = wakeups.ticket("a")
        wakeups.wake(["b"])
        assert wakeups.wait("a", ticket, 0) is False

    def test_everybody_who_waits_for_a_topic_is_woken(self, wakeups: Wakeups) -> None:
        waiters = [self.waiter(wakeups, topic, wakeups.ticket(topic)) for topic in ("a", "a", "b")]
        wakeups.wake(["a", "b"])
        for thread, outcome in waiters:
            thread.join(LONGEST_S)
            assert outcome == [True]

    def test_closing_ends_every_wait_and_all_that_come_later(self, wakeups: Wakeups) -> None:
        thread, outcome = self.waiter(wakeups, "a", wakeups.ticket("a"))
        wakeups.close()
        thread.join(LONGEST_S)
        assert outcome == [True]
        assert wakeups.closed
        assert wakeups.wait("b", wakeups.ticket("b"), LONGEST_S) is True
