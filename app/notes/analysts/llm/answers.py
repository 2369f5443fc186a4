"""What a model may answer, and how much of it is believed.

The shape is asked for and checked here, whatever the server promised; nulls where lists belong are empty lists. What a
claim cites is checked by whoever made the transcript (`check_evidence`), owners and days here.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Collection
from datetime import date
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from app.notes.analysts.local.dates import due_in
from app.notes.analysts.local.sentences import WORD
from app.notes.analysts.people import tone_of
from app.notes.shapes import ActionItem, Claim, Entity, Sentiment, SuggestedClaim

LONGEST_TEXT = 400  # characters of a claim
LONGEST_SUMMARY = 3_000
MOST_CLAIMS = 60  # of a kind
MOST_EVIDENCE = 20  # segments of a claim
LONGEST_COMPLAINT = 600

_FENCE = re.compile(r"```[a-z]*\s*\n(.*?)```", re.DOTALL | re.IGNORECASE)


class BadAnswer(Exception):
    """The message says what is wrong with it, for the model."""


def _listed(value: Any) -> Any:
    if isinstance(value, list):
        return [one for one in value if one is not None]
    return [] if value is None else value


def _worded(value: Any) -> Any:
    return "" if value is None else value


T = TypeVar("T")
Many = Annotated[list[T], BeforeValidator(_listed)]
Text = Annotated[str, BeforeValidator(_worded)]


class _Shape(BaseModel):
    """All keys are required, as strict schemas want it; what is not among them is dropped."""

    model_config = ConfigDict(json_schema_extra={"additionalProperties": False}, extra="ignore", allow_inf_nan=False)


class ClaimAnswer(_Shape):
    text: Text
    evidence: Many[str] = Field(description="ids of the segments that it rests on")


class ActionAnswer(ClaimAnswer):
    owner: str | None = Field(description="the speaker who is to do it, exactly as the transcript has the name")
    due: str | None = Field(description="YYYY-MM-DD")
    due_text: str | None = Field(description="the words that say until when, as they were said")


class EntityAnswer(ClaimAnswer):
    type: Text = Field(description="person, company, product, money, date or other")


class SpeakerMood(_Shape):
    speaker: Text
    score: float | None


class MoodAnswer(_Shape):
    overall: Literal["neutral", "positive", "negative"] | None
    score: float | None = Field(description="from -1 to 1")
    by_speaker: Many[SpeakerMood]


class NotesAnswer(_Shape):
    summary: Text = Field(description="three to six sentences")
    key_points: Many[ClaimAnswer]
    action_items: Many[ActionAnswer]
    decisions: Many[ClaimAnswer]
    questions: Many[ClaimAnswer] = Field(description="that were asked and matter")
    objections: Many[ClaimAnswer]
    pain_points: Many[ClaimAnswer]
    topics: Many[ClaimAnswer]
    entities: Many[EntityAnswer]
    sentiment: MoodAnswer | None


class SummaryAnswer(_Shape):
    """Of notes that were written of a transcript part by part."""

    summary: Text = Field(description="three to eight sentences")


A = TypeVar("A", bound=_Shape)


def read(text: str, shape: type[A]) -> A:
    """:raises BadAnswer:"""
    found = _json_in(text)
    try:
        return shape.model_validate(found)
    except ValidationError as error:
        wrong = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors(include_input=False)]
        raise BadAnswer("; ".join(wrong)[:LONGEST_COMPLAINT]) from None


def _json_in(text: str) -> dict[str, Any]:
    """The object that the text is, has in a fence, or has somewhere."""
    fenced = [found[1] for found in _FENCE.finditer(text)]
    for candidate in (text, *fenced, text[text.find("{") :] if "{" in text else ""):
        try:
            value, _ = json.JSONDecoder().raw_decode(candidate.strip())
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            return value
    raise BadAnswer("The answer is no JSON object.")


def claims_of(answers: list[ClaimAnswer]) -> list[Claim]:
    return [_claim(answer) for answer in _some(answers)]


def suggestions_of(answers: list[ClaimAnswer]) -> list[SuggestedClaim]:
    return [{**_claim(answer), "suggested": True} for answer in _some(answers)]


def entities_of(answers: list[EntityAnswer]) -> list[Entity]:
    return [{**_claim(answer), "type": line(answer.type, 32).lower() or "other"} for answer in _some(answers)]


def actions_of(answers: list[ActionAnswer], labels: Collection[str], held_on: date | None) -> list[ActionItem]:
    """Owners that are no speakers are nobody's; models count days badly, so that a phrase which has a meaning here
    goes before the date that was given with it.
    """
    by_name = {label.casefold(): label for label in labels}
    items: list[ActionItem] = []
    for answer in _some(answers):
        due_text = line(answer.due_text or "", 100) or None
        items.append(
            {
                **_claim(answer),
                "owner": by_name.get((answer.owner or "").strip().casefold()),
                "due": _due(due_text, answer.due, held_on) if due_text else None,
                "due_text": due_text,
            }
        )
    return items


def _due(due_text: str, given: str | None, held_on: date | None) -> str | None:
    if held_on is None:
        return None
    meant = due_in([word.group().lower().replace("’", "'") for word in WORD.finditer(due_text)], held_on)
    if meant is not None:
        return meant.on.isoformat() if meant.on else None
    try:
        day = date.fromisoformat((given or "").strip())
    except ValueError:
        return None
    return day.isoformat() if day >= held_on else None


def sentiment_of(answer: MoodAnswer | None, labels: Collection[str]) -> Sentiment:
    if answer is None:
        return {"overall": "neutral", "score": None, "by_speaker": {}}
    score = _clipped(answer.score)
    moods = {one.speaker: _clipped(one.score) for one in answer.by_speaker if one.speaker in labels}
    overall = answer.overall or tone_of(score or 0.0)
    return {
        "overall": overall,
        "score": score,
        "by_speaker": {label: mood for label, mood in moods.items() if mood is not None},
    }


def line(text: str, longest: int) -> str:
    """On one line, without what no database keeps, and not too long."""
    clean = "".join(" " if unicodedata.category(char) in ("Cc", "Cs") else char for char in text)
    clean = " ".join(clean.split())
    return clean if len(clean) <= longest else clean[: longest - 2].rstrip() + " …"


C = TypeVar("C", bound=ClaimAnswer)


def _some(answers: list[C]) -> list[C]:
    return [answer for answer in answers if line(answer.text, LONGEST_TEXT)][:MOST_CLAIMS]


def _claim(answer: ClaimAnswer) -> Claim:
    return {"text": line(answer.text, LONGEST_TEXT), "evidence": list(dict.fromkeys(answer.evidence))[:MOST_EVIDENCE]}


def _clipped(score: float | None) -> float | None:
    return None if score is None else round(max(-1.0, min(1.0, score)), 2)
