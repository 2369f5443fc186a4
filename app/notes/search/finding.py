"""Finding by words and by likeness at once.

Each way gives an order; a document's place in both decides (reciprocal rank fusion: Cormack, Clarke, Buettcher 2009):
so no score of one has to be compared with one of the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, BindParameter, ColumnElement, Integer, bindparam, literal, or_, select

from app.core import errors
from app.core.actor import Actor
from app.core.db import Id
from app.core.prepared import Prepared
from app.core.runtime import Work
from app.meetings import service as meetings
from app.meetings.models import Meeting, MeetingPerson
from app.notes.embedders.base import Embedder
from app.notes.search.base import FullText, Likeness, words_of
from app.notes.search.models import SearchDocument
from app.notes.search.snippets import snippet_of
from app.notes.sources import Sources

if TYPE_CHECKING:
    from app.notes.embedders.base import Vectors

K = 60  # the authors'; the larger, the less the first places count
MOST = 100  # that each way finds; what comes behind them is nobody's answer
SEARCHED_BY = ("owner", "accepted")  # who may read a meeting's transcript and notes

_USER: BindParameter[str] = bindparam("user_id", type_=Id)
_THEIRS = meetings.visible_to(_USER, *SEARCHED_BY)
_SCOPES = Prepared(_THEIRS)
_NUMBERS = [bindparam(f"number_{place}", type_=BigInteger) for place in range(MOST)]
_ONE_OF = SearchDocument.number.in_(_NUMBERS)  # as many as there can be: so the statement stays the same
_THERE = select(SearchDocument.number, SearchDocument.scope_id)
_THOSE = Prepared(_THERE.where(_ONE_OF))
_OF_THEIRS = select(SearchDocument.number).where(
    or_(SearchDocument.scope_id.in_(_THEIRS), SearchDocument.scope_id == _USER)
)


@dataclass(frozen=True)
class Wanted:
    """`person_id`: who said or wrote it; `since` and `until`: when."""

    q: str
    kind: str | None = None
    meeting_id: str | None = None
    call_id: str | None = None
    person_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def filters_nothing(self) -> bool:
        return self.meeting_id is None and not self.filters_more

    @property
    def filters_more(self) -> bool:
        """By something that memory doesn't know."""
        return any(value is not None for value in (self.kind, self.call_id, self.person_id, self.since, self.until))


def find(
    work: Work, actor: Actor, wanted: Wanted, question: Vectors | None, *, limit: int, position: int
) -> dict[str, Any]:
    """What the actor may read, the best first: `items` from `position` on, and `next_position`, None at the end.

    :param question: `wanted.q` as the embedder has it; None: there is only the full text.
    """
    words = words_of(wanted.q)
    by_words = _with_words(work, actor, wanted, words) if words else []
    by_likeness = _alike(work, actor, wanted, question, set(by_words)) if question is not None else []
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


def _with_words(work: Work, actor: Actor, wanted: Wanted, words: Sequence[str]) -> list[int]:
    full_text = work.driver(FullText)
    values = {"user_id": actor.user_id, "wanted": full_text.asked(words)}
    if wanted.filters_nothing:
        return [row.number for row in work.run(_ranked(type(full_text)), values)]
    return list(work.scalars(full_text.ranked(_OF_THEIRS.where(*_filters(wanted))).limit(MOST), values))


@cache
def _ranked(rung: type[FullText]) -> Prepared:
    return Prepared(rung().ranked(_OF_THEIRS).limit(literal(MOST, Integer)))


def _alike(work: Work, actor: Actor, wanted: Wanted, question: Vectors, known: set[int]) -> list[int]:
    """`known` may be seen, and are wanted: they need not be asked about again."""
    limit = 20 * MOST if wanted.filters_more else MOST
    threshold = work.driver(Embedder).threshold
    scopes = _scopes(work, actor, wanted)
    near = work.driver(Likeness).nearest(work, question, scopes, threshold=threshold, limit=limit)
    new = [number for number in near if number not in known]
    # The scope is looked at here: SQLite would rather read all documents of all scopes than these by their numbers.
    of_theirs = {row.number for row in _those(work, new, wanted) if row.scope_id in scopes}
    return [number for number in near if number in known or number in of_theirs][:MOST]


def _those(work: Work, numbers: Sequence[int], wanted: Wanted) -> Sequence[Any]:
    if wanted.filters_more:
        return work.execute(_THERE.where(SearchDocument.number.in_(numbers), *_filters(wanted))).all()
    return work.run(_THOSE, _numbered(numbers)) if numbers else []


def _numbered(numbers: Sequence[int]) -> dict[str, int]:
    """Values of `_ONE_OF`, of which some are nobody's."""
    padded = [*numbers, *[0] * (MOST - len(numbers))]
    return {parameter.key: number for parameter, number in zip(_NUMBERS, padded, strict=True)}


def _scopes(work: Work, actor: Actor, wanted: Wanted) -> set[str]:
    if wanted.call_id is not None:
        return {actor.user_id}
    if wanted.meeting_id is not None:
        theirs = meetings.visible_to(actor.user_id, *SEARCHED_BY)
        return set(work.scalars(theirs.where(MeetingPerson.meeting_id == wanted.meeting_id)))
    return {actor.user_id, *(row.meeting_id for row in work.run(_SCOPES, {"user_id": actor.user_id}))}


def _filters(wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    for column, value in (
        (SearchDocument.kind, wanted.kind),
        (SearchDocument.meeting_id, wanted.meeting_id),
        (SearchDocument.call_id, wanted.call_id),
        (SearchDocument.person_id, wanted.person_id),
    ):
        if value is not None:
            yield column == value
    if wanted.since is not None:
        yield SearchDocument.at >= wanted.since
    if wanted.until is not None:
        yield SearchDocument.at < wanted.until


_SHOWN = select(
    *(SearchDocument.number, SearchDocument.kind, SearchDocument.source_id, SearchDocument.meeting_id),
    *(SearchDocument.call_id, SearchDocument.recording_id, SearchDocument.person_id, SearchDocument.person),
    *(SearchDocument.at, SearchDocument.start_s, SearchDocument.text, Meeting.title),
).outerjoin(Meeting, Meeting.id == SearchDocument.meeting_id)
_VIEWED = Prepared(_SHOWN.where(_ONE_OF))


def _views(work: Work, numbers: Sequence[int], words: Sequence[str]) -> list[dict[str, Any]]:
    found = {row.number: row for row in work.run(_VIEWED, _numbered(numbers))} if numbers else {}
    calls = _titles_of_calls(work, {row.call_id for row in found.values() if row.call_id})
    return [_view(found[number], calls, words) for number in numbers if number in found]


def _titles_of_calls(work: Work, call_ids: Iterable[str]) -> dict[str, str]:
    titles = {}
    for call_id in call_ids:
        try:
            titles[call_id] = work.driver(Sources).calls.subject(work, call_id).title
        except errors.NotFound:  # just deleted
            titles[call_id] = ""
    return titles


def _view(row: Any, calls: dict[str, str], words: Sequence[str]) -> dict[str, Any]:
    snippet = snippet_of(row.text, words)
    return {
        "kind": row.kind,
        "id": row.source_id,
        "meeting": {"id": row.meeting_id, "title": row.title} if row.meeting_id else None,
        "call": {"id": row.call_id, "title": calls[row.call_id]} if row.call_id else None,
        "recording_id": row.recording_id,
        "person": {"user_id": row.person_id, "display_name": row.person} if row.person else None,
        "at": row.at,
        "start_s": row.start_s,
        "snippet": snippet.text,
        "highlights": [{"begin": begin, "end": end} for begin, end in snippet.marks],
    }
