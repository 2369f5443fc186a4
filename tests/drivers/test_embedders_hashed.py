from __future__ import annotations

import pytest

from app.notes.embedders.base import Embedder
from app.notes.embedders.hashed import HashedEmbedder
from tests.drivers.embedders_suite import EmbedderSuite


class TestHashedEmbedder(EmbedderSuite):
    def make_embedder(self) -> Embedder:
        return HashedEmbedder()


def likeness(first: str, second: str) -> float:
    one, other = HashedEmbedder().embed([first, second])
    return float(one @ other)


@pytest.mark.parametrize(
    ("right", "misheard"),
    [("contract", "contrakt"), ("Kubernetes", "cubernetes"), ("the certificate expires", "certifcate expired")],
)
def test_what_is_misspelt_is_alike(right: str, misheard: str) -> None:
    assert likeness(right, misheard) > HashedEmbedder.threshold
    assert likeness(right, misheard) > likeness(right, "weather forecast") + 0.2


def test_capitals_and_accents_make_no_difference() -> None:
    assert likeness("CAFÉ Zürich", "cafe zurich") == pytest.approx(1, abs=1e-4)


def test_texts_about_other_things_are_not_alike() -> None:
    assert abs(likeness("the contract with the customer", "snow fell over night")) < HashedEmbedder.threshold
