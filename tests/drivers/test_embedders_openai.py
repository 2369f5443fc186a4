"""The rung that asks a server, against one that does what such servers do."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from app.notes.embedders.base import Embedder, EmbedderFailed
from app.notes.embedders.openai import LONGEST_TEXT, TEXTS_AT_ONCE, OpenAiEmbedder
from app.notes.model_server import TRIES
from app.notes.spending import Bill
from tests.drivers.embedders_suite import EmbedderSuite
from tests.support.openai_server import (
    DIMENSIONS,
    KEY,
    OpenAiServer,
    Reply,
    busy,
    cut_off,
    embeddings,
    error,
    never,
    openai_server,
)


@pytest.fixture
def server() -> Iterator[OpenAiServer]:
    with openai_server() as server:
        yield server


@pytest.fixture
def embedder(server: OpenAiServer) -> Iterator[OpenAiEmbedder]:
    made = OpenAiEmbedder(server.url, KEY, "small", 0.3, 0.02, answer_s=1, question_s=0.3, sleep=lambda _: None)
    yield made
    made.close()


class TestOpenAiEmbedder(EmbedderSuite):
    @pytest.fixture
    def embedder(self, embedder: OpenAiEmbedder) -> Embedder:
        return embedder


def test_many_texts_are_asked_in_pieces_and_long_ones_cut(server: OpenAiServer, embedder: OpenAiEmbedder) -> None:
    texts = [f"text {number}" for number in range(TEXTS_AT_ONCE + 1)] + ["x" * (LONGEST_TEXT + 5)]
    assert embedder.embed(texts).shape == (len(texts), DIMENSIONS)
    assert [len(one.body["input"]) for one in server.asked] == [TEXTS_AT_ONCE, 2]
    assert len(server.asked[1].body["input"][1]) == LONGEST_TEXT
    assert server.asked[0].body["model"] == "small"


def test_nothing_is_asked_about_nothing(server: OpenAiServer, embedder: OpenAiEmbedder) -> None:
    vectors = embedder.embed(["", "a contract", " "])
    assert server.asked[0].body["input"] == ["a contract"]
    assert [bool(vector.any()) for vector in vectors] == [False, True, False]


def test_vectors_that_come_in_another_order_are_put_right(server: OpenAiServer, embedder: OpenAiEmbedder) -> None:
    right = embedder.embed(["a", "b"])
    server.answers(lambda asked: Reply({"data": embeddings(asked).body["data"][::-1]}))
    assert np.allclose(embedder.embed(["a", "b"]), right)


@pytest.mark.parametrize("reply", [busy("1"), error(500), cut_off(Reply({"data": []})), Reply(b"<html>", 200)])
def test_what_passes_is_asked_again(server: OpenAiServer, embedder: OpenAiEmbedder, reply: Reply) -> None:
    server.answers(reply)
    assert embedder.embed(["a"]).any()


@pytest.mark.parametrize(
    "body",
    [
        {"data": []},
        {"data": None},
        {"data": [{"index": 0, "embedding": None}]},
        {"data": [{"index": 0, "embedding": []}]},
        {"data": [{"index": 0, "embedding": ["x"]}]},
        {"data": [{"index": 0, "embedding": [float("inf")]}]},
        [1],
    ],
)
def test_what_are_no_vectors_is_refused(server: OpenAiServer, embedder: OpenAiEmbedder, body: object) -> None:
    server.answers(Reply(body))
    with pytest.raises(EmbedderFailed):
        embedder.embed(["a"])


@pytest.mark.parametrize("reply", [error(400, "no such model"), error(401)])
def test_a_refusal_is_said(server: OpenAiServer, embedder: OpenAiEmbedder, reply: Reply) -> None:
    server.answers(reply)
    with pytest.raises(EmbedderFailed, match="refuse"):
        embedder.embed(["a"])


def test_a_server_that_stays_away_fails(server: OpenAiServer, embedder: OpenAiEmbedder) -> None:
    server.answers(*[error(503)] * TRIES)
    with pytest.raises(EmbedderFailed):
        embedder.embed(["a"])


@pytest.mark.parametrize("reply", [error(503), never(), error(400)])
def test_a_question_waits_for_no_one(server: OpenAiServer, embedder: OpenAiEmbedder, reply: Reply) -> None:
    server.answers(reply)
    assert embedder.embed_question("contract") is None
    assert len(server.asked) == 1, "it is not asked again"
    assert embedder.embed_question("contract") is not None, "nor is the failure kept"


def test_a_question_is_asked_once(server: OpenAiServer, embedder: OpenAiEmbedder) -> None:
    first, second = embedder.embed_question("contract"), embedder.embed_question("contract")
    assert first is not None
    assert second is not None
    assert np.array_equal(first, second)
    assert len(server.asked) == 1
    assert embedder.embed_question("  ") is None


def test_the_bill_says_what_the_server_took(embedder: OpenAiEmbedder) -> None:
    bill = Bill(embedder.price(["a contract", "of two"]))
    embedder.embed(["a contract", "of two"], bill)
    assert (bill.model, bill.input_tokens, bill.cost_usd) == ("small", 4, pytest.approx(4 * 0.02 / 1e6))


def test_the_price_is_an_upper_bound(server: OpenAiServer, embedder: OpenAiEmbedder) -> None:
    assert embedder.price(["äb"]) == pytest.approx(3 * 0.02 / 1e6)
    unknown = OpenAiEmbedder(server.url, KEY, "small", 0.3)
    assert unknown.price(["a"]) is None
