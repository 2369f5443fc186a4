"""What every rung of wake-ups promises: within a process, and those between processes to one another."""

import json
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import pytest

from app.core.wakeups.base import NEWS, Wakeups, WakeupsUnusable
from tests.support.waiting import LONGEST_S, eventually


class Listener:
    """Hears all nudges of a hub; `after(n)` waits until there are so many."""

    def __init__(self, wakeups: Wakeups) -> None:
        self.heard: list[str] = []
        self.lost = 0  # times when nobody knew what was missed
        self._changed = threading.Condition()
        wakeups.listen(self)

    def __call__(self, nudges: Sequence[str] | None) -> None:
        with self._changed:
            if nudges is None:
                self.lost += 1
            else:
                self.heard += nudges
            self._changed.notify_all()

    def hears(self, *nudges: str) -> bool:
        """Whether these come, among others, sooner or later."""
        with self._changed:
            return self._changed.wait_for(lambda: set(nudges) <= set(self.heard), LONGEST_S)


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
        assert wakeups.woken_since("a", ticket)
        assert wakeups.wait("a", ticket, 0) is True

    def test_a_wake_before_the_ticket_does_not_count(self, wakeups: Wakeups) -> None:
        wakeups.wake(["a"])
        ticket = wakeups.ticket("a")
        assert not wakeups.woken_since("a", ticket)
        assert wakeups.wait("a", ticket, 0) is False

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

    def test_a_nudge_with_news_wakes_its_topic(self, wakeups: Wakeups) -> None:
        ticket = wakeups.ticket("a")
        wakeups.wake([f"a{NEWS}something"])
        assert wakeups.wait("a", ticket, 0) is True
        assert wakeups.wait("b", ticket, 0) is False

    def test_who_listens_hears_every_nudge_and_its_news_in_order(self, wakeups: Wakeups) -> None:
        listener = Listener(wakeups)
        wakeups.wake([f"a{NEWS}1", "b", f"a{NEWS}2"])
        wakeups.wake(["a"])
        assert listener.heard == [f"a{NEWS}1", "b", f"a{NEWS}2", "a"]

    def test_who_listens_no_more_hears_nothing_and_may_say_so_again(self, wakeups: Wakeups) -> None:
        one, other = Listener(wakeups), Listener(wakeups)
        wakeups.listen_no_more(one)
        wakeups.listen_no_more(one)
        wakeups.wake(["a"])
        assert (one.heard, other.heard) == ([], ["a"])

    def test_a_listener_that_fails_keeps_nothing_from_the_others(self, wakeups: Wakeups) -> None:
        wakeups.listen(lambda _: [][0])
        listener = Listener(wakeups)
        wakeups.wake(["a"])
        assert listener.heard == ["a"]

    def test_closing_ends_every_wait_and_all_that_come_later(self, wakeups: Wakeups) -> None:
        thread, outcome = self.waiter(wakeups, "a", wakeups.ticket("a"))
        listener = Listener(wakeups)
        wakeups.close()
        thread.join(LONGEST_S)
        assert outcome == [True]
        assert listener.lost == 1
        assert wakeups.closed
        assert wakeups.wait("b", wakeups.ticket("b"), LONGEST_S) is True

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
            thread, outcome = self.waiter(there, "a", there.ticket("a"))
            asleep = there.ticket("b")
            here.wake(["a"])
            thread.join(LONGEST_S)
            assert outcome == [True]
            assert not there.woken_since("b", asleep)

    def test_news_are_heard_in_the_other_process_as_they_were_told(self, pair: tuple[Wakeups, Wakeups]) -> None:
        here, there = pair
        listener = Listener(there)
        news = json.dumps({"text": "tab\t line\n ü 😀", "sdp": "v=0\r\n" * 200})
        here.wake([f"a{NEWS}{news}", "b"])
        assert listener.hears("b")
        assert listener.heard == [f"a{NEWS}{news}", "b"]

    def test_news_that_are_too_long_arrive_as_their_topic(self, pair: tuple[Wakeups, Wakeups]) -> None:
        here, there = pair
        listener = Listener(there)
        here.wake([f"a{NEWS}{'x' * 100_000}", f"b{NEWS}two\nlines", f"c{NEWS}short"])
        assert listener.hears(f"c{NEWS}short")
        assert listener.heard == ["a", "b", f"c{NEWS}short"]

    def test_one_hears_ones_own_nudges_once(self, pair: tuple[Wakeups, Wakeups]) -> None:
        here, there = pair
        listener = Listener(here)
        here.wake(["a"])
        there.wake(["b"])
        assert listener.hears("b")
        assert listener.heard == ["a", "b"]

    def test_a_wake_from_elsewhere_between_ticket_and_wait_is_not_missed(self, pair: tuple[Wakeups, Wakeups]) -> None:
        here, there = pair
        ticket = there.ticket("a")
        sign = Listener(there)
        here.wake(["a", "b"])
        assert sign.hears("b")
        assert there.wait("a", ticket, 0) is True

    def test_a_process_that_only_wakes_is_heard(self, make: Callable[[], Wakeups], wakeups: Wakeups) -> None:
        listener = Listener(wakeups)
        sender = make()
        sender.wake(["a"])
        assert listener.hears("a")
        sender.close()

    def test_a_process_that_comes_later_hears_those_that_were_there(
        self, make: Callable[[], Wakeups], wakeups: Wakeups
    ) -> None:
        wakeups.wake(["a"])
        late = listening(make())
        listener = Listener(late)
        wakeups.wake(["b"])
        assert listener.hears("b")
        late.close()

    def test_many_topics_at_once_arrive(self, pair: tuple[Wakeups, Wakeups]) -> None:
        here, there = pair
        topics = [f"inbox:01980a3e-7b6c-7d4e-8f00-{number:012}" for number in range(1000)]
        listener = Listener(there)
        here.wake(topics)
        assert listener.hears(*topics)

    def test_a_topic_that_fits_into_no_nudge_keeps_no_other_back(self, pair: tuple[Wakeups, Wakeups]) -> None:
        here, there = pair
        listener = Listener(there)
        here.wake(["b\nc", "b" * 100_000, "a"])
        assert listener.hears("a")
        assert listener.heard == ["a"]
        here.usable()

    def test_one_that_is_closed_leaves_the_others_working(self, make: Callable[[], Wakeups], pair: Any) -> None:
        here, there = pair
        third = listening(make())
        here.close()
        listener = Listener(third)
        there.wake(["a"])
        assert listener.hears("a")
        third.close()

    def test_one_that_is_closed_still_wakes_others(self, pair: tuple[Wakeups, Wakeups]) -> None:
        here, there = pair
        here.close()
        listener = Listener(there)
        here.wake(["a"])
        assert listener.hears("a")

    def test_doubled_nudges_and_garbage_harm_nothing(
        self, pair: tuple[Wakeups, Wakeups], garble: Callable[[bytes], None]
    ) -> None:
        here, there = pair
        listener = Listener(there)
        asleep = there.ticket("b")
        here.wake(["a"])
        here.wake(["a"])
        for garbage in (b"", b"\n", b"a", b"x\n\n\n", bytes(range(1, 256)), b"y" * 7000):
            garble(garbage)
        here.wake(["c"])
        assert listener.hears("c")
        assert listener.heard.count("a") == 2
        assert not there.woken_since("b", asleep)
        assert trouble(there) == ""

    def test_a_lost_connection_is_made_anew_and_wakes_everybody_once(
        self, cut: Callable[[Wakeups], None], pair: tuple[Wakeups, Wakeups]
    ) -> None:
        here, there = pair
        listener = Listener(there)
        thread, outcome = self.waiter(there, "a", there.ticket("a"))
        cut(there)
        thread.join(LONGEST_S)
        assert outcome == [True]
        eventually(lambda: not trouble(there), "the new connection")
        assert listener.lost == 1
        here.wake(["b"])
        assert listener.hears("b")
