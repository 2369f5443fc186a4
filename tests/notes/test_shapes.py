from __future__ import annotations

import pytest

from app.notes.analysts.mock import MockAnalyst
from app.notes.shapes import Analysis, check_evidence, quality_of, talk_of, transcript_text
from app.notes.transcribers.base import Speaker, distinct
from tests.drivers.analysts_suite import CONTEXT, CONVERSATION, transcript_of


def test_a_transcript_reads_as_lines_of_who_said_what() -> None:
    transcript = transcript_of(("Anna", "Good morning."), ("Bob", "Hello."))
    assert transcript_text(transcript) == "Anna: Good morning.\nBob: Hello."


def test_a_line_break_in_a_name_or_text_starts_no_line() -> None:
    transcript = transcript_of(("An\nna", "Yes.\nBob: No.\u2028Never."))
    assert transcript_text(transcript) == "An na: Yes. Bob: No. Never."


def test_a_transcript_of_nothing_reads_as_nothing() -> None:
    assert transcript_text(transcript_of()) == ""


def test_talk_is_shared_out_by_seconds_the_longest_first() -> None:
    transcript = transcript_of(("Anna", "…"), ("Bob", "…"), ("Bob", "…"), ("Bob", "…"))
    assert talk_of(transcript) == [
        {"speaker": "Bob", "seconds": 12.0, "ratio": 0.75},
        {"speaker": "Anna", "seconds": 4.0, "ratio": 0.25},
    ]


def test_talk_without_any_length_has_ratios_of_zero() -> None:
    transcript = transcript_of(("Anna", "…"))
    transcript["segments"][0]["end_s"] = transcript["segments"][0]["start_s"]
    assert talk_of(transcript) == [{"speaker": "Anna", "seconds": 0.0, "ratio": 0.0}]


@pytest.mark.parametrize(
    ("confidences", "mean", "grade"),
    [
        ([0.9, 0.8], 0.85, "good"),
        ([0.8], 0.8, "good"),
        ([0.79], 0.79, "fair"),
        ([0.5, None], 0.5, "fair"),
        ([0.49], 0.49, "draft"),
        ([None], None, "draft"),
        ([], None, "draft"),
    ],
)
def test_quality_is_the_mean_of_what_is_known(confidences: list[float | None], mean: float | None, grade: str) -> None:
    segments = transcript_of(*[("Anna", "…")] * len(confidences))["segments"]
    for segment, confidence in zip(segments, confidences, strict=True):
        segment["confidence"] = confidence
    assert quality_of(segments, "somebody") == {"mean_confidence": mean, "grade": grade}


def test_what_a_confidence_is_worth_depends_on_who_tells_it() -> None:
    [segment] = transcript_of(("Anna", "Good morning."))["segments"]
    segment["confidence"] = 0.6
    assert quality_of([segment], "local")["grade"] == "draft"
    assert quality_of([segment], "whisper")["grade"] == "fair"


def test_a_long_remark_counts_for_more_than_a_short_one() -> None:
    segments = transcript_of(("Anna", "Yes."), ("Anna", "We have seen that before."))["segments"]
    segments[0]["confidence"], segments[1]["confidence"] = 0.3, 0.9
    assert quality_of(segments, "somebody")["mean_confidence"] == 0.8


def test_the_grade_is_that_of_whoever_is_understood_worst_of_those_who_say_much() -> None:
    segments = transcript_of(("Anna", "one two three four five six"), ("Bob", "one two"))["segments"]
    segments[0]["confidence"], segments[1]["confidence"] = 0.9, 0.4
    assert quality_of(segments, "somebody")["grade"] == "draft"
    segments[1]["text"] = "one"
    assert quality_of(segments, "somebody")["grade"] == "good"


@pytest.fixture
def analysis() -> Analysis:
    return MockAnalyst().analyse(CONVERSATION, CONTEXT)


def test_an_analysis_with_good_evidence_stays_as_it_is(analysis: Analysis) -> None:
    assert check_evidence(analysis, CONVERSATION) == analysis


@pytest.mark.parametrize("evidence", [[], ["s99"], ["s1", "s99"], ["S1"]])
def test_a_claim_that_cites_what_does_not_exist_is_dropped_and_counted(analysis: Analysis, evidence: list[str]) -> None:
    analysis["decisions"] = [{"text": "Made up", "evidence": evidence}, {"text": "True", "evidence": ["s1"]}]
    analysis["action_items"] = [{"text": "Made up", "evidence": evidence, "owner": None, "due": None, "due_text": None}]
    checked = check_evidence(analysis, CONVERSATION)
    assert checked["decisions"] == [{"text": "True", "evidence": ["s1"]}]
    assert checked["action_items"] == []
    assert checked["key_points"] == analysis["key_points"]
    assert checked["warnings"][-1] == "Claims dropped because they cite no segment of this transcript: 2."
    assert len(analysis["decisions"]) == 2, "what was given is left as it was"
    assert len(checked["warnings"]) == len(analysis["warnings"]) + 1


def test_people_of_one_name_are_told_apart() -> None:
    speakers = [
        Speaker(str(n), label)
        for n, label in enumerate(["Anna", "Anna (2)", "Anna", " An\n na", "An na", "", "Anna", ""])
    ]
    labels = [speaker.label for speaker in distinct(speakers)]
    assert labels == [
        "Anna",
        "Anna (2)",
        "Anna (3)",
        "An na",
        "An na (2)",
        "Participant 6",
        "Anna (4)",
        "Participant 8",
    ]
    assert [speaker.id for speaker in distinct(speakers)] == [str(n) for n in range(8)]
