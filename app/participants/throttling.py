"""Trying codes is slow. With 50 random bits there is little to find: at 50 tries in 15 minutes, ten thousand addresses
would look for some years for one of a million meetings.

Codes that open no meeting are counted for the address that they come from, before it is known that they don't, so that
many at once are no way around; what turns out to be a good one is given back.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager

from app.core import errors
from app.core.counters.base import Counters
from app.core.rates import read_rate
from app.core.settings import Settings


class CodeThrottle:
    def __init__(self, settings: Settings, counters: Counters) -> None:
        self._counters = counters
        self._rate = read_rate(settings.code_failures_address)

    @contextmanager
    def attempt(self, network: str) -> Iterator[None]:
        """Around the looking up of a code; `network` as from `client_network`.

        :raises TooManyRequests: before the code was looked up.
        """
        if self._rate is None:
            yield
            return
        key, window_s = f"codes:address:{network}", self._rate.window_s
        if self._counters.add(key, window_s) > self._rate.most:
            self._counters.add(key, window_s, -1)
            wait_s = max(1, math.ceil(self._counters.forgets_in_s(key)))
            raise errors.TooManyRequests(
                f"Too many codes from your address that open no meeting. Again in {math.ceil(wait_s / 60)} min.",
                headers={"Retry-After": str(wait_s)},
                limit="code_failures_address",
            )
        try:
            yield
        except errors.CodeUnknown:
            raise
        except BaseException:
            self._counters.add(key, window_s, -1)
            raise
        self._counters.add(key, window_s, -1)

    def close(self) -> None:
        """Nothing is held."""
