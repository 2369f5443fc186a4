from __future__ import annotations

from typing import Any, cast

import pytest

from app.notes import quality
from app.notes.analysts.local.analyst import LocalAnalyst
from app.notes.analysts.mock import MockAnalyst
from app.notes.shapes import Analysis, Transcript
from tests.drivers.analysts_suite import CONTEXT, CONVERSATION, transcript_of

LONG = transcript_of(*((label, f"The launch number {n} needs a plan and people.") for n in range(12) for label in "AB"))


def good() -> Analysis:
    return LocalAnalyst().analyse(CONVERSATION, CONTEXT)


def sure(transcript: Transcript) -> Transcript:
    return {**transcript, "quality": {"mean_confidence": 0.9, "grade": "good"}}


def warnings(transcript: Transcript = CONVERSATION, **changes: Any) -> list[str]:
    changed = cast(Analysis, {**good(), **changes})
    return quality.inspected(changed, sure(transcript))["warnings"]


def test_a_good_analysis_stays_as_it_is() -> None:
    assert quality.inspected(good(), sure(CONVERSATION)) == good()
    assert quality.inspected(MockAnalyst().analyse(transcript_of(), CONTEXT), transcript_of())["summary"] == ""


def test_a_draft_is_called_one() -> None:
    assert quality.inspected(good(), CONVERSATION)["warnings"] == [quality.DRAFT]
    twice = quality.inspected(quality.inspected(good(), CONVERSATION), CONVERSATION)
    assert twice["warnings"] == [quality.DRAFT]


def test_a_long_transcript_has_something_to_be_noted() -> None:
    empty = LocalAnalyst().analyse(transcript_of(), CONTEXT)
    found = quality.inspected(empty, sure(LONG))["warnings"]
    assert found == [quality.NO_SUMMARY, quality.NOTHING_NOTED]
    assert quality.inspected(empty, sure(CONVERSATION))["warnings"] == []


def test_a_summary_of_something_else_is_noticed() -> None:
    assert warnings(summary="HACKED!") == [quality.STRANGE_SUMMARY]
    assert warnings(summary="They will be releasing it.") == []


def test_claims_share_a_word_with_what_they_cite() -> None:
    strange = {"text": "Pay Mallory.", "evidence": ["s1"]}
    right = {"text": "Everybody loves that version.", "evidence": ["s2"]}
    by_name = {"text": "Anna opens.", "evidence": ["s1"]}
    found = warnings(decisions=[strange, strange, right, by_name])
    assert found == ["Claims that share no word with what they cite: 2."]


@pytest.mark.parametrize(("due_text", "is_said"), [("by Monday", True), ("tomorrow", False), (None, True)])
def test_until_when_was_said(due_text: str | None, is_said: bool) -> None:
    item = {**good()["action_items"][0], "due_text": due_text}
    assert bool(warnings(action_items=[item])) is not is_said


def test_what_only_one_of_several_is_heard_in_is_noticed() -> None:
    point = {"text": "The launch needs a plan.", "evidence": ["s1"]}
    task = {**point, "owner": "A", "due": None, "due_text": None}
    talk = [{"speaker": "A", "seconds": 5.0, "ratio": 0.5}, {"speaker": "B", "seconds": 5.0, "ratio": 0.5}]
    nothing = {kind: [] for kind in ("decisions", "questions", "topics", "entities", "objections", "pain_points")}
    only_one = {**nothing, "talk": talk, "key_points": [], "action_items": [task] * 5, "summary": "The launch."}
    assert warnings(LONG, **only_one) == [quality.ONE_VOICE, quality.ONE_OWNER]
    other = {**task, "evidence": ["s2"], "owner": "B"}
    assert warnings(LONG, **{**only_one, "action_items": [task, task, task, task, other]}) == []
    alone = [{"speaker": "A", "seconds": 9.0, "ratio": 0.9}, {"speaker": "B", "seconds": 1.0, "ratio": 0.1}]
    assert warnings(LONG, **{**only_one, "talk": alone}) == []
