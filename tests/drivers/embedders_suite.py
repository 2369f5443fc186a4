"""What every embedder must do: a rung's test class inherits this and makes the embedder."""

from __future__ import annotations

import numpy as np
import pytest

from app.notes.embedders.base import Embedder


class EmbedderSuite:
    def make_embedder(self) -> Embedder:
        raise NotImplementedError

    @pytest.fixture
    def embedder(self) -> Embedder:
        return self.make_embedder()

    def test_a_vector_for_each_text_in_their_order(self, embedder: Embedder) -> None:
        both, one = embedder.embed(["the contract", "the customer"]), embedder.embed(["the customer"])
        assert both.shape == (2, one.shape[1])
        assert both.dtype == np.float32
        assert np.allclose(both[1], one[0])

    def test_vectors_have_the_length_of_one(self, embedder: Embedder) -> None:
        assert np.allclose(np.linalg.norm(embedder.embed(["a contract", "Vertrag", "договор"]), axis=1), 1)

    def test_the_same_text_is_as_alike_as_can_be(self, embedder: Embedder) -> None:
        [first], [second] = embedder.embed(["the contract"]), embedder.embed(["the contract"])
        assert float(first @ second) == pytest.approx(1, abs=1e-4)

    def test_no_texts_give_no_vectors(self, embedder: Embedder) -> None:
        assert len(embedder.embed([])) == 0

    def test_an_empty_text_breaks_nothing(self, embedder: Embedder) -> None:
        assert np.isfinite(embedder.embed(["", "  ", "…"])).all()

    def test_it_has_a_name_that_fits_its_column(self, embedder: Embedder) -> None:
        assert 0 < len(embedder.name) <= 64
        assert 0 < embedder.threshold < 1

    def test_closing_twice_is_fine(self, embedder: Embedder) -> None:
        embedder.close()
        embedder.close()
