"""Guessing is slow: tries that turn out wrong are counted for whoever makes them, or for what they are made at.

Each is counted before it is known to be wrong, so that many at once are no way around; a good one is given back.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager

from app.core import errors
from app.core.counters.base import Counters
from app.core.rates import read_rate


class Attempts:
    """:param limit: name of the setting. :param rate: its value. :param refusal: what is said beyond it."""

    def __init__(self, counters: Counters, limit: str, rate: str, refusal: str) -> None:
        self._counters = counters
        self._limit = limit
        self._rate = read_rate(rate)
        self._refusal = refusal

    @contextmanager
    def one(self, who: str, wrong: type[errors.ParleyError]) -> Iterator[None]:
        """Around a try of `who`; it is counted where it raises `wrong`.

        :raises TooManyRequests: before anything was tried.
        """
        if self._rate is None:
            yield
            return
        key, window_s = f"{self._limit}:{who}", self._rate.window_s
        if self._counters.add(key, window_s) > self._rate.most:
            self._counters.add(key, window_s, -1)
            wait_s = max(1, math.ceil(self._counters.forgets_in_s(key)))
            raise errors.TooManyRequests(
                f"{self._refusal} Again in {math.ceil(wait_s / 60)} min.",
                headers={"Retry-After": str(wait_s)},
                limit=self._limit,
            )
        try:
            yield
        except wrong:
            raise
        except BaseException:
            self._counters.add(key, window_s, -1)
            raise
        self._counters.add(key, window_s, -1)
