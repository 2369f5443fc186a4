"""What is alike, found in memory: one column of small numbers for each document.

The rows of the database are the truth; memory follows them before each question: it reads the rows with higher numbers
than it has seen, and some before them, as transactions don't commit in the order of their numbers. A row that is gone
stays in memory and does no harm: who asks looks every document up again, among what they may see.

A hashed question has few numbers that aren't zero, so that only those dimensions are read: memory has one array a
dimension.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select

from app.core.prepared import Prepared
from app.core.runtime import Work
from app.notes.search.models import SearchDocument, SearchVector

if TYPE_CHECKING:
    from app.notes.embedders.base import Vectors

OVERLAP = 1_000  # numbers that may have been given before, and committed since
MOST = 500_000  # documents in memory: 256 MB of the hashed ones; half of it, the newest, when it begins
AT_ONCE = 10_000  # rows of one question
_NEWEST = Prepared(select(func.max(SearchVector.number).label("number")))
_FIRST = 1_024  # columns; doubled when they are full


class Memory:
    """A Likeness: the vectors of one embedder."""

    def __init__(self, embedder: str, most: int = MOST) -> None:
        self._embedder = embedder
        self._most = most
        self._lock = threading.Lock()
        self._forget()

    def nearest(
        self, work: Work, question: Vectors, scope_ids: Iterable[str], *, threshold: float, limit: int
    ) -> list[int]:
        """Numbers of documents of these scopes that are like the question, the likest first."""
        places = np.flatnonzero(question)
        with self._lock:
            self._follow(work)
            if not len(places) or len(question) != len(self._columns):
                return []
            wanted = [self._scopes[one] for one in scope_ids if one in self._scopes]
            is_wanted = np.zeros(len(self._scopes) + 1, bool)
            is_wanted[wanted] = True
            scores = np.zeros(self._count, np.float32)
            for place in places:
                scores += self._columns[place, : self._count] * question[place]
            scores /= self._lengths[: self._count]
            scores[~is_wanted[self._scope[: self._count]]] = -1
            alike = np.flatnonzero(scores >= threshold)
            if len(alike) > limit:
                alike = alike[np.argpartition(-scores[alike], limit)[:limit]]
            best = alike[np.lexsort((-self._numbers[alike], -scores[alike]))]
            return list(dict.fromkeys(int(number) for number in self._numbers[best]))  # one made anew stands here twice

    def close(self) -> None:
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        self._count = 0
        self._seen: set[int] = set()
        self._newest = 0
        self._scopes: dict[str, int] = {}
        self._columns: NDArray[np.int8] = np.zeros((0, 0), np.int8)
        self._lengths: NDArray[np.float32] = np.zeros(0, np.float32)
        self._numbers: NDArray[np.int64] = np.zeros(0, np.int64)
        self._scope: NDArray[np.int32] = np.zeros(0, np.int32)

    def _follow(self, work: Work) -> None:
        newest = work.run(_NEWEST, {})[0].number or 0
        if newest == self._newest:
            return
        if self._count >= self._most:
            self._forget()  # and begin anew, with what is there now
        begin = max(self._newest - OVERLAP, newest - self._most // 2, 0)
        columns = (SearchVector.number, SearchVector.document_number, SearchDocument.scope_id, SearchVector.embedding)
        query = select(*columns).join(SearchDocument).where(SearchVector.embedder == self._embedder)
        query = query.order_by(SearchVector.number).limit(AT_ONCE)
        while rows := work.execute(query.where(SearchVector.number > begin)).all():
            for number, document_number, scope_id, embedding in rows:
                if number not in self._seen:
                    self._seen.add(number)
                    self._add(document_number, scope_id, np.frombuffer(embedding, np.int8))
            begin = rows[-1].number
        self._newest = max(newest, self._newest)
        self._seen = {number for number in self._seen if number > self._newest - OVERLAP}

    def _add(self, document_number: int, scope_id: str, vector: NDArray[np.int8]) -> None:
        if self._count == len(self._numbers):
            self._grow(len(vector))
        if len(vector) != len(self._columns):
            return  # of a model that has changed under its name
        place = self._count
        self._columns[:, place] = vector
        self._lengths[place] = np.linalg.norm(vector.astype(np.float32)) or 1
        self._numbers[place] = document_number
        self._scope[place] = self._scopes.setdefault(scope_id, len(self._scopes))
        self._count += 1

    def _grow(self, dimensions: int) -> None:
        room = max(_FIRST, 2 * len(self._numbers))
        columns = np.zeros((len(self._columns) or dimensions, room), np.int8)
        if self._count:
            columns[:, : self._count] = self._columns[:, : self._count]
        self._columns = columns
        for name in ("_lengths", "_numbers", "_scope"):
            old = getattr(self, name)
            new = np.zeros(room, old.dtype)
            new[: self._count] = old[: self._count]
            setattr(self, name, new)
