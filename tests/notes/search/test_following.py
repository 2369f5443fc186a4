"""The index follows what is written: soon, once, and whatever fails on the way."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sqlalchemy import func, select

from app.core.runtime import Runtime
from app.notes.embedders.base import Embedder, EmbedderFailed
from app.notes.embedders.hashed import HashedEmbedder
from app.notes.search import following, gathering, index
from app.notes.search.base import Likeness
from app.notes.search.following import follow
from app.notes.search.models import SearchDocument, SearchPending, SearchVector
from app.notes.search.vectors import Memory
from app.notes.spending import Bill
from tests.support.people import Call, Person, ok

if TYPE_CHECKING:
    from app.notes.embedders.base import Vectors


def texts(runtime: Runtime, kind: str) -> list[str]:
    with runtime.reading() as work:
        kept = select(SearchDocument.text).where(SearchDocument.kind == kind).order_by(SearchDocument.number)
        return list(work.scalars(kept))


def count(runtime: Runtime, model: type) -> int:
    with runtime.reading() as work:
        return work.scalar(select(func.count()).select_from(model)) or 0


def asked(person: Person, q: str) -> list[dict[str, Any]]:
    """As the index is now."""
    items: list[dict[str, Any]] = ok(person.get("/search", q=q))["items"]
    return items


def say(call: Call, text: str) -> None:
    ok(call.owner.post(f"/meetings/{call.meeting['id']}/messages", {"text": text}), 201)


def test_a_message_is_found_after_its_index_has_followed(call: Call, runtime: Runtime) -> None:
    say(call, "The contract is ready")
    assert asked(call.owner, "contract") == []
    follow(runtime, {})
    assert [item["snippet"] for item in asked(call.owner, "contract")] == ["The contract is ready"]
    assert count(runtime, SearchPending) == 0


def test_a_source_that_changed_twice_stands_in_the_index_once(anna: Person, runtime: Runtime) -> None:
    meeting = anna.create_meeting(title="First")
    for version, title in ((meeting["version"], "Second"), (meeting["version"] + 1, "Third")):
        ok(anna.patch(f"/meetings/{meeting['id']}", {"title": title}, version))
    follow(runtime, {})
    follow(runtime, {})
    assert texts(runtime, "title") == ["Third"]


def test_two_that_follow_at_once_put_everything_once(call: Call, runtime: Runtime) -> None:
    follow(runtime, {})
    for number in range(30):
        say(call, f"message {number}")
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(follow, runtime, {}) for _ in range(2)]:
            done.result()
    follow(runtime, {})
    assert sorted(texts(runtime, "chat")) == sorted(f"message {number}" for number in range(30))
    assert count(runtime, SearchVector) == count(runtime, SearchDocument)


def test_what_fails_is_done_by_the_next_run(call: Call, runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    say(call, "The contract is ready")

    def fails(*_: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(gathering, "messages", fails)
        with pytest.raises(RuntimeError, match="killed"):
            follow(runtime, {})
    assert count(runtime, SearchPending) > 0
    follow(runtime, {})
    assert texts(runtime, "chat") == ["The contract is ready"]


def test_what_cannot_be_put_holds_nothing_else_up(
    call: Call, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow(runtime, {})
    monkeypatch.setattr(following, "SOURCES_AT_ONCE", 1)

    def fails(*_: object) -> None:
        raise RuntimeError("no such shape")

    monkeypatch.setattr(gathering, "notes", fails)
    with runtime.writing() as work:
        index.later(work, "notes", "broken")
    say(call, "The contract is ready")
    for _ in range(2):
        with pytest.raises(RuntimeError, match="no such shape"):
            follow(runtime, {})
    assert texts(runtime, "chat") == ["The contract is ready"]
    assert count(runtime, SearchPending) == 1


def test_more_than_one_run_can_do_is_done_by_several(
    call: Call, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow(runtime, {})
    monkeypatch.setattr(following, "SOURCES_AT_ONCE", 2)
    monkeypatch.setattr(following, "DOCUMENTS_PER_RUN", 3)
    for number in range(5):
        say(call, f"message {number}")
    follow(runtime, {})
    assert len(texts(runtime, "chat")) == 4
    follow(runtime, {})
    assert len(texts(runtime, "chat")) == 5


def test_what_is_gone_before_it_was_looked_at_is_not_found(call: Call, runtime: Runtime) -> None:
    say(call, "The contract is ready")
    assert call.owner.delete(f"/meetings/{call.meeting['id']}/messages").status_code in (200, 204)
    with runtime.writing() as work:
        index.later(work, "title", "nowhere")
        index.later(work, "notes", "nowhere")
    follow(runtime, {})
    assert texts(runtime, "chat") == []
    assert count(runtime, SearchPending) == 0


class Away(HashedEmbedder):
    """One on a server that can be away."""

    name = "elsewhere"
    is_remote = True
    is_away = True

    def embed(self, texts: Any, bill: Bill | None = None) -> Vectors:
        if self.is_away:
            raise EmbedderFailed("the server does not answer")
        return super().embed(texts, bill)

    def embed_question(self, text: str) -> Vectors | None:
        return None if self.is_away else super().embed_question(text)


def test_while_the_embedder_is_away_words_are_found(call: Call, runtime: Runtime) -> None:
    embedder = Away()
    runtime.drivers[Embedder], runtime.drivers[Likeness] = embedder, Memory(embedder.name)
    say(call, "The contract is ready")
    follow(runtime, {})
    assert len(asked(call.owner, "contract")) == 1
    with pytest.raises(EmbedderFailed):
        following.embed(runtime, {})
    embedder.is_away = False
    assert asked(call.owner, "contrakt") == []
    following.embed(runtime, {})
    assert len(asked(call.owner, "contrakt")) == 1


def test_another_embedder_makes_the_vectors_anew(call: Call, runtime: Runtime) -> None:
    say(call, "The contract is ready")
    follow(runtime, {})
    embedder = Away()
    embedder.is_away = False
    runtime.drivers[Embedder], runtime.drivers[Likeness] = embedder, Memory(embedder.name)
    follow(runtime, {})
    assert count(runtime, SearchVector) == count(runtime, SearchDocument)
    with runtime.reading() as work:
        assert set(work.scalars(select(SearchVector.embedder))) == {"elsewhere"}
    assert len(asked(call.owner, "contrakt")) == 1


def test_vectors_are_kept_in_small_numbers() -> None:
    assert following.packed(np.array([0.5, -0.25, 0.0], np.float32)) == bytes([127, 256 - 64, 0])
    assert following.packed(np.zeros(3, np.float32)) == bytes(3)


class Sold(Away):
    """Each text costs a cent."""

    is_away = False

    def price(self, texts: Any) -> float:
        return 0.01 * len(texts)

    def embed(self, texts: Any, bill: Bill | None = None) -> Vectors:
        if bill is not None:
            bill.model, bill.input_tokens = "sold-1", 3
        return super().embed(texts)


@pytest.fixture
def sold(runtime: Runtime) -> Sold:
    embedder = Sold()
    runtime.drivers[Embedder], runtime.drivers[Likeness] = embedder, Memory(embedder.name)
    return embedder


def spent(person: Person) -> list[tuple[str, str, float]]:
    items = ok(person.get("/auth/me/spending"))["items"]
    return [(one["stage"], one["model"], pytest.approx(one["cost_usd"])) for one in items]


def test_what_vectors_cost_is_booked_on_who_owns_the_meeting(call: Call, runtime: Runtime, sold: Sold) -> None:
    say(call, "The contract is ready")
    follow(runtime, {})
    assert spent(call.owner) == [("embed", "sold-1", 0.02)], "a title and a message"
    assert spent(call.guest) == []


def test_where_the_budget_is_spent_words_are_found_all_the_same(call: Call, runtime: Runtime, sold: Sold) -> None:
    runtime.settings = runtime.settings.model_copy(update={"notes_budget_usd": 0.02})
    follow(runtime, {})
    say(call, "The contract is ready")
    say(call, "The invoice too")
    follow(runtime, {})
    assert spent(call.owner) == [("embed", "sold-1", 0.01)]
    assert [item["snippet"] for item in asked(call.owner, "contract")] == ["The contract is ready"]
    assert asked(call.owner, "contrakt") == []
