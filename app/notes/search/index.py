"""What can be found: put here and taken away in the transaction that writes the thing itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from sqlalchemy import delete

from app.core.runtime import Work
from app.notes.embedders.base import Embedder
from app.notes.search.base import FullText
from app.notes.search.models import SearchDocument

if TYPE_CHECKING:
    from app.notes.embedders.base import Vectors

Kind = Literal["transcript", "notes", "chat", "title"]
KINDS: tuple[Kind, ...] = ("transcript", "notes", "chat", "title")
LONGEST_PERSON = 200  # characters
AT_ONCE = 500  # rows of one statement
_STEPS = 127  # a vector is kept as whole numbers from -127 to 127: a quarter of the room, and alike enough


@dataclass(frozen=True)
class Document:
    """`start_s`: into the recording; `person_id` of an account, `person` what they were called."""

    kind: Kind
    source_id: str
    meeting_id: str
    at: datetime
    text: str
    person_id: str | None = None
    person: str | None = None
    recording_id: str | None = None
    start_s: float | None = None


def put(work: Work, documents: Sequence[Document]) -> None:
    """Add documents. One that changes is taken away by its source, and put again."""
    documents = [document for document in documents if document.text.strip()]
    embedder = work.driver(Embedder)
    for begin in range(0, len(documents), AT_ONCE):
        some = documents[begin : begin + AT_ONCE]
        vectors = embedder.embed([one.text for one in some])
        rows = [_row(one, embedder.name, vector) for one, vector in zip(some, vectors, strict=True)]
        work.add_all(rows)
        work.flush()  # now they have their numbers
        work.driver(FullText).put(work, {row.number: row.text for row in rows})
        for row in rows:
            work.expunge(row)


def forget(work: Work, kind: Kind, *source_ids: str) -> None:
    """Take away what was put of these sources."""
    work.execute(
        delete(SearchDocument).where(SearchDocument.kind == kind, SearchDocument.source_id.in_(source_ids)),
        execution_options={"synchronize_session": False},
    )


def forget_of_meeting(work: Work, meeting_id: str, *kinds: Kind) -> None:
    """Take away what was put of a meeting, all or of these kinds."""
    gone = delete(SearchDocument).where(SearchDocument.meeting_id == meeting_id)
    if kinds:
        gone = gone.where(SearchDocument.kind.in_(kinds))
    work.execute(gone, execution_options={"synchronize_session": False})


def _row(document: Document, embedder: str, vector: Vectors) -> SearchDocument:
    given = {**vars(document), "person": (document.person or "")[:LONGEST_PERSON] or None}
    return SearchDocument(**given, embedder=embedder, embedding=packed(vector))


def packed(vector: Vectors) -> bytes:
    """A vector of length 1 as bytes: its largest number becomes 127."""
    import numpy as np  # here: it takes long to import, and who indexes nothing does without

    largest = float(np.abs(vector).max(initial=0)) or 1.0
    return np.round(vector / largest * _STEPS).astype(np.int8).tobytes()
