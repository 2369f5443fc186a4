"""Text without apostrophes, as some recognisers give it."""

from __future__ import annotations

import pytest

from app.notes.analysts.local.analyst import LocalAnalyst
from app.notes.analysts.local.spelling import spelled
from tests.drivers.analysts_suite import CONTEXT, transcript_of


@pytest.mark.parametrize(
    ("said", "owner", "due"),
    [
        ("ill send you the offer by friday", "Anna", "2026-11-27"),
        ("kyle ill send you the offer", "Anna", None),
        ("kyle ill send you the offer by friday", "Anna", "2026-11-27"),
        ("im going to call them tomorrow", "Anna", "2026-11-21"),
        ("I’ll send you the offer", "Anna", None),
        ("I`ll send you the offer", "Anna", None),
        ("well send the offer next monday", None, "2026-11-23"),
        ("kyle can you send me the offer by friday", "Kyle", "2026-11-27"),
        ("youll have the offer by friday", "Anna", "2026-11-27"),
        ("let me write that down for you by friday", "Anna", "2026-11-27"),
        ("thank you and ill write the minutes tomorrow", "Anna", "2026-11-21"),
    ],
)
def test_a_promise_is_found_with_its_owner_however_it_is_written(said: str, owner: str | None, due: str | None) -> None:
    transcript = transcript_of(("Kyle", "hello"), ("Anna", said))
    items = LocalAnalyst().analyse(transcript, CONTEXT)["action_items"]
    assert [(item["owner"], item["due"]) for item in items] == [(owner, due)]


@pytest.mark.parametrize(
    "said",
    [
        "she was ill yesterday",
        "he fell ill on friday",
        "ill people stay at home",
        "well done everybody",
        "he did well call him",
        "it went very well write that down",
        "he lets others go first",
        "im ill today",
    ],
)
def test_who_is_ill_or_did_well_has_promised_nothing(said: str) -> None:
    assert LocalAnalyst().analyse(transcript_of(("Kyle", "hello"), ("Anna", said)), CONTEXT)["action_items"] == []


def test_other_words_get_their_apostrophes_back() -> None:
    assert spelled(["We", "DONT", "think", "thats", "right"]) == ("we", "don't", "think", "that's", "right")
