"""Whatever people say: what is claimed of it, they said."""

from __future__ import annotations

from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from app.notes.analysts.local.analyst import LocalAnalyst
from app.notes.analysts.local.sentences import WORD
from app.notes.shapes import CLAIM_KINDS, Analysis
from tests.drivers.analysts_suite import CONTEXT, assert_evidence, transcript_of
from tests.drivers.typed_dicts import assert_shape

PARTS = st.sampled_from(
    [
        *(
            "I'll send the contract by Friday",
            "Bob can you call the customer",
            "we decided to launch in march",
            "Agreed.",
        ),
        *(
            "What is the price?",
            "that is too expensive",
            "it keeps crashing",
            "okay",
            "200 dollars",
            "…",
            "¿",
            " ",
            "the",
        ),
        *(
            "sure",
            "could somebody prepare the slides tomorrow",
            "GitHub",
            "I don't think so.",
            "That is decided.",
            "3rd",
        ),
    ]
)
LABELS = st.sampled_from(["Anna Berg", "Bob", "Bob (2)", "Chen", "?!", "李"])
LINES = st.lists(st.tuples(LABELS, st.lists(PARTS | st.text(max_size=12), max_size=5).map(" ".join)), max_size=12)


@given(LINES, st.lists(st.floats(0, 3), min_size=12, max_size=12))
def test_every_claim_is_in_the_words_of_the_segments_that_it_cites(
    lines: list[tuple[str, str]], pauses: list[float]
) -> None:
    transcript = transcript_of(*lines)
    now = 0.0
    for segment, pause in zip(transcript["segments"], pauses, strict=False):
        segment["start_s"], segment["end_s"] = now + pause, now + pause + 2
        now += pause + 2
    analysis = LocalAnalyst().analyse(transcript, CONTEXT)
    assert_shape(analysis, Analysis, "analysis")
    assert_evidence(analysis, transcript)
    texts = {segment["id"]: segment["text"] for segment in transcript["segments"]}
    labels = {segment["speaker"]["label"] for segment in transcript["segments"]}
    for kind in CLAIM_KINDS:
        for claim in cast(dict[str, Any], analysis)[kind]:
            said = {word for one in claim["evidence"] for word in WORD.findall(texts[one].casefold())}
            if claim.get("type") != "person":
                assert set(WORD.findall(claim["text"].casefold())) <= said, (kind, claim)
    for item in analysis["action_items"]:
        assert item["owner"] in {*labels, None}
        assert item["due"] is None or item["due"] >= "2026-11-20"
