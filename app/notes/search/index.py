"""What can be found: who changes a thing says so here, within its transaction, and `following` does the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import bindparam, delete, insert, or_

from app.core.prepared import Prepared
from app.core.runtime import Work
from app.notes.search.base import FullText
from app.notes.search.models import SearchDocument, SearchPending

Kind = Literal["transcript", "notes", "chat", "title"]
KINDS: tuple[Kind, ...] = ("transcript", "notes", "chat", "title")
OF_NOTES: tuple[Kind, ...] = ("transcript", "notes")
Source = Literal["title", "chat", "notes"]
LONGEST_PERSON = 200  # characters
AT_ONCE = 500  # rows of one statement

_LATER = Prepared(insert(SearchPending).values(kind=bindparam("kind"), source_id=bindparam("source_id")))


@dataclass(frozen=True)
class Document:
    """`scope_id`: the meeting whose people may find it, or the user whose call it is of; `start_s`: into the recording
    or the call; `person_id` of an account, `person` what they were called.
    """

    kind: Kind
    source_id: str
    scope_id: str
    at: datetime
    text: str
    person_id: str | None = None
    person: str | None = None
    recording_id: str | None = None
    start_s: float | None = None
    meeting_id: str | None = None
    call_id: str | None = None


def later(work: Work, source: Source, *source_ids: str) -> None:
    """Have what stands there now be found, a second after the commit. Of notes, the meeting's or call's id."""
    if source_ids:
        _LATER.run_each(work.connection(), [{"kind": source, "source_id": source_id} for source_id in source_ids])


def put(work: Work, documents: Sequence[Document]) -> None:
    """Add documents, without vectors yet. One that changes is taken away by its source, and put again."""
    rows = [_row(document) for document in documents if document.text.strip()]
    for begin in range(0, len(rows), AT_ONCE):
        some = rows[begin : begin + AT_ONCE]
        work.add_all(some)
        work.flush()  # now they have their numbers
        work.driver(FullText).put(work, {row.number: row.text for row in some})
        for row in some:
            work.expunge(row)


def forget(work: Work, kind: Kind, *source_ids: str) -> None:
    """Take away what was put of these sources."""
    work.execute(
        delete(SearchDocument).where(SearchDocument.kind == kind, SearchDocument.source_id.in_(source_ids)),
        execution_options={"synchronize_session": False},
    )


def forget_of(work: Work, subject_id: str, *kinds: Kind) -> None:
    """Take away what was put of a meeting or a call, all or of these kinds."""
    of_it = or_(SearchDocument.meeting_id == subject_id, SearchDocument.call_id == subject_id)
    gone = delete(SearchDocument).where(of_it)
    if kinds:
        gone = gone.where(SearchDocument.kind.in_(kinds))
    work.execute(gone, execution_options={"synchronize_session": False})


def _row(document: Document) -> SearchDocument:
    return SearchDocument(**{**vars(document), "person": (document.person or "")[:LONGEST_PERSON] or None})
