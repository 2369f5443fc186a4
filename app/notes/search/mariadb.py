"""MariaDB and MySQL: InnoDB's FULLTEXT index in boolean mode, which knows no words of two letters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Select, String, bindparam, column, insert, table, text

from app.core.runtime import Work
from app.notes.search.base import indexed
from app.notes.search.models import SearchDocument

_WORDS = table("search_words", column("number"), column("words"))
_MATCH = "MATCH(search_words.words) AGAINST (:wanted IN BOOLEAN MODE)"
_WANTED = bindparam("wanted", type_=String)


class MariadbFullText:
    """A FullText of a table of its own, whose rows go with those of `search_documents`."""

    def put(self, work: Work, texts: Mapping[int, str]) -> None:
        rows = [{"number": number, "words": indexed(text)} for number, text in texts.items()]
        if rows:
            work.execute(insert(_WORDS), rows)

    def asked(self, words: Sequence[str]) -> str:
        return " ".join(f"{word}*" for word in words)

    def ranked(self, numbers: Select[int]) -> Select[int]:
        joined = numbers.join(_WORDS, _WORDS.c.number == SearchDocument.number)
        rank = text(_MATCH + " DESC").bindparams(_WANTED)
        return joined.where(text(_MATCH).bindparams(_WANTED)).order_by(rank, SearchDocument.number.desc())

    def close(self) -> None:
        """Nothing is held."""
