from __future__ import annotations

from dataclasses import replace

import pytest

from app.notes.shapes import Transcript, transcript_text
from app.notes.transcribers.base import Speaker, Transcriber, TranscriptionRequest
from app.notes.transcribers.mock import MockTranscriber
from tests.drivers.transcribers_suite import TranscriberSuite

ANNA, BOB, CHEN = Speaker("p1", "Anna Berg", "t1"), Speaker("p2", "Bob"), Speaker("p3", "Chen")
REQUEST = TranscriptionRequest("m1", "Weekly call", [ANNA, BOB, CHEN])


class TestMockTranscriber(TranscriberSuite):
    def make_transcriber(self) -> Transcriber:
        return MockTranscriber()


def transcribe(request: TranscriptionRequest) -> Transcript:
    return MockTranscriber().transcribe(request)


def test_the_same_meeting_always_gives_the_same_transcript() -> None:
    assert transcribe(REQUEST) == transcribe(REQUEST)


def test_what_a_meeting_gets_is_the_same_in_every_process_and_version() -> None:
    """Random is seeded with text, whose hash Python would salt anew in every process if it were used."""
    models = [transcribe(replace(REQUEST, meeting_id=f"m{number}"))["model"] for number in range(4)]
    assert models == [
        "canned-retrospective",
        "canned-customer-escalation",
        "canned-budget-planning",
        "canned-budget-planning",
    ]


def test_meetings_differ_and_several_scripts_are_played() -> None:
    models = {transcribe(replace(REQUEST, meeting_id=f"m{number}"))["model"] for number in range(60)}
    assert len(models) == 6
    assert all(model.startswith("canned-") for model in models)


def test_it_is_a_conversation_under_the_meetings_title() -> None:
    for number in range(20):
        transcript = transcribe(replace(REQUEST, meeting_id=f"m{number}"))
        speakers = [segment["speaker"]["label"] for segment in transcript["segments"]]
        assert set(speakers) == {"Anna Berg", "Bob", "Chen"}
        assert speakers[0] == "Anna Berg"
        assert "Weekly call" in transcript["segments"][0]["text"]
        assert len(transcript["segments"]) >= 12


@pytest.mark.parametrize("people", [1, 2, 4, 5, 40])
def test_everybody_who_was_there_speaks(people: int) -> None:
    speakers = [Speaker(f"p{number}", f"Person {number}") for number in range(people)]
    transcript = transcribe(replace(REQUEST, speakers=speakers))
    assert {segment["speaker"]["id"] for segment in transcript["segments"]} == {s.id for s in speakers}


def test_without_speakers_one_unknown_person_says_it_all() -> None:
    transcript = transcribe(replace(REQUEST, speakers=[]))
    heard = [segment["speaker"] for segment in transcript["segments"]]
    assert heard[0] == {"id": "unknown", "label": "Speaker", "source": "unknown"}
    assert all(speaker == heard[0] for speaker in heard)


def test_a_short_call_has_the_whole_conversation_spoken_faster() -> None:
    long, short = transcribe(REQUEST), transcribe(replace(REQUEST, duration_s=8.0))
    assert transcript_text(short) == transcript_text(long)
    assert long["segments"][-1]["end_s"] > 20
    assert 7.9 < short["segments"][-1]["end_s"] <= 8.0
    assert all(segment["start_s"] < segment["end_s"] for segment in short["segments"])


def test_a_long_call_is_not_stretched() -> None:
    assert transcribe(replace(REQUEST, duration_s=3600.0)) == transcribe(REQUEST)


def test_a_recording_of_no_length_has_no_times_outside_it() -> None:
    transcript = transcribe(replace(REQUEST, duration_s=0.0))
    assert {segment["end_s"] for segment in transcript["segments"]} == {0.0}


def test_the_text_is_english_and_says_so_whatever_was_asked_for() -> None:
    assert transcribe(replace(REQUEST, language="de")) == transcribe(replace(REQUEST, language="en"))
    assert transcribe(replace(REQUEST, language="de"))["language"] == "en"


@pytest.mark.parametrize("odd", ["{0} {title} {nobody} %s", "", " \n ", "<script>", "a\nb: c", "}{"])
def test_odd_names_and_titles_are_only_text(odd: str) -> None:
    for number in range(12):
        request = TranscriptionRequest(f"m{number}", odd, [Speaker("p1", odd), Speaker("p2", odd)])
        lines = transcript_text(transcribe(request)).split("\n")
        assert len(lines) == len(transcribe(request)["segments"])
