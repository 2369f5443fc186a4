"""The mock rung: a canned meeting in the mouths of those who were really there."""

from __future__ import annotations

import math
from random import Random

from app.notes.canned.script import ROLES, Script
from app.notes.canned.scripts import script_for
from app.notes.shapes import Segment, SpeakerSource, Transcript, Word, quality_of
from app.notes.transcribers.base import Speaker, TranscriptionRequest, distinct

# About 160 words a minute, as people talk in meetings.
SECONDS_PER_WORD = 0.14
SECONDS_PER_LETTER = 0.045
PAUSE_S = (0.25, 0.9)

# What those say who have no part in the script: everybody who was there is in the transcript.
FAREWELLS = ("Thank you, bye.", "Nothing from me. See you.", "Thanks everyone.", "All clear here, goodbye.")


class MockTranscriber:
    """A Transcriber that hears nothing. The same request gives the same transcript; the meeting's id picks
    one of several scripts.

    The text is English whatever the language asked for, and says so. It is spoken faster if the recording is
    too short for it, so that a test call of ten seconds has complete notes too. Without speakers one unknown
    person says it all.
    """

    name = "mock"
    is_mock = True

    def transcribe(self, request: TranscriptionRequest) -> Transcript:
        script = script_for(request.meeting_id)
        speakers = distinct(request.speakers)
        source: SpeakerSource = "track" if speakers else "unknown"
        spoken = _spoken(script, speakers or [Speaker("unknown", "Speaker")], request.title)
        segments = _timed(spoken, source, Random(f"speech of {request.meeting_id}"))  # noqa: S311 – no secret
        _fit(segments, request.duration_s)
        return {
            "version": 1,
            "language": "en",
            "provider": self.name,
            "model": script.model,
            "quality": quality_of(segments, self.name),
            "segments": segments,
        }

    def price(self, seconds: float) -> float:
        """Nothing."""
        return 0.0

    def usable(self) -> None:
        """Always."""

    def close(self) -> None:
        """Nothing is held."""


def _spoken(script: Script, speakers: list[Speaker], title: str) -> list[tuple[Speaker, str]]:
    """Who says what: with fewer people than roles one plays several, with more the others say goodbye."""
    cast = [speakers[role % len(speakers)] for role in range(ROLES)]
    called = [speaker.label.split()[0] for speaker in cast]
    title = " ".join(title.split()) or "our meeting"
    lines = [(cast[line.role], line.text.format(*called, title=title)) for line in script.lines]
    silent = speakers[ROLES:]
    return lines + [(speaker, FAREWELLS[n % len(FAREWELLS)]) for n, speaker in enumerate(silent)]


def _timed(spoken: list[tuple[Speaker, str]], source: SpeakerSource, random: Random) -> list[Segment]:
    segments: list[Segment] = []
    now = 0.0
    for number, (speaker, text) in enumerate(spoken, start=1):
        now += random.uniform(*PAUSE_S)
        words: list[Word] = []
        for word in text.split():
            begun, now = now, now + SECONDS_PER_WORD + SECONDS_PER_LETTER * len(word)
            confidence = round(random.uniform(0.82, 0.99), 2)
            words.append({"text": word, "start_s": begun, "end_s": now, "confidence": confidence})
        segments.append(
            {
                "id": f"s{number}",
                "track_id": speaker.track_id,
                "speaker": {"id": speaker.id, "label": speaker.label, "source": source},
                "start_s": words[0]["start_s"],
                "end_s": words[-1]["end_s"],
                "text": text,
                "confidence": round(sum(w["confidence"] or 0 for w in words) / len(words), 2),
                "words": words,
            }
        )
    return segments


def _fit(segments: list[Segment], duration_s: float | None) -> None:
    """Cut times down to milliseconds, and squeeze them into the recording where they are too long for it."""
    lasts_s = segments[-1]["end_s"]
    pace = 1.0 if duration_s is None else min(1.0, duration_s / lasts_s)
    for segment in segments:
        for timed in (segment, *segment["words"]):
            timed["start_s"] = math.floor(timed["start_s"] * pace * 1000) / 1000
            timed["end_s"] = math.floor(timed["end_s"] * pace * 1000) / 1000
