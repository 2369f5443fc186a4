"""Which sounds there are to listen to, and which of them somebody has listened to before."""

from collections.abc import Sequence
from dataclasses import asdict

from app.core.runtime import Work
from app.notes import pipeline
from app.notes.models import Notes, Stage
from app.notes.providers import configuration, transcriber_of
from app.notes.sources import Heard, Part
from app.notes.stages.run import Run


def make(run: Run) -> Sequence[Part] | None:
    """None: it is canned, and nobody listens."""
    with run.runtime.reading() as work:
        if transcriber_of(work, run.notes).is_mock:
            return None
        return run.source.parts(work, run.subject.id)


def keep(work: Work, notes: Notes, stage: Stage, made: Sequence[Part] | None) -> None:
    if made is None:
        pipeline.add(work, notes, "transcribe")
    else:
        heard = pipeline.source_of(work, notes).heard(work, pipeline.subject_of(notes))
        for part in made:
            _add(work, notes, part, heard)
    pipeline.complete(work, notes, stage)


def _add(work: Work, notes: Notes, part: Part, heard: Sequence[Heard]) -> None:
    given = asdict(part)
    transcriber = transcriber_of(work, notes)
    # Names are taught to the transcriber, so they are a part of what it hears with.
    names = [one.speaker.label for one in heard]
    by = (transcriber.name, configuration(work.settings, "transcriber"), notes.language, names)
    key = pipeline.key_of("transcribe", part.made_of, part.more, part.speaker.id, part.lasts_s, *by)
    before = pipeline.done_before(work, key)
    pipeline.add(
        work, notes, "normalise", part.id, input=given, **({"state": "skipped", "progress": 1.0} if before else {})
    )
    if before is None:
        pipeline.add(work, notes, "transcribe", part.id, input=given, key=key)
        return
    taken = {"state": "done", "progress": 1.0, "is_taken_over": True, "result": before.result, "cost_usd": 0.0}
    made_by = {"provider": before.provider, "model": before.model, "ended_at": work.now()}
    pipeline.add(work, notes, "transcribe", part.id, input=given, key=key, **taken, **made_by)
