from __future__ import annotations

from datetime import date, timedelta

import pytest

from app.notes.analysts.base import AnalysisContext, Analyst
from app.notes.analysts.mock import CANNED, MockAnalyst, due_date
from app.notes.canned.script import Script
from app.notes.canned.scripts import SCRIPTS
from app.notes.shapes import Analysis, Transcript, talk_of
from app.notes.transcribers.base import Speaker, TranscriptionRequest
from app.notes.transcribers.mock import MockTranscriber
from tests.drivers.analysts_suite import CONTEXT, CONVERSATION, FRIDAY, AnalystSuite, assert_evidence
from tests.drivers.typed_dicts import assert_shape

LABELS = ["Anna Berg", "Bob", "Chen"]
# The first meetings of which each gets another script.
MEETING_OF = {
    MockTranscriber().transcribe(TranscriptionRequest(f"m{number}", "", []))["model"]: f"m{number}"
    for number in reversed(range(100))
}


class TestMockAnalyst(AnalystSuite):
    def make_analyst(self) -> Analyst:
        return MockAnalyst()


def notes_of(meeting_id: str, labels: list[str] = LABELS) -> tuple[Transcript, Analysis]:
    speakers = [Speaker(f"p{number}", label) for number, label in enumerate(labels)]
    request = TranscriptionRequest(meeting_id, "Weekly call", speakers, duration_s=90)
    transcript = MockTranscriber().transcribe(request)
    return transcript, MockAnalyst().analyse(transcript, AnalysisContext(meeting_id, "Weekly call", FRIDAY))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
class TestEveryScript:
    def test_has_notes_of_every_kind_that_matters(self, script: Script) -> None:
        transcript, analysis = notes_of(MEETING_OF[script.model])
        assert transcript["model"] == script.model
        assert_shape(analysis, Analysis, "analysis")
        assert_evidence(analysis, transcript)
        for kind in ("key_points", "action_items", "decisions", "questions", "topics"):
            assert len(analysis[kind]) >= 2, kind
        assert analysis["entities"]
        assert analysis["warnings"] == [CANNED]

    def test_names_who_does_what_until_when(self, script: Script) -> None:
        transcript, analysis = notes_of(MEETING_OF[script.model])
        segments = {segment["id"]: segment for segment in transcript["segments"]}
        for item in analysis["action_items"]:
            said = segments[item["evidence"][0]]
            assert item["owner"] == said["speaker"]["label"]
            assert item["due_text"] is not None
            assert item["due_text"] in said["text"]
            assert "I'll" in said["text"]
            assert item["due"] is not None
            assert FRIDAY < date.fromisoformat(item["due"]) <= FRIDAY + timedelta(days=7)

    def test_tells_who_met_about_what(self, script: Script) -> None:
        _, analysis = notes_of(MEETING_OF[script.model])
        assert "“Weekly call”" in analysis["summary"]
        assert "Anna Berg, Bob and Chen" in analysis["summary"]

    def test_has_a_mood_that_fits_its_score(self, script: Script) -> None:
        _, analysis = notes_of(MEETING_OF[script.model])
        sentiment = analysis["sentiment"]
        assert sentiment["score"] == script.score
        expected = "positive" if script.score > 0.05 else "negative" if script.score < -0.05 else "neutral"
        assert sentiment["overall"] == expected
        assert set(sentiment["by_speaker"]) == set(LABELS)


def test_every_mood_occurs() -> None:
    moods = {notes_of(meeting_id)[1]["sentiment"]["overall"] for meeting_id in MEETING_OF.values()}
    assert moods == {"neutral", "positive", "negative"}


def test_the_same_meeting_always_gives_the_same_analysis() -> None:
    assert notes_of("m1") == notes_of("m1")


def test_talk_ratios_are_true_and_add_up() -> None:
    transcript, analysis = notes_of("m1")
    assert analysis["talk"] == talk_of(transcript)
    assert sum(talk["ratio"] for talk in analysis["talk"]) == pytest.approx(1, abs=0.001)


def test_claims_whose_segments_are_gone_are_not_made() -> None:
    transcript, analysis = notes_of("m1")
    kept: Transcript = {**transcript, "segments": transcript["segments"][:3]}
    fewer = MockAnalyst().analyse(kept, CONTEXT)
    assert_evidence(fewer, kept)
    assert 0 < len(fewer["key_points"]) < len(analysis["key_points"]) + len(analysis["decisions"])
    assert fewer["action_items"] == []


def test_a_summary_of_many_people_names_some() -> None:
    assert ": " not in notes_of("m1", ["Solo"])[1]["summary"]
    many = [f"P{number}" for number in range(40)]
    assert "P0, P1, P2, P3 and 36 others" in notes_of("m1", many)[1]["summary"]
    assert "P0, P1, P2, P3 and one other" in notes_of("m1", many[:5])[1]["summary"]


def test_another_providers_transcript_is_quoted() -> None:
    analysis = MockAnalyst().analyse(CONVERSATION, CONTEXT)
    said = {segment["id"]: segment["text"] for segment in CONVERSATION["segments"]}
    assert len(analysis["key_points"]) == 3
    for claim in analysis["key_points"]:
        assert claim["text"] == said[claim["evidence"][0]]
    assert analysis["warnings"] == [CANNED]
    assert analysis["action_items"] == []


@pytest.mark.parametrize(
    ("due_text", "day"),
    [
        ("tomorrow", 21),
        ("next Monday", 23),
        ("by Thursday", 26),
        ("by Friday", 27),
        ("by the end of it", None),
    ],
)
def test_a_day_is_counted_from_that_of_the_meeting(due_text: str, day: int | None) -> None:
    assert due_date(due_text, FRIDAY) == (date(2026, 11, day) if day else None)


def test_without_a_day_of_the_meeting_a_due_day_stays_open() -> None:
    transcript, _ = notes_of("m1")
    items = MockAnalyst().analyse(transcript, AnalysisContext("m1", "Weekly call"))["action_items"]
    assert items
    assert all(item["due"] is None and item["due_text"] for item in items)
