"""What an embedder promises, whichever rung is below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]


class Embedder(Protocol):
    """Safe to share between threads.

    `name` is kept beside each vector: those of another name can't be compared. `threshold`: how alike two texts must
    be at least to have to do with each other. It answers at once, within a transaction.
    """

    name: str
    threshold: float

    def embed(self, texts: Sequence[str]) -> Vectors:
        """A row for each text, of length 1, or all zeros where there is nothing in it. The product of two rows says how
        alike their texts are, to 1. The same text gives the same row.
        """

    def close(self) -> None:
        """Let go of what the embedder holds. May be called twice."""
