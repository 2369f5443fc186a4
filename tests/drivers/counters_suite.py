"""What every rung of counters promises."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from app.core.counters.base import Counters


class CountersSuite:
    """A rung's tests give `counters`, and `pass_s`, which lets as many seconds pass for them."""

    def test_what_is_added_is_counted_by_key(self, counters: Counters) -> None:
        assert [counters.add("a", 600), counters.add("a", 600, 3), counters.add("b", 600)] == [1, 4, 1]
        assert (counters.number("a"), counters.number("b"), counters.number("c")) == (4, 1, 0)

    def test_ones_are_counted_one_by_one_however_many_are_drawn(self, counters: Counters) -> None:
        assert [counters.add_one("a", 600, 5) for _ in range(12)] == list(range(1, 13))
        assert 12 <= counters.number("a") <= 15
        counters.forget("a")
        assert counters.add_one("a", 600, 5) == 1

    def test_what_is_given_back_is_not_counted(self, counters: Counters) -> None:
        counters.add("a", 600, 3)
        assert counters.add("a", 600, -2) == 1

    def test_a_counter_is_forgotten_when_its_window_is_over_whatever_is_added_meanwhile(
        self, counters: Counters, pass_s: Callable[[float], None]
    ) -> None:
        counters.add("a", 600)
        pass_s(300)
        assert counters.add("a", 600) == 2
        pass_s(300)
        assert counters.number("a") == 0
        assert counters.add("a", 600) == 1

    def test_it_tells_when_it_begins_anew(self, counters: Counters, pass_s: Callable[[float], None]) -> None:
        counters.add("a", 600)
        pass_s(200)
        assert 300 < counters.forgets_in_s("a") <= 400
        assert counters.forgets_in_s("nothing") == 0

    def test_it_can_be_forgotten_at_once(self, counters: Counters) -> None:
        counters.add("a", 600, 5)
        counters.forget("a")
        counters.forget("a")
        assert (counters.number("a"), counters.add("a", 600)) == (0, 1)

    def test_nothing_is_lost_between_threads(self, counters: Counters) -> None:
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda _: counters.add("a", 600), range(400)))
        assert counters.number("a") == 400
