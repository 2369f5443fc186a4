"""What a full text index promises, whichever database it is in."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from sqlalchemy import Select

from app.core.runtime import Work

if TYPE_CHECKING:
    from app.notes.embedders.base import Vectors

SHORTEST_WORD = 3  # letters; MariaDB knows no shorter ones
MOST_WORDS = 16  # of a query
LONGEST_WORD = 60
LONGEST_TEXT = 50_000  # characters; InnoDB finds nothing in a text of 20,000 different words

_WORD = re.compile(r"[^\W_]+")


class FullText(Protocol):
    """An index of words in the database, safe to share between threads.

    It belongs to `search_documents`: what is deleted there is gone here, in the same transaction. It compares folded
    words (`folded`), so that every database takes the same letters for one.
    """

    def put(self, work: Work, texts: Mapping[int, str]) -> None:
        """Index documents by their numbers, which are new, within this transaction; found they are after its commit."""

    def asked(self, words: Sequence[str]) -> str:
        """What `ranked` is given as its parameter `wanted`. `words` are of `words_of`, and there is one at least."""

    def ranked(self, numbers: Select[int]) -> Select[int]:
        """Those of `numbers`, a query for `SearchDocument.number`, with one of the words or more, the best first.

        A word is found where another begins with it.
        """

    def close(self) -> None:
        """Nothing is held."""


class Likeness(Protocol):
    """What is alike, by the vectors beside `search_documents`. Safe to share between threads."""

    def nearest(
        self, work: Work, question: Vectors, scope_ids: Iterable[str], *, threshold: float, limit: int
    ) -> list[int]:
        """Numbers of documents of these scopes that are like the question, the likest first."""

    def close(self) -> None:
        """Let go of what is held."""


def folded(text: str) -> str:
    """Small letters without accents, in compatible forms: `Café` is `cafe`."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def indexed(text: str) -> str:
    """What is put into an index of a text."""
    return folded(text[:LONGEST_TEXT])


def words_of(text: str) -> list[str]:
    """The words that are looked for, each once."""
    found = dict.fromkeys(word[:LONGEST_WORD] for word in _WORD.findall(folded(text)) if len(word) >= SHORTEST_WORD)
    return list(found)[:MOST_WORDS]
