"""What was heard becomes a transcript, whoever heard it."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.notes.shapes import Word
from app.notes.transcribers.assembling import Heard, at_pauses, transcript, with_words
from app.notes.transcribers.base import Sound, Speaker, TranscriptionRequest

ANNA, OTHER_ANNA = Speaker("p1", "Anna", "t1"), Speaker("p2", "Anna", "t2")


def word(text: str, start_s: float, end_s: float, confidence: float | None = 0.5) -> Word:
    return {"text": text, "start_s": start_s, "end_s": end_s, "confidence": confidence}


def request(duration_s: float | None = 10) -> TranscriptionRequest:
    return TranscriptionRequest("m1", "Call", [ANNA, OTHER_ANNA], duration_s=duration_s)


def sound(speaker: Speaker) -> Sound:
    return Sound(Path("x.wav"), speaker, "track")


def test_words_are_parted_where_somebody_pauses_for_longer_than_a_third_of_a_second() -> None:
    words = [word("a", 0, 1), word("b", 1.34, 2), word("c", 2.36, 3, None)]
    assert [(one.text, one.start_s, one.end_s, one.confidence) for one in at_pauses(words)] == [
        ("a b", 0, 2, 0.5),
        ("c", 2.36, 3, None),
    ]
    assert list(at_pauses([])) == []


def test_words_take_the_spelling_of_the_text_and_the_times_of_what_was_heard() -> None:
    heard = [word("hello", 0, 1), word("twenty", 1, 2), word("five", 2, 3), word("okay", 3, 4)]
    assert with_words("Hello, twenty-five – okay?", heard) == [
        word("Hello,", 0, 1),
        word("twenty-five –", 1, 3),
        word("okay?", 3, 4),
    ]


@pytest.mark.parametrize("text", ["Hello there", "Goodbye", "hell", "– hello"])
def test_words_that_are_not_those_of_the_text_are_left_out(text: str) -> None:
    assert with_words(text, [word("hello", 0, 1)]) == []


def test_segments_of_all_sounds_are_in_order_numbered_and_named() -> None:
    made = transcript(
        request(),
        "test",
        "model",
        "en",
        [
            (sound(ANNA), [Heard("one", 1, 2, 0.9), Heard("three", 5, 6, 0.9)]),
            (sound(OTHER_ANNA), [Heard("two", 3, 4, 0.9)]),
        ],
    )
    assert [(s["id"], s["speaker"]["label"], s["track_id"], s["text"]) for s in made["segments"]] == [
        ("s1", "Anna", "t1", "one"),
        ("s2", "Anna (2)", "t2", "two"),
        ("s3", "Anna", "t1", "three"),
    ]
    assert made["quality"] == {"mean_confidence": 0.9, "grade": "good"}


def test_what_lies_outside_the_recording_is_cut_off_or_left_out() -> None:
    words = [word("a", -1, 1), word("b", 0.5, 8), word("c", 7.5, 12, 1.0001)]
    heard = [
        Heard("a b c", -1, 12, 1.2, words),
        Heard("late", 10.5, 11, 1.0),
        Heard("  ", 1, 2, 1.0),
        Heard("x", 3, 3, 1.0),
    ]
    [segment] = transcript(request(), "test", "model", "en", [(sound(ANNA), heard)])["segments"]
    assert (segment["start_s"], segment["end_s"], segment["confidence"]) == (0, 10, 1)
    assert [(w["start_s"], w["end_s"], w["confidence"]) for w in segment["words"]] == [
        (0, 1, 0.5),
        (1, 8, 0.5),
        (8, 10, 1),
    ]


def test_without_a_known_length_nothing_is_cut_off() -> None:
    heard = [Heard("late", 10000, 10001, None)]
    [segment] = transcript(request(None), "test", "model", "en", [(sound(ANNA), heard)])["segments"]
    assert segment["end_s"] == 10001


def test_a_speaker_who_was_not_announced_keeps_their_name() -> None:
    stranger = Speaker("p9", "Chen")
    [segment] = transcript(request(), "test", "model", "en", [(sound(stranger), [Heard("hi", 0, 1, None)])])["segments"]
    assert segment["speaker"] == {"id": "p9", "label": "Chen", "source": "track"}
