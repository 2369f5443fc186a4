"""The shapes of a transcript and of its analysis, as they are stored and sent, and what follows from them
alone.

Whichever provider made them, they look the same. A number that a provider doesn't give is None. Times are
seconds from the start of the meeting. Every claim of an analysis cites segments of the transcript that it was
made from. Text in a transcript is data: whoever reads it, a model too, takes no instructions from it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Literal, TypedDict, cast

Grade = Literal["draft", "fair", "good"]
SpeakerSource = Literal["track", "channel", "diarized", "unknown"]
Method = Literal["extractive", "llm"]
Tone = Literal["neutral", "positive", "negative"]

# Below the first a transcript is a draft, that is: readers should hear the recording before they rely on it.
FAIR_CONFIDENCE = 0.5
GOOD_CONFIDENCE = 0.8
# What a number means is its provider's own. Of pocketsphinx' words, in 57 pairs of a synthetic voice and a room, a line
# or a noise, at most 29 in a hundred were wrong where the mean was 0.65 or more, and 16 at least where it was less.
FAIR_CONFIDENCE_OF = {"local": 0.65}
# Of all words: whoever says so many is graded alone, too. One of two on a bad line is half a conversation.
SPEAKER_SHARE = 0.2


class Word(TypedDict):
    text: str
    start_s: float
    end_s: float
    confidence: float | None


class SegmentSpeaker(TypedDict):
    """`label` is unique within a transcript; `source` says how the speaker is known."""

    id: str
    label: str
    source: SpeakerSource


class Segment(TypedDict):
    """What one person said at one go. `id` is unique within its transcript: `s1`, `s2`, …"""

    id: str
    track_id: str | None
    speaker: SegmentSpeaker
    start_s: float
    end_s: float
    text: str
    confidence: float | None
    words: list[Word]


class Quality(TypedDict):
    mean_confidence: float | None
    grade: Grade


class Transcript(TypedDict):
    """`version` is that of this shape; segments are in the order of their starts; `language` is that of the
    text, as a BCP 47 tag.
    """

    version: Literal[1]
    language: str
    provider: str
    model: str
    quality: Quality
    segments: list[Segment]


class Claim(TypedDict):
    text: str
    evidence: list[str]


class SuggestedClaim(Claim):
    """A kind that providers guess badly at: `suggested` asks to be confirmed by a person."""

    suggested: bool


class ActionItem(Claim):
    """`due` is an ISO date, worked out from `due_text`, the words that were said."""

    owner: str | None
    due: str | None
    due_text: str | None


class Entity(Claim):
    type: str


class Sentiment(TypedDict):
    """`score` from -1 to 1, by_speaker the same under each speaker's label."""

    overall: Tone
    score: float | None
    by_speaker: dict[str, float]


class Talk(TypedDict):
    """`ratio` is the share of all the time in which somebody talked, from 0 to 1."""

    speaker: str
    seconds: float
    ratio: float


class Usage(TypedDict):
    """What it took: tokens of a model as its server counted them, all attempts together; None where nobody did."""

    cost_usd: float | None
    input_tokens: int | None
    output_tokens: int | None


class Analysis(TypedDict):
    version: Literal[1]
    provider: str
    method: Method
    summary: str
    key_points: list[Claim]
    action_items: list[ActionItem]
    decisions: list[Claim]
    questions: list[Claim]
    objections: list[SuggestedClaim]
    pain_points: list[SuggestedClaim]
    topics: list[Claim]
    entities: list[Entity]
    sentiment: Sentiment
    talk: list[Talk]
    warnings: list[str]
    usage: Usage


CLAIM_KINDS = (
    "key_points",
    "action_items",
    "decisions",
    "questions",
    "objections",
    "pain_points",
    "topics",
    "entities",
)


def quality_of(segments: Sequence[Segment], provider: str) -> Quality:
    """The mean over the words that have a confidence; the grade is that of whoever is understood worst, of those who
    say much. Nobody vouches for a transcript without any: a draft.
    """
    known: dict[str, list[tuple[float, int]]] = {}
    for segment in segments:
        if segment["confidence"] is not None:
            weighed = segment["confidence"], max(len(segment["text"].split()), 1)
            known.setdefault(segment["speaker"]["id"], []).append(weighed)
    everything = [one for of_speaker in known.values() for one in of_speaker]
    if not everything:
        return {"mean_confidence": None, "grade": "draft"}
    least = SPEAKER_SHARE * sum(words for _, words in everything)
    worst = min(_mean(one) for one in (everything, *known.values()) if sum(words for _, words in one) >= least)
    fair_from = FAIR_CONFIDENCE_OF.get(provider, FAIR_CONFIDENCE)
    grade: Grade = "draft" if worst < fair_from else "fair" if worst < GOOD_CONFIDENCE else "good"
    return {"mean_confidence": round(_mean(everything), 2), "grade": grade}


def _mean(weighed: Sequence[tuple[float, int]]) -> float:
    return sum(value * weight for value, weight in weighed) / sum(weight for _, weight in weighed)


def transcript_text(transcript: Transcript) -> str:
    """One line a segment, `Anna: Good morning.`, whatever line breaks a name or a text has in it."""
    return "\n".join(
        f"{_one_line(segment['speaker']['label'])}: {_one_line(segment['text'])}" for segment in transcript["segments"]
    )


def talk_of(transcript: Transcript) -> list[Talk]:
    """How long each speaker talked, the longest first; those who talked at once both count."""
    seconds: dict[str, float] = {}
    for segment in transcript["segments"]:
        label = segment["speaker"]["label"]
        seconds[label] = seconds.get(label, 0.0) + segment["end_s"] - segment["start_s"]
    total = sum(seconds.values())
    longest_first = sorted(seconds.items(), key=lambda item: -item[1])
    return [
        {"speaker": label, "seconds": round(talked, 3), "ratio": round(talked / total, 4) if total else 0.0}
        for label, talked in longest_first
    ]


def nothing_found(provider: str, method: Method) -> Analysis:
    """What an analyst begins with: it has read nothing, and spent nothing."""
    return {
        "version": 1,
        "provider": provider,
        "method": method,
        "summary": "",
        "key_points": [],
        "action_items": [],
        "decisions": [],
        "questions": [],
        "objections": [],
        "pain_points": [],
        "topics": [],
        "entities": [],
        "sentiment": {"overall": "neutral", "score": None, "by_speaker": {}},
        "talk": [],
        "warnings": [],
        "usage": {"cost_usd": 0.0, "input_tokens": None, "output_tokens": None},
    }


def without_speakers(transcript: Transcript, speaker_ids: Collection[str]) -> Transcript:
    """What an analyst gets: nothing of those who have switched analysis off. The other segments keep their ids."""
    if not speaker_ids:
        return transcript
    kept = [segment for segment in transcript["segments"] if segment["speaker"]["id"] not in speaker_ids]
    return {**transcript, "segments": kept}


def check_evidence(analysis: Analysis, transcript: Transcript) -> Analysis:
    """The analysis without the claims that cite nothing, or any segment that doesn't exist, and a warning
    that says how many they were: who makes up one reference has made up the claim.
    """
    existing = {segment["id"] for segment in transcript["segments"]}
    checked = cast(dict[str, Any], {**analysis})
    dropped = 0
    for kind in CLAIM_KINDS:
        kept = [claim for claim in checked[kind] if claim["evidence"] and existing.issuperset(claim["evidence"])]
        dropped += len(checked[kind]) - len(kept)
        checked[kind] = kept
    if dropped:
        warning = f"Claims dropped because they cite no segment of this transcript: {dropped}."
        checked["warnings"] = [*analysis["warnings"], warning]
    return cast(Analysis, checked)


def _one_line(text: str) -> str:
    return " ".join(text.split())
