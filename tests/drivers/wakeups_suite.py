"""What every rung of wake-ups promises: within a process, and those between processes to one another."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from app.core.wakeups.base import Parked, Wakeups, WakeupsUnusable
from tests.support.waiting import LONGEST_S, eventually


class Call:
    """What is left with `park`: counts how often it was called."""

    def __init__(self) -> None:
        self.times = 0
        self._called = threading.Event()

    def __call__(self) -> None:
        self.times += 1
        self._called.set()

    def comes(self) -> bool:
        return self._called.wait(LONGEST_S)


def parked(wakeups: Wakeups, topic: str) -> tuple[Call, Parked]:
    """A call that is parked, and its place."""
    call = Call()
    place = wakeups.park(topic, wakeups.ticket(topic), call)
    assert place is not None
    return call, place


def listening(wakeups: Wakeups) -> Wakeups:
    """The same, once it hears other processes: whoever waits while it connects is woken."""
    wakeups.ticket("anything")
    eventually(lambda: not trouble(wakeups), "the connection to other processes")
    return wakeups


def trouble(wakeups: Wakeups) -> str:
    """What `usable` says, or nothing."""
    try:
        wakeups.usable()
    except WakeupsUnusable as error:
        return str(error)
    return ""


def closed_port() -> int:
    """A port of loopback on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


class WakeupsSuite:
    """For a rung: a fixture `make` that gives hubs, each as a process of its own would have it, all linked."""

    @pytest.fixture
    def make(self) -> Any:
        raise NotImplementedError

    @pytest.fixture
    def wakeups(self, make: Callable[[], Wakeups]) -> Iterator[Wakeups]:
        made = listening(make())
        yield made
        made.close()

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
        assert wakeups.park("a", ticket, Call()) is None

    def test_a_wake_before_the_ticket_does_not_count(self, wakeups: Wakeups) -> None:
        wakeups.wake(["a"])
        assert wakeups.wait("a", wakeups.ticket("a"), 0) is False

    def test_a_wake_of_another_topic_does_not_count(self, wakeups: Wakeups) -> None:
        ticket = wakeups.ticket("a")
        wakeups.wake(["b"])
        assert wakeups.wait("a", ticket, 0) is False

    def test_everybody_who_waits_for_a_topic_is_woken(self, wakeups: Wakeups) -> None:
        waiters = [self.waiter(wakeups, topic, wakeups.ticket(topic)) for topic in ("a", "a", "b")]
        calls = [parked(wakeups, topic)[0] for topic in ("a", "a", "b")]
        wakeups.wake(["a", "b"])
        for thread, outcome in waiters:
            thread.join(LONGEST_S)
            assert outcome == [True]
        assert [call.times for call in calls] == [1, 1, 1]

    def test_who_is_parked_is_called_once(self, wakeups: Wakeups) -> None:
        call, _ = parked(wakeups, "a")
        wakeups.wake(["b"])
        assert call.times == 0
        wakeups.wake(["a"])
        wakeups.wake(["a", "a"])
        assert call.times == 1

    def test_who_is_parked_may_park_again_when_called(self, wakeups: Wakeups) -> None:
        again: list[Parked | None] = []
        wakeups.park("a", wakeups.ticket("a"), lambda: again.append(parked(wakeups, "a")[1]))
        wakeups.wake(["a"])
        assert len(again) == 1

    def test_who_cancels_is_not_called_and_may_cancel_again(self, wakeups: Wakeups) -> None:
        call, place = parked(wakeups, "a")
        other, other_place = parked(wakeups, "a")
        place.cancel()
        place.cancel()
        wakeups.wake(["a"])
        assert (call.times, other.times) == (0, 1)
        other_place.cancel()

    def test_a_call_that_fails_keeps_nobody_asleep(self, wakeups: Wakeups) -> None:
        calls = [parked(wakeups, "a")[0]]
        wakeups.park("a", wakeups.ticket("a"), lambda: [][0])
        calls += [parked(wakeups, "a")[0], parked(wakeups, "b")[0]]
        wakeups.wake(["a", "b"])
        assert [call.times for call in calls] == [1, 1, 1]

    def test_closing_ends_every_wait_and_all_that_come_later(self, wakeups: Wakeups) -> None:
        thread, outcome = self.waiter(wakeups, "a", wakeups.ticket("a"))
        call, _ = parked(wakeups, "a")
        wakeups.close()
        thread.join(LONGEST_S)
        assert outcome == [True]
        assert call.times == 1
        assert wakeups.closed
        assert wakeups.wait("b", wakeups.ticket("b"), LONGEST_S) is True
        assert wakeups.park("b", wakeups.ticket("b"), Call()) is None

    def test_closing_may_be_repeated_and_leaves_no_thread(self, make: Callable[[], Wakeups]) -> None:
        before = set(threading.enumerate())
        wakeups = listening(make())
        wakeups.close()
        wakeups.close()
        assert not [thread for thread in set(threading.enumerate()) - before if thread.name == "wakeups"]

    def test_a_hub_that_nobody_asked_for_a_ticket_has_no_thread(self, make: Callable[[], Wakeups]) -> None:
        before = set(threading.enumerate())
        wakeups = make()
        wakeups.wake(["a"])
        assert not [thread for thread in set(threading.enumerate()) - before if thread.name == "wakeups"]
        wakeups.close()

    def test_waking_nobody_is_fine(self, wakeups: Wakeups) -> None:
        wakeups.wake([])
        wakeups.usable()


class LinkedWakeupsSuite(WakeupsSuite):
    """For rungs between processes. `cut` and `garble` are fixtures too: see there."""

    @pytest.fixture
    def cut(self) -> Callable[[Wakeups], None]:
        """Break the connection over which this hub hears others, in a way that it can be made anew."""
        raise NotImplementedError

    @pytest.fixture
    def garble(self) -> Callable[[bytes], None]:
        """Have every hub hear these bytes in the place of a nudge."""
        raise NotImplementedError

    @pytest.fixture
    def pair(self, make: Callable[[], Wakeups]) -> Iterator[tuple[Wakeups, Wakeups]]:
        with ExitStack() as stack:
            here, there = make(), make()
            stack.callback(here.close)
            stack.callback(there.close)
            yield listening(here), listening(there)

    def test_a_wake_in_one_process_is_heard_in_the_other(self, pair: tuple[Wakeups, Wakeups]) -> None:
        for here, there in (pair, pair[::-1]):
            call, _ = parked(there, "a")
            asleep, place = parked(there, "b")
            here.wake(["a"])
            assert call.comes()
            assert (call.times, asleep.times) == (1, 0)
            place.cancel()

    def test_a_wake_from_elsewhere_between_ticket_and_wait_is_not_missed(self, pair: tuple[Wakeups, Wakeups]) -> None:
        here, there = pair
        ticket = there.ticket("a")
        sign, _ = parked(there, "b")
        here.wake(["a", "b"])
        assert sign.comes()
        assert there.wait("a", ticket, 0) is True

    def test_a_process_that_only_wakes_is_heard(self, make: Callable[[], Wakeups], wakeups: Wakeups) -> None:
        call, _ = parked(wakeups, "a")
        sender = make()
        sender.wake(["a"])
        assert call.comes()
        sender.close()

    def test_a_process_that_comes_later_hears_those_that_were_there(
        self, make: Callable[[], Wakeups], wakeups: Wakeups
    ) -> None:
        wakeups.wake(["a"])
        late = listening(make())
        call, _ = parked(late, "a")
        wakeups.wake(["a"])
        assert call.comes()
        late.close()

    def test_many_topics_at_once_arrive(self, pair: tuple[Wakeups, Wakeups]) -> None:
        here, there = pair
        topics = [f"inbox:01980a3e-7b6c-7d4e-8f00-{number:012}" for number in range(1000)]
        calls = [parked(there, topic)[0] for topic in topics]
        here.wake(topics)
        assert all(call.comes() for call in calls)

    def test_a_topic_that_fits_into_no_nudge_keeps_no_other_back(self, pair: tuple[Wakeups, Wakeups]) -> None:
        here, there = pair
        call, _ = parked(there, "a")
        unharmed, _ = parked(there, "c")
        here.wake(["b\nc", "b" * 100_000, "a"])
        assert call.comes()
        assert unharmed.times == 0
        here.usable()

    def test_one_that_is_closed_leaves_the_others_working(self, make: Callable[[], Wakeups], pair: Any) -> None:
        here, there = pair
        third = listening(make())
        here.close()
        call, _ = parked(third, "a")
        there.wake(["a"])
        assert call.comes()
        third.close()

    def test_one_that_is_closed_still_wakes_others(self, pair: tuple[Wakeups, Wakeups]) -> None:
        here, there = pair
        here.close()
        call, _ = parked(there, "a")
        here.wake(["a"])
        assert call.comes()

    def test_doubled_nudges_and_garbage_harm_nothing(
        self, pair: tuple[Wakeups, Wakeups], garble: Callable[[bytes], None]
    ) -> None:
        here, there = pair
        first, _ = parked(there, "a")
        here.wake(["a"])
        here.wake(["a"])
        for garbage in (b"", b"\n", b"a", b"x\n\n\n", bytes(range(1, 256)), b"y" * 7000):
            garble(garbage)
        asleep, place = parked(there, "b")
        last, _ = parked(there, "c")
        here.wake(["c"])
        assert last.comes()
        assert (first.times, asleep.times) == (1, 0)
        place.cancel()
        assert trouble(there) == ""

    def test_a_lost_connection_is_made_anew_and_wakes_everybody_once(
        self, cut: Callable[[Wakeups], None], pair: tuple[Wakeups, Wakeups]
    ) -> None:
        here, there = pair
        asleep, _ = parked(there, "a")
        cut(there)
        assert asleep.comes()
        eventually(lambda: not trouble(there), "the new connection")
        call, _ = parked(there, "b")
        here.wake(["b"])
        assert call.comes()
        assert asleep.times == 1
