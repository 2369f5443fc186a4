"""Trying codes is slow. With 50 random bits there is little to find: at 50 tries in 15 minutes, ten thousand addresses
would look for some years for one of a million meetings.
"""

from contextlib import AbstractContextManager

from app.core import errors
from app.core.attempts import Attempts
from app.core.counters.base import Counters
from app.core.settings import Settings

REFUSAL = "Too many codes from your address that open no meeting."


class CodeThrottle:
    def __init__(self, settings: Settings, counters: Counters) -> None:
        self._of_address = Attempts(counters, "code_failures_address", settings.code_failures_address, REFUSAL)

    def attempt(self, network: str) -> AbstractContextManager[None]:
        """Around the looking up of a code; `network` as from `client_network`.

        :raises TooManyRequests: before the code was looked up.
        """
        return self._of_address.one(network, errors.CodeUnknown)

    def close(self) -> None:
        """Nothing is held."""
