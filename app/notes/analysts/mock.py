"""The mock rung: the notes that stand beside a canned meeting; of any other transcript, what it says
itself.
"""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from app.notes.analysts.base import AnalysisContext
from app.notes.analysts.people import people_of, tone_of
from app.notes.canned.script import Note, Script
from app.notes.canned.scripts import script_of
from app.notes.shapes import (
    ActionItem,
    Analysis,
    Claim,
    Entity,
    Segment,
    Sentiment,
    SuggestedClaim,
    Transcript,
    check_evidence,
    nothing_found,
    talk_of,
)

CANNED = "Canned notes from the mock provider: nothing that was really said was analysed."
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
QUOTED = 3


class MockAnalyst:
    """An Analyst that reads nothing. For a transcript of the mock transcriber it gives the notes of its
    script, for any other it quotes the longest segments as key points, with a mood that the meeting's id
    picks.

    The same arguments give the same analysis.
    """

    name = "mock"
    is_mock = True

    def analyse(self, transcript: Transcript, context: AnalysisContext) -> Analysis:
        analysis = nothing_found(self.name, "extractive")
        analysis["sentiment"]["score"] = 0.0
        analysis["talk"], analysis["warnings"] = talk_of(transcript), [CANNED]
        if not transcript["segments"]:
            pass  # nobody has said anything that may be read
        elif script := script_of(transcript):
            _recite(script, transcript, context, analysis)
        else:
            _quote(transcript, context, analysis)
        return check_evidence(analysis, transcript)

    def price(self, transcript: Transcript, context: AnalysisContext) -> float | None:
        """Nothing."""
        return 0.0

    def usable(self) -> None:
        """Always."""

    def close(self) -> None:
        """Nothing is held."""


def due_date(due_text: str, held_on: date) -> date | None:
    """The day that "tomorrow" or "by Friday" means to people who meet on `held_on`; None if it means no day.

    A weekday is the next one after the meeting: on a Friday, Friday is in a week.
    """
    last = due_text.lower().split()[-1]
    if last == "tomorrow":
        return held_on + timedelta(days=1)
    if last in WEEKDAYS:
        return held_on + timedelta(days=(WEEKDAYS.index(last) - held_on.weekday() - 1) % 7 + 1)
    return None


def _recite(script: Script, transcript: Transcript, context: AnalysisContext, analysis: Analysis) -> None:
    title = " ".join(context.title.split()) or "our meeting"
    analysis["summary"] = script.summary.format(title=title, people=people_of(transcript))
    segments = {segment["id"]: segment for segment in transcript["segments"]}
    for number, line in enumerate(script.lines, start=1):
        if segment := segments.get(f"s{number}"):
            for note in line.notes:
                _add(note, segment, context.held_on, analysis)
    analysis["sentiment"] = _sentiment(script.score, transcript, context.meeting_id)


def _quote(transcript: Transcript, context: AnalysisContext, analysis: Analysis) -> None:
    segments = transcript["segments"]
    longest = sorted(segments, key=lambda segment: -len(segment["text"]))[:QUOTED]
    quotes: list[Claim] = [{"text": s["text"], "evidence": [s["id"]]} for s in segments if s in longest]
    analysis["key_points"] = quotes
    analysis["summary"] = f"{people_of(transcript)} said, among other things: “{quotes[0]['text']}”"
    score = Random(f"mood of {context.meeting_id}").choice((-0.3, 0.0, 0.3))  # noqa: S311 – no secret
    analysis["sentiment"] = _sentiment(score, transcript, context.meeting_id)


def _add(note: Note, segment: Segment, held_on: date | None, analysis: Analysis) -> None:
    claim: Claim = {"text": note.text, "evidence": [segment["id"]]}
    match note.kind:
        case "action_items":
            due = due_date(note.due_text, held_on) if note.due_text and held_on else None
            item: ActionItem = {
                **claim,
                "owner": segment["speaker"]["label"],
                "due": due.isoformat() if due else None,
                "due_text": note.due_text,
            }
            analysis["action_items"].append(item)
        case "objections" | "pain_points":
            suggested: SuggestedClaim = {**claim, "suggested": True}
            analysis[note.kind].append(suggested)
        case "entities":
            entity: Entity = {**claim, "type": note.type or "other"}
            analysis["entities"].append(entity)
        case "key_points" | "decisions" | "questions" | "topics":
            analysis[note.kind].append(claim)


def _sentiment(score: float, transcript: Transcript, meeting_id: str) -> Sentiment:
    """Everybody feels much the same, and a little different."""
    labels = dict.fromkeys(segment["speaker"]["label"] for segment in transcript["segments"])
    moods = {
        label: round(score + Random(f"mood of {label} in {meeting_id}").uniform(-0.04, 0.04), 2)  # noqa: S311
        for label in labels
    }
    return {"overall": tone_of(score), "score": score, "by_speaker": moods}
