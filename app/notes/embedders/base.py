"""What an embedder promises, whichever rung is below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from app.notes.spending import Bill

    Vectors = NDArray[np.float32]


class EmbedderFailed(Exception):
    """No vectors came; asking again may help. Its text is for people."""


class Embedder(Protocol):
    """Safe to share between threads.

    `name` is kept beside each vector: those of another name can't be compared. `threshold`: how alike two texts must
    be at least to have to do with each other. One that is not `is_remote` answers at once.
    """

    name: str
    threshold: float
    is_remote: bool

    def price(self, texts: Sequence[str]) -> float | None:
        """What their vectors cost at most, in USD; None: nobody knows. One that is not remote costs nothing."""

    def embed(self, texts: Sequence[str], bill: Bill | None = None) -> Vectors:
        """A row for each text, of length 1, or all zeros where there is nothing in it. The product of two rows says how
        alike their texts are, to 1. The same text gives the same row. What it cost is written on the `bill`.

        :raises EmbedderFailed:
        """

    def embed_question(self, text: str) -> Vectors | None:
        """The row of what somebody looks for and waits for; None: there is none in time."""

    def close(self) -> None:
        """Let go of what the embedder holds. May be called twice."""
