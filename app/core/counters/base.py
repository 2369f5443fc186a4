"""The promise of every rung of counters.

A counter begins with the first `add` to its key and is forgotten `window_s` later, whatever is added meanwhile: a fixed
window. Keys are short texts. Safe to share between threads; it never raises because a server does not answer.
"""

from typing import Protocol


class CountersUnusable(Exception):
    """What is shared with other processes is not, for now."""


class Counters(Protocol):
    def add(self, key: str, window_s: int, amount: int = 1) -> int:
        """Count `amount` more, which may be negative, and return the number."""
        ...

    def add_one(self, key: str, window_s: int, draw: int) -> int:
        """Count one more and return the number, which may be too high by `draw` for each other process: a rung that
        has to ask somebody may draw as many at a time."""
        ...

    def number(self, key: str) -> int:
        """How many there are; 0 where nothing was counted."""
        ...

    def forgets_in_s(self, key: str) -> float:
        """Seconds until the counter begins anew; 0 where there is none."""
        ...

    def forget(self, key: str) -> None:
        """Begin anew now."""
        ...

    def usable(self) -> None:
        """:raises CountersUnusable: numbers are not shared with other processes, as they should be."""
        ...

    def close(self) -> None: ...
