"""The local rung: extractive, on this machine, from what was said and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TypeVar

from app.notes.analysts.base import AnalysisContext
from app.notes.analysts.local import complaints, remarks, tasks
from app.notes.analysts.local.entities import entities
from app.notes.analysts.local.mood import sentiment_of
from app.notes.analysts.local.sentences import Sentence, sentences_of
from app.notes.analysts.local.tasks import Names
from app.notes.analysts.local.topics import key_sentences, topics
from app.notes.analysts.people import listed, people_of
from app.notes.shapes import ActionItem, Analysis, Claim, Transcript, check_evidence, nothing_found, talk_of

OTHER_LANGUAGE = "This analyst reads English: of a transcript in another language it only quotes."
FEWEST_KEY_POINTS, MOST_KEY_POINTS = 3, 8
SENTENCES_PER_KEY_POINT = 8
QUOTED = 2  # of each kind, in the summary
_SHORTEST = 4  # words of a key point

C = TypeVar("C", bound=Claim)


class LocalAnalyst:
    """An Analyst that reads English by rules and asks nobody. Objections and pain points are `suggested`. The same
    arguments give the same analysis.

    Of a transcript in another language it gives what needs no English: quotes, questions with a mark, amounts of money,
    and no mood.
    """

    name = "local"
    is_mock = False

    def analyse(self, transcript: Transcript, context: AnalysisContext) -> Analysis:
        names = Names.of(list(dict.fromkeys(segment["speaker"]["label"] for segment in transcript["segments"])))
        sentences = sentences_of(transcript, names.words)
        analysis = nothing_found(self.name, "extractive")
        analysis["talk"] = talk_of(transcript)
        if not sentences:
            return analysis
        if transcript["language"].lower().partition("-")[0] == "en":
            _read(analysis, sentences, names, context.held_on)
        else:
            _quote(analysis, sentences, names)
        analysis["summary"] = _summary(analysis, transcript, context.title)
        return check_evidence(analysis, transcript)

    def price(self, transcript: Transcript, context: AnalysisContext) -> float | None:
        """Nothing."""
        return 0.0

    def usable(self) -> None:
        """Always."""

    def close(self) -> None:
        """Nothing is held."""


def _read(analysis: Analysis, sentences: Sequence[Sentence], names: Names, held_on: date | None) -> None:
    found = list(tasks.action_items(sentences, names, held_on))
    decided = list(remarks.decisions(sentences))
    taken = [sentence for sentence, _ in found]
    asked = [one for one in sentences if remarks.is_question(one) and one not in taken]
    analysis["action_items"] = _once([item for _, item in found])
    analysis["decisions"] = _once([claim for _, claim in decided])
    analysis["questions"] = _once([remarks.claim_of(sentence) for sentence in asked])
    analysis["objections"] = _once(list(complaints.objections(sentences)))
    analysis["pain_points"] = _once(list(complaints.pain_points(sentences)))
    analysis["topics"] = topics(sentences, names.words)
    analysis["entities"] = entities(sentences, names)
    analysis["sentiment"] = sentiment_of(sentences)
    told = [*taken, *asked]
    analysis["key_points"] = _key_points([one for one in sentences if one not in told] or sentences, names)


def _quote(analysis: Analysis, sentences: Sequence[Sentence], names: Names) -> None:
    analysis["questions"] = _once([remarks.claim_of(sentence) for sentence in sentences if sentence.asks])
    analysis["entities"] = [one for one in entities(sentences, names) if one["type"] in ("money", "person")]
    analysis["key_points"] = _key_points(sentences, names)
    analysis["warnings"] = [*analysis["warnings"], OTHER_LANGUAGE]


def _key_points(sentences: Sequence[Sentence], names: Names) -> list[Claim]:
    long_enough = [one for one in sentences if len(one.content) >= _SHORTEST] or sentences
    most = min(MOST_KEY_POINTS, max(FEWEST_KEY_POINTS, len(sentences) // SENTENCES_PER_KEY_POINT))
    return _once([remarks.claim_of(one) for one in key_sentences(long_enough, names.words, most)])


def _once(claims: list[C]) -> list[C]:
    """What was said twice in the same words is claimed once."""
    return list({claim["text"].lower().rstrip(".!? "): claim for claim in reversed(claims)}.values())[::-1]


def _summary(analysis: Analysis, transcript: Transcript, title: str) -> str:
    """Who met about what, and quotes: nothing in it but the title is anybody's but the speakers'."""
    title = " ".join(title.split()) or "our meeting"
    about = [topic["text"].lower() for topic in analysis["topics"][:3]]
    parts = [f"In “{title}” {people_of(transcript)} talked{' about ' + listed(about) if about else ''}."]
    for lead, claims in (("Decided", analysis["decisions"]), ("Said", analysis["key_points"])):
        if claims:
            parts.append(f"{lead}: {_quoted(claims)}.")
            break
    items: list[ActionItem] = analysis["action_items"]
    if items:
        parts.append(f"To do: {'; '.join(_to_do(item) for item in items[:QUOTED])}{_more(len(items))}.")
    return " ".join(parts)


def _quoted(claims: Sequence[Claim]) -> str:
    return "; ".join(f"“{claim['text'].rstrip('.')}”" for claim in claims[:QUOTED]) + _more(len(claims))


def _to_do(item: ActionItem) -> str:
    quote = f"“{item['text'].rstrip('.')}”"
    return f"{item['owner']}: {quote}" if item["owner"] else quote


def _more(number: int) -> str:
    return f" and {number - QUOTED} more" if number > QUOTED else ""
