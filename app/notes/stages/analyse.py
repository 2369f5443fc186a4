"""What came of it. Nothing is read of those who have switched analysis off."""

from dataclasses import dataclass
from typing import Any, cast

from app.core.runtime import Work
from app.notes import pipeline, spending
from app.notes.analysts.base import AnalysisContext
from app.notes.models import Notes, Stage
from app.notes.providers import analyst_of, configuration
from app.notes.quality import inspected
from app.notes.shapes import Analysis, Transcript, check_evidence, without_speakers
from app.notes.stages.run import Run

DAY_ASSUMED = "Nobody has said when this was held: due dates are counted from {}, the day on which it was sent."


@dataclass(frozen=True)
class Made:
    analysis: Analysis
    key: str | None
    is_taken_over: bool


def make(run: Run) -> Made:
    subject, settings = run.subject, run.runtime.settings
    silent = {one.speaker.id for one in run.heard if not one.may_be_analysed}
    transcript = without_speakers(cast(Transcript, run.notes.transcript), silent)
    context = AnalysisContext(subject.id, subject.title, subject.held_on)
    with run.runtime.reading() as work:
        analyst = analyst_of(work, run.notes)
        held = (subject.held_on, subject.is_day_assumed)
        made_of = (transcript, subject.title, held, analyst.name, configuration(settings, "analyst"))
        key = None if analyst.is_mock else pipeline.key_of("analyse", *made_of)
        before = pipeline.done_before(work, key) if key else None
    if before is not None:
        return Made(cast(Analysis, before.result), key, is_taken_over=True)
    with spending.paid(run, analyst.name, analyst.price(transcript, context)) as bill:
        analysis = check_evidence(analyst.analyse(transcript, context), transcript)
        if analysis["usage"]["cost_usd"] is not None:  # else the estimate stands: its server didn't count
            bill.cost_usd = analysis["usage"]["cost_usd"]
        bill.input_tokens, bill.output_tokens = analysis["usage"]["input_tokens"], analysis["usage"]["output_tokens"]
    if subject.is_day_assumed and any(item["due"] for item in analysis["action_items"]):
        analysis["warnings"] = [*analysis["warnings"], DAY_ASSUMED.format(subject.held_on)]
    return Made(analysis if analyst.is_mock else inspected(analysis, transcript), key, is_taken_over=False)


def keep(work: Work, notes: Notes, stage: Stage, made: Made) -> None:
    analysis = made.analysis
    notes.analysis = cast(dict[str, Any], analysis)
    notes.key_points = cast(list[dict[str, Any]], analysis["key_points"])
    notes.sentiment = analysis["sentiment"]["overall"]
    pipeline.complete(
        work,
        notes,
        stage,
        key=made.key,
        result=notes.analysis,
        provider=analysis["provider"][:32],
        cost_usd=0.0 if made.is_taken_over else analysis["usage"]["cost_usd"],
        is_taken_over=made.is_taken_over,
    )
