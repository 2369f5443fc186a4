"""SQLite: FTS5, ranked by BM25 (https://sqlite.org/fts5.html)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Select, String, bindparam, column, insert, table, text

from app.core.runtime import Work
from app.notes.search.base import indexed
from app.notes.search.models import SearchDocument

_WORDS = table("search_words", column("rowid"), column("words"))
_WANTED = bindparam("wanted", type_=String)


class SqliteFullText:
    """A FullText of a virtual table; a trigger removes what is removed from `search_documents`."""

    def put(self, work: Work, texts: Mapping[int, str]) -> None:
        rows = [{"rowid": number, "words": indexed(text)} for number, text in texts.items()]
        if rows:
            work.execute(insert(_WORDS), rows)

    def asked(self, words: Sequence[str]) -> str:
        return " OR ".join(f'"{word}"*' for word in words)

    def ranked(self, numbers: Select[int]) -> Select[int]:
        return (
            numbers.join(_WORDS, _WORDS.c.rowid == SearchDocument.number)
            .where(text("search_words MATCH :wanted").bindparams(_WANTED))
            .order_by(text("search_words.rank"), SearchDocument.number.desc())
        )

    def close(self) -> None:
        """Nothing is held."""
