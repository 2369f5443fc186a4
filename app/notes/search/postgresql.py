"""PostgreSQL: a tsvector under a GIN index, ranked by how near each other the words stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, Select, String, bindparam, column, func, insert, literal_column, table

from app.core.runtime import Work
from app.notes.search.base import indexed
from app.notes.search.models import SearchDocument

_WORDS = table("search_words", column("number"), column("words"))
_AS_THEY_ARE: ColumnElement[str] = literal_column("'simple'::regconfig")  # no language's stems and stop words
_LENGTH = 1 | 32  # a longer text counts for less; from 0 to 1


class PostgresqlFullText:
    """A FullText of a table of its own, whose rows go with those of `search_documents`."""

    def put(self, work: Work, texts: Mapping[int, str]) -> None:
        rows = [{"number": number, "text": indexed(text)} for number, text in texts.items()]
        if rows:
            vector = func.to_tsvector(_AS_THEY_ARE, bindparam("text"))
            work.execute(insert(_WORDS).values(number=bindparam("number"), words=vector), rows)

    def asked(self, words: Sequence[str]) -> str:
        return " | ".join(f"{word}:*" for word in words)

    def ranked(self, numbers: Select[int]) -> Select[int]:
        wanted = func.to_tsquery(_AS_THEY_ARE, bindparam("wanted", type_=String))
        return (
            numbers.join(_WORDS, _WORDS.c.number == SearchDocument.number)
            .where(_WORDS.c.words.op("@@")(wanted))
            .order_by(func.ts_rank(_WORDS.c.words, wanted, _LENGTH).desc(), SearchDocument.number.desc())
        )

    def close(self) -> None:
        """Nothing is held."""
