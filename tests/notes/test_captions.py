"""A transcript as players, editors and people get it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from app.notes.captions import LONGEST_S, LONGEST_TEXT, cues_of, srt, text, webvtt
from app.notes.shapes import Segment, Transcript, Word
from app.notes.transcribers.base import Speaker, TranscriptionRequest
from app.notes.transcribers.mock import MockTranscriber


def word(text: str, start_s: float, end_s: float) -> Word:
    return {"text": text, "start_s": start_s, "end_s": end_s, "confidence": None}


def segment(text: str, start_s: float, end_s: float, label: str = "Anna", words: Any = ()) -> Segment:
    return {
        "id": "s1",
        "track_id": None,
        "speaker": {"id": "p", "label": label, "source": "track"},
        "start_s": start_s,
        "end_s": end_s,
        "text": text,
        "confidence": None,
        "words": list(words),
    }


def transcript(*segments: Segment) -> Transcript:
    quality: Any = {"mean_confidence": None, "grade": "draft"}
    return {
        "version": 1,
        "language": "en",
        "provider": "test",
        "model": "test",
        "quality": quality,
        "segments": list(segments),
    }


def test_webvtt_has_times_and_voices() -> None:
    told = transcript(segment("Good morning.", 0.5, 2.25), segment("Hi!", 3661.0, 3662.0, "Bob"))
    assert webvtt(told) == (
        "WEBVTT\n\n"
        "1\n00:00:00.500 --> 00:00:02.250\n<v Anna>Good morning.</v>\n\n"
        "2\n01:01:01.000 --> 01:01:02.000\n<v Bob>Hi!</v>\n"
    )


def test_srt_names_who_begins_to_speak() -> None:
    told = transcript(segment("Good morning.", 0.5, 2.25), segment("Bye.", 3, 4), segment("Hi!", 5, 6, "Bob"))
    assert srt(told) == (
        "1\n00:00:00,500 --> 00:00:02,250\nAnna: Good morning.\n\n"
        "2\n00:00:03,000 --> 00:00:04,000\nBye.\n\n"
        "3\n00:00:05,000 --> 00:00:06,000\nBob: Hi!\n"
    )


def test_text_has_a_line_for_each_segment() -> None:
    assert (
        text(transcript(segment("Good\nmorning.", 0, 1), segment("Hi!", 1, 2, "Bob")))
        == "Anna: Good morning.\nBob: Hi!\n"
    )


def test_a_transcript_without_segments_has_no_captions() -> None:
    assert (webvtt(transcript()), srt(transcript()), text(transcript())) == ("WEBVTT\n", "", "")


def test_a_long_segment_is_parted_between_words_at_their_times() -> None:
    words = [word(f"number{n:02}", n, n + 0.9) for n in range(20)]
    cues = cues_of(transcript(segment(" ".join(w["text"] for w in words), 0, 19.9, words=words)))
    assert [cue.text.split()[0] for cue in cues] == ["number00", "number07", "number14"]
    assert [cue.start_s for cue in cues] == [0, 7, 14]
    assert cues[0].end_s == 6.9


def test_many_words_in_a_short_time_are_parted_too() -> None:
    words = [word("abcdefghi", n / 10, n / 10 + 0.1) for n in range(30)]
    cues = cues_of(transcript(segment(" ".join(w["text"] for w in words), 0, 3, words=words)))
    assert [len(cue.text) for cue in cues] == [79, 79, 79, 59]


def test_without_words_times_are_shared_out_by_letters() -> None:
    cues = cues_of(transcript(segment("a" * 60 + " " + "b" * 30, 10, 19)))
    assert [(cue.start_s, cue.end_s) for cue in cues] == [(10, 16), (16, 19)]


@pytest.mark.parametrize("people", [1, 3])
def test_captions_of_a_whole_meeting_can_be_read_and_lose_nothing(people: int) -> None:
    speakers = [Speaker(f"p{n}", f"Person {n}") for n in range(people)]
    told = MockTranscriber().transcribe(TranscriptionRequest("m1", "Call", speakers))
    cues = cues_of(told)
    assert all(len(cue.text) <= LONGEST_TEXT and cue.end_s - cue.start_s <= LONGEST_S for cue in cues)
    assert all(one.start_s < one.end_s <= other.start_s for one, other in pairwise(cues))
    assert " ".join(cue.text for cue in cues) == " ".join(s["text"] for s in told["segments"])
    assert max(len(line) for line in webvtt(told).splitlines()) < LONGEST_TEXT


@pytest.mark.parametrize(
    "hostile",
    ["</v><b>x", "a --> b", "00:00:01.000 --> 00:00:02.000", "\n\nNOTE x", "&amp; <script>", "1\n\n2", "\u2028"],
)
def test_nothing_that_is_said_or_called_so_ends_a_caption(hostile: str) -> None:
    told = transcript(segment(f"x {hostile} y", 1, 2, label=f"A{hostile}"), segment("next", 3, 4))
    for made in (webvtt(told), srt(told)):
        stamps = [
            line for line in made.splitlines() if line.count("-->") == 1 and line[0].isdigit() and "x" not in line
        ]
        assert len(stamps) == 2
        assert "<script" not in made
        assert "<b>" not in made
    blocks = webvtt(told).rstrip("\n").split("\n\n")
    assert [block.split("\n")[0] for block in blocks] == ["WEBVTT", "1", "2"]
    payload = blocks[1].split("\n", 2)[2]
    assert "-->" not in payload
    assert (payload.count("<v "), payload.count("</v>")) == (1, 1)


def test_a_caption_that_ends_as_it_begins_lasts_a_moment() -> None:
    [cue] = cues_of(transcript(segment("x", 1, 1, words=[word("x", 1, 1)])))
    assert cue.end_s > cue.start_s
