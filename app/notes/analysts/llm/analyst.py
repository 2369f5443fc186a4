"""The rung that asks a model."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from math import ceil
from typing import Any, cast

from app.notes.analysts.base import AnalysisContext
from app.notes.analysts.llm import answers, prompts
from app.notes.analysts.llm.answers import LONGEST_SUMMARY, NotesAnswer, SummaryAnswer
from app.notes.analysts.llm.chat import ANSWER_S, Chat, Spent
from app.notes.analysts.llm.chunks import CHUNK, OVERLAP, chunks_of, mean_mood, once
from app.notes.shapes import CLAIM_KINDS, Analysis, Transcript, Usage, check_evidence, nothing_found, talk_of

MILLION = 1_000_000
CHARACTERS_A_TOKEN = 4  # of English, as models count it; other languages have fewer
ANSWER_TOKENS = 800  # of the notes of one part


@dataclass(frozen=True)
class Prices:
    """USD for a million tokens; None: nobody has said."""

    input: float | None = None
    output: float | None = None

    def of(self, spent: Spent) -> Usage:
        cost = None
        if None not in (self.input, self.output, spent.input_tokens, spent.output_tokens):
            cost = round(
                ((spent.input_tokens or 0) * (self.input or 0) + (spent.output_tokens or 0) * (self.output or 0))
                / MILLION,
                6,
            )
        return {"cost_usd": cost, "input_tokens": spent.input_tokens, "output_tokens": spent.output_tokens}


class LlmAnalyst:
    """An Analyst that asks a model at `url`, which ends in `/v1` mostly. Whatever the model answers, what leaves here
    has the shape, cites segments that exist, and has speakers as owners.
    """

    name = "llm"
    is_mock = False

    def __init__(
        self,
        url: str,
        key: str | None,
        model: str,
        prices: Prices = Prices(),
        *,
        chunk: int = CHUNK,
        overlap: int = OVERLAP,
        answer_s: float = ANSWER_S,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._chat = Chat(url, key, model, answer_s=answer_s, sleep=sleep)
        self._prices = prices
        self._chunk, self._overlap = chunk, overlap

    def analyse(self, transcript: Transcript, context: AnalysisContext) -> Analysis:
        spent = Spent()
        labels = {segment["speaker"]["label"] for segment in transcript["segments"]}
        chunks = chunks_of(transcript["segments"], self._chunk, self._overlap)
        parts: list[Analysis] = []
        for number, segments in enumerate(chunks, start=1):
            part = f"{number} of {len(chunks)}" if len(chunks) > 1 else ""
            answer = self._chat.ask(prompts.of_transcript(segments, context, part), NotesAnswer, spent)
            parts.append(self._of(answer, {**transcript, "segments": segments}, labels, context.held_on))
        analysis = self._merged(parts, [len(segments) for segments in chunks], spent)
        analysis["talk"] = talk_of(transcript)
        analysis["usage"] = self._prices.of(spent)
        return analysis

    def price(self, transcript: Transcript, context: AnalysisContext) -> float | None:
        """Of the questions as they are first asked, and of answers as long as models mostly give."""
        parts = chunks_of(transcript["segments"], self._chunk, self._overlap)
        asked = sum(prompts.length_of(prompts.of_transcript(segments, context, ""), NotesAnswer) for segments in parts)
        answered = ANSWER_TOKENS * len(parts)
        if len(parts) > 1:  # what the parts told is asked about again
            asked += answered * CHARACTERS_A_TOKEN
            answered += ANSWER_TOKENS
        return self._prices.of(Spent(ceil(asked / CHARACTERS_A_TOKEN), answered))["cost_usd"]

    def usable(self) -> None:
        """:raises AnalystUnusable: the server does not answer, or not to this key."""
        self._chat.check()

    def close(self) -> None:
        self._chat.close()

    def _of(self, answer: NotesAnswer, chunk: Transcript, labels: set[str], held_on: date | None) -> Analysis:
        analysis: Analysis = {
            **self._nothing(),
            "summary": answers.line(answer.summary, LONGEST_SUMMARY),
            "key_points": answers.claims_of(answer.key_points),
            "action_items": answers.actions_of(answer.action_items, labels, held_on),
            "decisions": answers.claims_of(answer.decisions),
            "questions": answers.claims_of(answer.questions),
            "objections": answers.suggestions_of(answer.objections),
            "pain_points": answers.suggestions_of(answer.pain_points),
            "topics": answers.claims_of(answer.topics),
            "entities": answers.entities_of(answer.entities),
            "sentiment": answers.sentiment_of(answer.sentiment, labels),
        }
        return check_evidence(analysis, chunk)

    def _merged(self, parts: list[Analysis], sizes: list[int], spent: Spent) -> Analysis:
        if len(parts) < 2:
            return parts[0] if parts else self._nothing()
        merged = cast(dict[str, Any], self._nothing())
        for kind in CLAIM_KINDS:
            merged[kind] = once([claim for part in parts for claim in cast(dict[str, Any], part)[kind]])
        merged["warnings"] = list(dict.fromkeys(warning for part in parts for warning in part["warnings"]))
        merged["sentiment"] = mean_mood([(part["sentiment"], size) for part, size in zip(parts, sizes, strict=True)])
        told = [{"summary": part["summary"], "decisions": [one["text"] for one in part["decisions"]]} for part in parts]
        summary = self._chat.ask(prompts.of_parts(told), SummaryAnswer, spent).summary
        merged["summary"] = answers.line(summary, LONGEST_SUMMARY)
        return cast(Analysis, merged)

    def _nothing(self) -> Analysis:
        analysis = nothing_found(self.name, "llm")
        analysis["usage"] = {"cost_usd": 0.0, "input_tokens": 0, "output_tokens": 0}
        return analysis
