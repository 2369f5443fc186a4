from app.core.runtime import Work
from app.notes import pipeline
from app.notes.models import Notes, Stage
from app.notes.publishing import publish
from app.notes.stages.run import Run


def make(run: Run) -> dict[str, str]:
    return publish(run.store, run.folder, run.notes)


def keep(work: Work, notes: Notes, stage: Stage, made: dict[str, str]) -> None:
    pipeline.complete(work, notes, stage, result=made)
