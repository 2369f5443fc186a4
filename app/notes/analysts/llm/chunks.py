"""A transcript that is too long for one question is asked about in parts that overlap, so that nothing is said across a
border without being in one of them whole. What both parts tell is told once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from app.notes.analysts.people import tone_of
from app.notes.shapes import Claim, Segment, Sentiment

CHUNK = 24_000  # characters: about 6,000 tokens of English, which models of 8,000 leave room for an answer to
OVERLAP = 1_500
_AROUND = 60  # characters of JSON around a segment's text

C = TypeVar("C", bound=Claim)


def chunks_of(segments: Sequence[Segment], longest: int = CHUNK, overlap: int = OVERLAP) -> list[list[Segment]]:
    """A segment that is longer than a chunk is one."""
    chunks: list[list[Segment]] = []
    begin = 0
    while begin < len(segments):
        end, size = begin, 0
        while end < len(segments) and (end == begin or size + _size(segments[end]) <= longest):
            size += _size(segments[end])
            end += 1
        chunks.append(list(segments[begin:end]))
        if end == len(segments):
            break
        back, shared = end, 0
        while back - 1 > begin and shared + _size(segments[back - 1]) <= overlap:
            back -= 1
            shared += _size(segments[back])
        begin = back
    return chunks


def once(claims: Sequence[C]) -> list[C]:
    """Claims in the same words, or of one kind with the very same evidence from two parts, are one."""
    kept: dict[str, C] = {}
    for claim in claims:
        words = " ".join(claim["text"].casefold().split()).rstrip(".!?")
        if words in kept:
            kept[words]["evidence"] = list(dict.fromkeys([*kept[words]["evidence"], *claim["evidence"]]))
        else:
            kept[words] = claim
    return list(kept.values())


def mean_mood(moods: Sequence[tuple[Sentiment, int]]) -> Sentiment:
    """`moods` with the number of segments that each is of."""
    known = [(mood["score"], many) for mood, many in moods if mood["score"] is not None]
    total = sum(many for _, many in known)
    score = round(sum(one * many for one, many in known) / total, 2) if total else None
    by_speaker: dict[str, list[float]] = {}
    for mood, _ in moods:
        for label, one in mood["by_speaker"].items():
            by_speaker.setdefault(label, []).append(one)
    tones = [mood["overall"] for mood, _ in moods]
    return {
        "overall": max(tones, key=tones.count) if score is None else tone_of(score),
        "score": score,
        "by_speaker": {label: round(sum(scores) / len(scores), 2) for label, scores in by_speaker.items()},
    }


def _size(segment: Segment) -> int:
    return len(segment["text"]) + len(segment["speaker"]["label"]) + _AROUND
