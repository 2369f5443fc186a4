"""The index follows what is written: words within a second or two, vectors as soon as they are made.

Of two that follow at once, the one that takes a source's lines away puts what is there; the other waits for it, finds
none and leaves it. So no source stands in the index twice, or as it was before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import structlog
from sqlalchemy import ColumnElement, CursorResult, and_, delete, func, insert, or_, select, update

from app.core import errors
from app.core.runtime import Runtime, Work
from app.meetings.models import Meeting
from app.notes import spending
from app.notes.embedders.base import Embedder
from app.notes.search import gathering, index
from app.notes.search.index import Source
from app.notes.search.models import SearchDocument, SearchPending, SearchVector
from app.notes.spending import Bill

if TYPE_CHECKING:
    from app.notes.embedders.base import Vectors

FOLLOW = "search.follow"
FOLLOW_EVERY_S = 1.0
EMBED = "search.embed"
SOURCES_AT_ONCE = 100  # of a transaction, and one where they are notes: a transcript has hundreds of segments
DOCUMENTS_PER_RUN = 5_000  # and those of the transaction that goes beyond; then other tasks have their turn
VECTORS_AT_ONCE = 500
_STEPS = 127  # a vector is kept as whole numbers from -127 to 127: a quarter of the room, and alike enough

log = structlog.get_logger()


def follow(runtime: Runtime, _payload: dict[str, Any]) -> None:
    """Put into the index what has changed. Its vectors too, unless they take long: then a job of their own does.

    What can't be put goes to the end of the line, so that it holds nothing up; its error is raised at the end.
    """
    put, failure = 0, None
    while put < DOCUMENTS_PER_RUN and failure is None:
        with runtime.reading() as work:
            pending = _pending(work)
        if not pending:
            break
        for source, ids, newest in pending:
            try:
                with runtime.writing() as work:
                    put += _put_anew(work, source, ids, newest)
            except Exception as error:
                failure = error
                with runtime.writing() as work:
                    work.execute(delete(SearchPending).where(_lines(source, ids, newest)))
                    index.later(work, source, *ids)
    _see_to_vectors(runtime)
    if failure is not None:
        raise failure


def embed(runtime: Runtime, _payload: dict[str, Any]) -> None:
    """Make the vectors that lack, the newest first; those too that another embedder has made.

    :raises EmbedderFailed: so that it is tried again.
    """
    while _embed_some(runtime):
        pass


def _pending(work: Work) -> list[tuple[Source, list[str], int]]:
    lines = work.execute(
        select(SearchPending.kind, SearchPending.source_id, SearchPending.number)
        .order_by(SearchPending.number)
        .limit(SOURCES_AT_ONCE)
    ).all()
    newest = lines[-1].number if lines else 0
    ids: dict[Source, dict[str, None]] = {}
    for line in lines:
        ids.setdefault(line.kind, {})[line.source_id] = None
    return [
        (source, some, newest)
        for source, sources in ids.items()
        for some in ([[one] for one in sources] if source == "notes" else [list(sources)])
    ]


def _put_anew(work: Work, source: Source, ids: Sequence[str], newest: int) -> int:
    """How many documents there are of them now."""
    lines = delete(SearchPending).where(_lines(source, ids, newest))
    taken = work.execute(lines, execution_options={"synchronize_session": False})
    if not cast("CursorResult[Any]", taken).rowcount:
        return 0
    if source == "notes":
        [subject_id] = ids
        index.forget_of(work, subject_id, *index.OF_NOTES)
        index.forget(work, "title", subject_id)
        documents = list(gathering.notes(work, subject_id))
    else:
        gather = gathering.titles if source == "title" else gathering.messages
        index.forget(work, source, *ids)
        documents = list(gather(work, ids))
    index.put(work, documents)
    return len(documents)


def _lines(source: Source, ids: Sequence[str], newest: int) -> ColumnElement[bool]:
    return and_(SearchPending.kind == source, SearchPending.source_id.in_(ids), SearchPending.number <= newest)


def _see_to_vectors(runtime: Runtime) -> None:
    embedder: Embedder = runtime.drivers[Embedder]
    if not embedder.is_remote:
        for _ in range(0, DOCUMENTS_PER_RUN, VECTORS_AT_ONCE):
            if not _embed_some(runtime):
                break
        return
    with runtime.reading() as work:
        newest = work.scalar(select(func.max(SearchDocument.number)).where(_lacks(embedder)))
    if newest is not None:
        with runtime.writing() as work:
            work.enqueue(EMBED, {}, key=f"{EMBED}:{embedder.name}:{newest}")


def _embed_some(runtime: Runtime) -> bool:
    """Whether there may be more."""
    embedder: Embedder = runtime.drivers[Embedder]
    payer = func.coalesce(Meeting.owner_id, SearchDocument.scope_id).label("payer")
    lacking = select(SearchDocument.number, SearchDocument.text, payer).where(_lacks(embedder))
    lacking = lacking.outerjoin(Meeting, Meeting.id == SearchDocument.meeting_id)
    with runtime.reading() as work:
        rows = work.execute(lacking.order_by(SearchDocument.number.desc()).limit(VECTORS_AT_ONCE)).all()
    texts: dict[str, dict[int, str]] = {}
    for number, text, payer_id in rows:
        texts.setdefault(payer_id if embedder.is_remote else "", {})[number] = text
    for payer_id, some in texts.items():
        _embed_those(runtime, embedder, payer_id, some)
    return len(rows) == VECTORS_AT_ONCE


def _embed_those(runtime: Runtime, embedder: Embedder, payer_id: str, texts: dict[int, str]) -> None:
    """Where the budget of who pays is spent they stay without vectors, found by their words."""
    price = embedder.price(list(texts.values()))
    bill = Bill(price)
    vectors: dict[int, Vectors] = {}
    if price == 0.0 or _is_within_budget(runtime, payer_id, price):
        vectors = dict(zip(texts, embedder.embed(list(texts.values()), bill), strict=True))
    with runtime.writing() as work:
        _keep(work, embedder, list(texts), vectors)
        if vectors and price != 0.0:
            spending.book_vectors(work, payer_id, embedder.name.partition(":")[0], bill)


def _is_within_budget(runtime: Runtime, payer_id: str, price: float | None) -> bool:
    with runtime.reading() as work:
        try:
            spending.check(work, payer_id, price or 0.0)
        except errors.BudgetReached:
            return False
    return True


def _keep(work: Work, embedder: Embedder, numbers: Sequence[int], vectors: dict[int, Vectors]) -> None:
    """Of those that are still there, and that nobody else has seen to in the meantime."""
    some = SearchDocument.number.in_(numbers)
    still = work.scalars(select(SearchDocument.number).where(some, _lacks(embedder)).with_for_update()).all()
    if not still:
        return
    unsynchronised = {"synchronize_session": False}
    old = delete(SearchVector).where(SearchVector.document_number.in_(still))
    work.execute(old, execution_options=unsynchronised)
    rows = [
        {"document_number": number, "embedder": embedder.name, "embedding": packed(vectors[number])}
        for number in still
        if number in vectors
    ]
    if rows:
        work.execute(insert(SearchVector), rows)
    seen = update(SearchDocument).where(SearchDocument.number.in_(still)).values(embedder=embedder.name)
    work.execute(seen, execution_options=unsynchronised)


def _lacks(embedder: Embedder) -> Any:
    return or_(SearchDocument.embedder.is_(None), SearchDocument.embedder != embedder.name)


def packed(vector: Vectors) -> bytes:
    """A vector of length 1 as bytes: its largest number becomes 127."""
    import numpy as np  # here: it takes long to import, and who indexes nothing does without

    largest = float(np.abs(vector).max(initial=0)) or 1.0
    return np.round(vector / largest * _STEPS).astype(np.int8).tobytes()
