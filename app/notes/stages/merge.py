"""The whole transcript, of those of all tracks. From here on it can be read, whatever becomes of the analysis."""

from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.orm import undefer

from app.core.runtime import Work
from app.notes import corrections, pipeline
from app.notes.merging import Piece, merged
from app.notes.models import Notes, Stage
from app.notes.shapes import Transcript
from app.notes.stages.run import Final, Run

NOTHING_READ = "None of the tracks could be listened to."


def make(run: Run) -> Transcript:
    theirs = select(Stage).where(Stage.notes_id == run.notes.id, Stage.name == "transcribe", Stage.state == "done")
    with run.runtime.reading() as work:
        stages = work.scalars(theirs.options(undefer(Stage.result)).order_by(Stage.id)).all()
    heard = {one.id for one in run.speakers}
    pieces = [
        Piece(cast(Transcript, stage.result), stage.part, (stage.input or {}).get("offset_s", 0.0))
        for stage in stages
        if stage.input is None or stage.input["speaker"]["id"] in heard  # it may have been switched off since
    ]
    if not pieces:
        raise Final(NOTHING_READ, "nothing_to_transcribe")
    if len(pieces) == 1 and not pieces[0].part:
        return pieces[0].transcript
    return merged(pieces, run.speakers)


def keep(work: Work, notes: Notes, stage: Stage, made: Transcript) -> None:
    corrections.set_transcript(notes, corrections.corrected(made, corrections.of_subject(work, notes)))
    notes.provider = made["provider"][:32]
    pipeline.complete(work, notes, stage, result=cast(dict[str, Any], made))
