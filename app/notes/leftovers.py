"""Sounds that were made to be listened to go once that is done. Of notes that failed they are kept for a while, so that
whoever goes on with them need not decode everything again; then they go too, and are made anew if need be.
"""

import shutil
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import undefer

from app.core.runtime import Runtime, Work
from app.notes import deleting, pipeline
from app.notes.models import Notes, Stage
from app.recordings.models import Recording

AT_ONCE = 100  # notes, in a round of the sweep


def overdue(work: Work) -> Sequence[str]:
    """Ids of notes that failed long ago, or whose recordings were deleted, and that have sounds still."""
    kept_since = work.now() - timedelta(days=work.settings.notes_sounds_keep_days)
    has_sound = Notes.state == "failed", Stage.name == "normalise", Stage.state == "done"
    query = select(Stage).join(Notes, Notes.id == Stage.notes_id).where(*has_sound).order_by(Stage.id)
    found: dict[str, None] = {}
    for stage in work.scalars(query):
        if len(found) < AT_ONCE and (stage.heard_at < kept_since or _is_of_nothing(work, stage)):
            found[stage.notes_id] = None
    return list(found)


def forget(work: Work, notes_id: str) -> None:
    """Have the sounds of notes that failed deleted; their stages are to be done again, by whoever goes on with them."""
    notes = pipeline.hold(work, notes_id)
    if notes is None or notes.state != "failed":
        return
    normalised = select(Stage).where(Stage.notes_id == notes_id, Stage.name == "normalise", Stage.state == "done")
    for stage in work.scalars(normalised.options(undefer(Stage.result))):
        deleting.delete_objects(work, pipeline.sounds_of(work, notes, stage))
        stage.state, stage.progress, stage.attempts, stage.result, stage.ended_at = "waiting", 0.0, 0, None, None


def clear_spool(runtime: Runtime) -> None:
    """Delete what killed runs of stages have left on this machine's disk: another machine may have taken them over."""
    folders = {folder: folder.name.rpartition("-") for folder in (runtime.settings.storage_dir / "spool").glob("*-*")}
    if not folders:
        return
    ids = [stage_id for stage_id, _, _ in folders.values()]
    with runtime.reading() as work:
        stages = work.execute(select(Stage.id, Stage.state, Stage.attempts).where(Stage.id.in_(ids)))
        runs = {stage_id: str(attempts) if state == "running" else None for stage_id, state, attempts in stages}
    for folder, (stage_id, _, attempt) in folders.items():
        if stage_id in runs and runs[stage_id] != attempt:  # compositions and exports see to their own
            shutil.rmtree(folder, ignore_errors=True)


def _is_of_nothing(work: Work, stage: Stage) -> bool:
    recording_id = (stage.input or {}).get("more", {}).get("recording_id")
    return recording_id is not None and work.get(Recording, recording_id) is None
