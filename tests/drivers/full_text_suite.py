"""What every full text index must do: a rung's test class inherits this; the database it runs on brings the rung."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select, table

from app.core.runtime import Runtime, Work
from app.meetings import service as meetings
from app.notes.search import index
from app.notes.search.base import FullText, words_of
from app.notes.search.index import Document
from app.notes.search.models import SearchDocument
from tests.support.people import Person

AT = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


class FullTextSuite:
    rung: type

    @pytest.fixture
    def meeting_id(self, anna: Person) -> str:
        """A meeting whose title doesn't get into the way."""
        meeting_id = str(anna.create_meeting(title="…")["id"])
        with anna.app.runtime.writing() as work:  # type: ignore[attr-defined]
            index.forget_of(work, meeting_id)
        return meeting_id

    def put(self, runtime: Runtime, meeting_id: str, *texts: str) -> None:
        with runtime.writing() as work:
            index.put(
                work, [Document("chat", text[:36], meeting_id, AT, text, meeting_id=meeting_id) for text in texts]
            )

    def found(self, runtime: Runtime, asked: str) -> list[str]:
        with runtime.reading() as work:
            full_text = runtime.drivers[FullText]
            numbers = full_text.ranked(select(SearchDocument.number)).limit(50)
            wanted = {"wanted": full_text.asked(words_of(asked))}
            texts = dict(work.execute(select(SearchDocument.number, SearchDocument.text)).all())  # type: ignore[arg-type]
            return [texts[number] for number in work.scalars(numbers, wanted)]

    def words_kept(self, work: Work) -> int:
        return work.scalar(select(func.count()).select_from(table("search_words"))) or 0

    def test_it_is_the_one_of_this_database(self, runtime: Runtime) -> None:
        assert type(runtime.drivers[FullText]) is self.rung

    def test_words_are_found_wherever_they_stand(self, runtime: Runtime, meeting_id: str) -> None:
        self.put(runtime, meeting_id, "The contract is ready.", "We met the customer.", "nothing of it")
        assert self.found(runtime, "contract") == ["The contract is ready."]
        assert self.found(runtime, "customer") == ["We met the customer."]
        assert self.found(runtime, "absent") == []

    def test_what_has_more_of_the_words_comes_first(self, runtime: Runtime, meeting_id: str) -> None:
        self.put(
            runtime, meeting_id, "some contract here", "the customer has one contract", "only weather", "weather again"
        )
        assert self.found(runtime, "customer contract") == ["the customer has one contract", "some contract here"]

    def test_a_word_is_found_by_its_beginning(self, runtime: Runtime, meeting_id: str) -> None:
        self.put(runtime, meeting_id, "It was released on Tuesday.", "unreleased")
        assert self.found(runtime, "release") == ["It was released on Tuesday."]

    @pytest.mark.parametrize("asked", ["CAFÉ", "cafe", "Café", "cafe\u0301", "ｃａｆｅ"])
    def test_letters_are_the_same_large_or_small_and_with_accents(
        self, runtime: Runtime, meeting_id: str, asked: str
    ) -> None:
        self.put(runtime, meeting_id, "We meet in the Café Zürich.")
        assert self.found(runtime, asked) == ["We meet in the Café Zürich."]

    def test_words_of_other_scripts_are_found(self, runtime: Runtime, meeting_id: str) -> None:
        self.put(runtime, meeting_id, "Договор готов", "straße und fluss")
        assert self.found(runtime, "договор") == ["Договор готов"]
        assert self.found(runtime, "STRASSE") == ["straße und fluss"]

    @pytest.mark.parametrize(
        "asked", ['con" OR "x', "contract* -ready +(", "contract') --", "NEAR(contract)", "contract:*&!"]
    )
    def test_what_is_asked_is_never_a_query_language(self, runtime: Runtime, meeting_id: str, asked: str) -> None:
        self.put(runtime, meeting_id, "The contract is ready.", "something else")
        assert self.found(runtime, asked) == ["The contract is ready."]

    def test_what_is_not_committed_is_not_there(self, runtime: Runtime, meeting_id: str) -> None:
        def fail() -> None:
            with runtime.writing() as work:
                index.put(work, [Document("chat", "x", meeting_id, AT, "a contract", meeting_id=meeting_id)])
                raise RuntimeError("undone")

        with pytest.raises(RuntimeError, match="undone"):
            fail()
        assert self.found(runtime, "contract") == []
        with runtime.reading() as work:
            assert self.words_kept(work) == 0

    def test_what_is_forgotten_is_gone_with_its_words(self, runtime: Runtime, meeting_id: str) -> None:
        self.put(runtime, meeting_id, "first contract", "second contract")
        with runtime.writing() as work:
            index.forget(work, "chat", "first contract")
        assert self.found(runtime, "contract") == ["second contract"]
        with runtime.writing() as work:
            index.forget_of(work, meeting_id, "notes")
        assert self.found(runtime, "contract") == ["second contract"]
        with runtime.writing() as work:
            index.forget_of(work, meeting_id)
            assert self.words_kept(work) == 0

    def test_a_meeting_takes_its_words_with_it(self, runtime: Runtime, anna: Person, meeting_id: str) -> None:
        self.put(runtime, meeting_id, "first contract")
        anna.post(f"/meetings/{meeting_id}/cancel")
        assert anna.delete(f"/meetings/{meeting_id}").status_code == 204
        assert self.found(runtime, "contract") == []
        with runtime.reading() as work:
            assert self.words_kept(work) == 0

    def test_only_what_is_asked_for_is_ranked(self, runtime: Runtime, anna: Person, meeting_id: str) -> None:
        self.put(runtime, meeting_id, "a contract")
        with runtime.reading() as work:
            of_nobody = select(SearchDocument.number).where(
                SearchDocument.meeting_id.in_(meetings.visible_to("somebody else"))
            )
            full_text = runtime.drivers[FullText]
            wanted = {"wanted": full_text.asked(["contract"])}
            assert work.scalars(full_text.ranked(of_nobody), wanted).all() == []

    def test_of_a_very_long_text_the_beginning_is_found(self, runtime: Runtime, meeting_id: str) -> None:
        self.put(runtime, meeting_id, "contract " + " ".join(f"word{number}" for number in range(20_000)) + " finally")
        assert len(self.found(runtime, "contract")) == 1
        assert self.found(runtime, "finally") == []

    def test_many_texts_are_put_at_once_each_under_its_own_number(self, runtime: Runtime, meeting_id: str) -> None:
        self.put(runtime, meeting_id, *(f"number{number} of many" for number in range(1_201)))
        for number in (0, 499, 500, 1_200):
            assert f"number{number} of many" in self.found(runtime, f"number{number}")
