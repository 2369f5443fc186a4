"""Finding by words and by likeness at once.

Each way gives an order; a document's place in both decides (reciprocal rank fusion: Cormack, Clarke, Buettcher 2009):
so no score of one has to be compared with one of the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select

from app.core.actor import Actor
from app.core.runtime import Work
from app.meetings import service as meetings
from app.meetings.models import Meeting
from app.notes.embedders.base import Embedder
from app.notes.search.base import FullText, Likeness, words_of
from app.notes.search.models import SearchDocument
from app.notes.search.snippets import snippet_of

K = 60  # the authors'; the larger, the less the first places count
MOST = 100  # that each way finds; what comes behind them is nobody's answer
SEARCHED_BY = ("owner", "accepted")  # who may read a meeting's transcript and notes


@dataclass(frozen=True)
class Wanted:
    """`person_id`: who said or wrote it; `since` and `until`: when."""

    q: str
    kind: str | None = None
    meeting_id: str | None = None
    person_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def filters_more(self) -> bool:
        """By something that memory doesn't know."""
        return any(value is not None for value in (self.kind, self.person_id, self.since, self.until))


def find(work: Work, actor: Actor, wanted: Wanted, *, limit: int, position: int) -> dict[str, Any]:
    """What the actor may read, the best first: `items` from `position` on, and `next_position`, None at the end."""
    words = words_of(wanted.q)
    numbers = _visible(actor, wanted)
    by_words = list(work.scalars(work.driver(FullText).ranked(numbers, words).limit(MOST))) if words else []
    by_likeness = _alike(work, actor, wanted, numbers, set(by_words))
    ranked = fused(by_words, by_likeness)
    shown = ranked[position : position + limit]
    more = len(ranked) > position + limit
    return {"items": _views(work, shown, words), "next_position": position + limit if more else None}


def fused(*orders: Sequence[int]) -> list[int]:
    """Documents by the sum of 1 / (K + place) over the orders that have them; of equals, the newest first."""
    scores: dict[int, float] = {}
    for order in orders:
        for place, number in enumerate(order, start=1):
            scores[number] = scores.get(number, 0.0) + 1 / (K + place)
    return sorted(scores, key=lambda number: (-scores[number], -number))


def _visible(actor: Actor, wanted: Wanted) -> Select[int]:
    visible = meetings.visible_to(actor.user_id, *SEARCHED_BY)
    query = select(SearchDocument.number).where(SearchDocument.meeting_id.in_(visible))
    for column, value in (
        (SearchDocument.kind, wanted.kind),
        (SearchDocument.meeting_id, wanted.meeting_id),
        (SearchDocument.person_id, wanted.person_id),
    ):
        if value is not None:
            query = query.where(column == value)
    if wanted.since is not None:
        query = query.where(SearchDocument.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(SearchDocument.at < wanted.until)
    return query


def _alike(work: Work, actor: Actor, wanted: Wanted, numbers: Select[int], known: set[int]) -> list[int]:
    """`known` are of `numbers`: they need not be asked about again."""
    embedder = work.driver(Embedder)
    [question] = embedder.embed([wanted.q])
    of = [wanted.meeting_id] if wanted.meeting_id else work.scalars(meetings.visible_to(actor.user_id, *SEARCHED_BY))
    limit = 20 * MOST if wanted.filters_more else MOST
    memory = work.driver(Likeness)
    near = memory.nearest(work, question, list(of), threshold=embedder.threshold, limit=limit)
    new = [number for number in near if number not in known]
    there = known.union(work.scalars(numbers.where(SearchDocument.number.in_(new)))) if new else known
    return [number for number in near if number in there][:MOST]


_SHOWN = (
    *(SearchDocument.number, SearchDocument.kind, SearchDocument.source_id, SearchDocument.meeting_id),
    *(SearchDocument.recording_id, SearchDocument.person_id, SearchDocument.person, SearchDocument.at),
    *(SearchDocument.start_s, SearchDocument.text, Meeting.title),
)


def _views(work: Work, numbers: Sequence[int], words: Sequence[str]) -> list[dict[str, Any]]:
    shown = select(*_SHOWN).join(Meeting, Meeting.id == SearchDocument.meeting_id)
    found = {row.number: row for row in work.execute(shown.where(SearchDocument.number.in_(numbers)))}
    return [_view(found[number], words) for number in numbers if number in found]


def _view(row: Any, words: Sequence[str]) -> dict[str, Any]:
    snippet = snippet_of(row.text, words)
    return {
        "kind": row.kind,
        "id": row.source_id,
        "meeting": {"id": row.meeting_id, "title": row.title},
        "recording_id": row.recording_id,
        "person": {"user_id": row.person_id, "display_name": row.person} if row.person else None,
        "at": row.at,
        "start_s": row.start_s,
        "snippet": snippet.text,
        "highlights": [{"begin": begin, "end": end} for begin, end in snippet.marks],
    }
