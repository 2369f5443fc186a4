"""Letters that stand together, hashed: alike is what is spelt alike, whatever the language. No model, no download."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

from app.notes.search.base import folded

if TYPE_CHECKING:
    from app.notes.embedders.base import Vectors
    from app.notes.spending import Bill

DIMENSIONS = 512
LETTERS = 3
LONGEST_TEXT = 4_000  # characters

_WORD = re.compile(r"[^\W_]+")


class HashedEmbedder:
    """An Embedder of trigrams within words, each at one of 512 places and with a sign, so that what falls together by
    chance cancels out. It finds what is misheard or misspelt, not what means the same.
    """

    name = f"hashed-{DIMENSIONS}"
    is_remote = False
    threshold = 0.25  # texts without a word in common reach 0.2 by chance, among 50,000

    def price(self, texts: Sequence[str]) -> float:
        return 0.0

    def embed(self, texts: Sequence[str], bill: Bill | None = None) -> Vectors:
        vectors = np.zeros((len(texts), DIMENSIONS), np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for word in _WORD.findall(folded(text[:LONGEST_TEXT])):
                for place, sign in _places(word):
                    row[place] += sign
        return normalised(vectors)

    def embed_question(self, text: str) -> Vectors:
        return next(iter(self.embed([text])))

    def close(self) -> None:
        """Nothing is held."""


@lru_cache(maxsize=20_000)
def _places(word: str) -> tuple[tuple[int, int], ...]:
    return tuple(_hashed(word))


def _hashed(word: str) -> Iterator[tuple[int, int]]:
    framed = f"<{word}>"
    for begin in range(max(1, len(framed) - LETTERS + 1)):
        number = crc32(framed[begin : begin + LETTERS].encode())
        yield number % DIMENSIONS, 1 if number & 0x8000_0000 else -1


def normalised(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return unit
