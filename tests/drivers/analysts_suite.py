"""What every analyst must do: a rung's test class inherits this and makes the analyst."""

from __future__ import annotations

import copy
import json
from datetime import date
from typing import Any, cast

import pytest

from app.notes.analysts.base import AnalysisContext, Analyst
from app.notes.shapes import CLAIM_KINDS, Analysis, Segment, Transcript, quality_of, talk_of
from tests.drivers.typed_dicts import assert_shape

FRIDAY = date(2026, 11, 20)
CONTEXT = AnalysisContext("m1", "Weekly call", FRIDAY)


def transcript_of(*lines: tuple[str, str]) -> Transcript:
    """A transcript as a real provider would give it, from who said what, in five seconds each."""
    segments: list[Segment] = [
        {
            "id": f"s{number}",
            "track_id": f"track-of-{label}",
            "speaker": {"id": f"id-of-{label}", "label": label, "source": "track"},
            "start_s": 5.0 * number,
            "end_s": 5.0 * number + 4.0,
            "text": text,
            "confidence": None,
            "words": [],
        }
        for number, (label, text) in enumerate(lines, start=1)
    ]
    return {
        "version": 1,
        "language": "en",
        "provider": "somebody",
        "model": "something",
        "quality": quality_of(segments, "somebody"),
        "segments": segments,
    }


CONVERSATION = transcript_of(
    ("Anna", "Good morning. Today we have to decide when the new version is released."),
    ("Bob", "The tests are green, and everybody who tried it loves it."),
    ("Anna", "Great. Then we release it on Tuesday. That is decided."),
    ("Bob", "I will write the announcement by Monday."),
    ("Chen", "Do we need a new certificate for that?"),
    ("Bob", "No, the old one is good until March."),
)


class AnalystSuite:
    def make_analyst(self) -> Analyst:
        raise NotImplementedError

    @pytest.fixture
    def analyst(self) -> Analyst:
        return self.make_analyst()

    @pytest.fixture
    def analysis(self, analyst: Analyst) -> Analysis:
        return analyst.analyse(CONVERSATION, CONTEXT)

    def test_an_analysis_has_its_shape_and_is_json(self, analysis: Analysis) -> None:
        assert_shape(analysis, Analysis, "analysis")
        assert json.loads(json.dumps(analysis)) == analysis

    def test_an_analysis_tells_its_provider(self, analyst: Analyst, analysis: Analysis) -> None:
        assert analysis["provider"] == analyst.name
        assert isinstance(analyst.is_mock, bool)

    def test_there_is_a_summary_and_something_to_it(self, analysis: Analysis) -> None:
        assert analysis["summary"].strip()
        assert analysis["key_points"]

    def test_every_claim_cites_segments_that_exist(self, analysis: Analysis) -> None:
        assert_evidence(analysis, CONVERSATION)

    def test_owners_are_people_who_were_there_and_due_days_are_dates(self, analysis: Analysis) -> None:
        for item in analysis["action_items"]:
            assert item["owner"] in ("Anna", "Bob", "Chen", None)
            assert item["due"] is None or date.fromisoformat(item["due"]) >= FRIDAY

    def test_talk_is_counted_from_the_segments(self, analysis: Analysis) -> None:
        assert analysis["talk"] == talk_of(CONVERSATION)

    def test_sentiment_is_of_those_who_spoke_and_within_its_bounds(self, analysis: Analysis) -> None:
        sentiment = analysis["sentiment"]
        assert set(sentiment["by_speaker"]) <= {"Anna", "Bob", "Chen"}
        assert all(-1 <= score <= 1 for score in sentiment["by_speaker"].values())
        assert sentiment["score"] is None or -1 <= sentiment["score"] <= 1

    def test_where_nobody_spoke_nothing_is_claimed(self, analyst: Analyst) -> None:
        analysis = analyst.analyse(transcript_of(), CONTEXT)
        assert_shape(analysis, Analysis, "analysis")
        assert all(cast(dict[str, Any], analysis)[kind] == [] for kind in CLAIM_KINDS)
        assert analysis["talk"] == []
        assert analysis["sentiment"]["overall"] == "neutral"
        assert analysis["sentiment"]["by_speaker"] == {}

    def test_what_it_costs_at_about_is_known_before_or_not_at_all(self, analyst: Analyst) -> None:
        price = analyst.price(CONVERSATION, CONTEXT)
        assert price is None or price >= 0
        assert not analyst.is_mock or price == 0

    def test_a_transcript_is_left_as_it_was(self, analyst: Analyst) -> None:
        before = copy.deepcopy(CONVERSATION)
        analyst.analyse(CONVERSATION, CONTEXT)
        assert before == CONVERSATION

    def test_without_a_day_of_the_meeting_it_is_analysed_too(self, analyst: Analyst) -> None:
        assert_shape(analyst.analyse(CONVERSATION, AnalysisContext("m1", "Weekly call")), Analysis)

    def test_a_good_analyst_is_usable(self, analyst: Analyst) -> None:
        analyst.usable()

    def test_closing_twice_is_fine(self, analyst: Analyst) -> None:
        analyst.close()
        analyst.close()


def assert_evidence(analysis: Analysis, transcript: Transcript) -> None:
    existing = {segment["id"] for segment in transcript["segments"]}
    for kind in CLAIM_KINDS:
        for claim in cast(dict[str, Any], analysis)[kind]:
            assert claim["text"].strip(), kind
            assert claim["evidence"], kind
            assert existing.issuperset(claim["evidence"]), kind
