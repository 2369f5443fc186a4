"""How it sounded, by VADER: a lexicon of words and rules for those that turn them round. It reads English only."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from app.notes.analysts.local.sentences import Sentence
from app.notes.analysts.people import tone_of
from app.notes.shapes import Sentiment


@cache
def _vader() -> SentimentIntensityAnalyzer:
    return SentimentIntensityAnalyzer()  # reads its lexicon: 20 ms


def sentiment_of(sentences: Sequence[Sentence]) -> Sentiment:
    """Means over sentences, as VADER is made for short texts; long ones count for more."""
    by_speaker: dict[str, list[tuple[float, int]]] = {}
    for sentence in sentences:
        score = _vader().polarity_scores(sentence.text)["compound"]
        by_speaker.setdefault(sentence.speaker, []).append((score, len(sentence.words)))
    overall = _mean([one for scores in by_speaker.values() for one in scores])
    return {
        "overall": tone_of(overall),
        "score": overall,
        "by_speaker": {label: _mean(scores) for label, scores in by_speaker.items()},
    }


def _mean(scores: Sequence[tuple[float, int]]) -> float:
    words = sum(length for _, length in scores)
    return round(sum(score * length for score, length in scores) / words, 2) if words else 0.0
