"""How notes are made: in stages, each a row and a job.

    ingest → normalise → transcribe → merge → analyse → publish
             (for each track)

Rules, and why they hold:

* Whatever is decided about a version's stages is decided while its row is held (`hold`), so that of two that end at
  once one sees the other.
* A stage is enqueued by whoever makes it `queued`, and by nobody else: it has one job, which is tried again.
* A run is known by its number, `attempts`. One that was taken over (its process was killed, or stood still too long)
  finds another number, and what it says counts for nothing.
* `key` is a hash of what a stage is made of and by what. Where a stage of that key is done already, its result is taken
  over, and costs nothing.
* What fails is tried again, with pauses, NOTES_ATTEMPTS times. A track that can't be read is skipped. Of anything else
  the notes fail once nothing runs any more; what was made until then stays, and `again` goes on from there. The
  transcript is stored before anybody analyses it, and published however that ends.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import undefer

from app.core import errors
from app.core.ids import new_id
from app.core.runtime import Work
from app.notes import deleting, states
from app.notes.events import NotesFailed, NotesProgressed, NotesReady
from app.notes.models import Notes, Stage
from app.notes.sources import Source, Sources

ORDER = ("ingest", "normalise", "transcribe", "merge", "analyse", "publish")
OF_THE_WHOLE = ("ingest", "merge", "analyse", "publish")
# Of what takes a core for long, the Celery queue.
QUEUES = {"normalise": "transcription", "transcribe": "transcription", "analyse": "analysis"}
# Without a word of a stage for so long it is nobody's any more. Jobs that are killed come back after seconds; this is
# for what was lost altogether, and longer than any track takes, or waits for others.
SILENT_FOR = timedelta(hours=12)
NOT_IN_TIME = "The notes were not written in time."


def task_of(stage: str) -> str:
    return f"notes.{stage}"


def hold(work: Work, notes_id: str) -> Notes | None:
    """Notes as they are now, held until the commit, and before them what they are of; None: they were deleted."""
    notes = work.get(Notes, notes_id)
    if notes is None:
        return None
    try:
        source_of(work, notes).hold(work, subject_of(notes))
    except errors.NotFound:
        return None
    return work.get(Notes, notes_id, populate_existing=True, with_for_update=True)


def source_of(work: Work, notes: Notes) -> Source:
    sources = work.driver(Sources)
    return sources.meetings if notes.meeting_id is not None else sources.calls


def subject_of(notes: Notes) -> str:
    return notes.meeting_id or notes.call_id or ""


def key_of(*made_of: Any) -> str:
    return hashlib.sha256(json.dumps(made_of, sort_keys=True, default=str).encode()).hexdigest()


def stages_of(work: Work, notes_id: str) -> list[Stage]:
    """In the order in which they follow."""
    rows = work.scalars(select(Stage).where(Stage.notes_id == notes_id).order_by(Stage.id)).all()
    return sorted(rows, key=lambda stage: ORDER.index(stage.name))


def begin(work: Work, notes: Notes) -> None:
    for name in OF_THE_WHOLE:
        add(work, notes, name)
    advance(work, notes)


def add(work: Work, notes: Notes, name: str, part: str = "", **values: Any) -> Stage:
    given = {"state": "waiting", "attempts": 0, "progress": 0.0, "is_taken_over": False, "heard_at": work.now()}
    stage = Stage(id=new_id(), notes_id=notes.id, name=name, part=part, **(given | values))
    work.add(stage)
    return stage


def advance(work: Work, notes: Notes) -> None:
    """Enqueue what can be done now; where nothing is left to do, say what became of the notes."""
    work.flush()
    stages = stages_of(work, notes.id)
    for stage in stages:
        if stage.state == "waiting" and _may_begin(stage, stages):
            stage.state, stage.heard_at = "queued", work.now()
            work.enqueue(task_of(stage.name), {"notes_id": notes.id, "stage_id": stage.id})
    if not any(stage.state in states.STAGES_OPEN for stage in stages):
        _settle(work, notes, stages)
    elif notes.state == "pending":
        work.emit(NotesProgressed(notes.id))
    work.flush()


def _may_begin(stage: Stage, stages: Sequence[Stage]) -> bool:
    """Whether all that comes before it has ended well. Publishing waits for an analysis only until that has ended."""
    place = ORDER.index(stage.name)
    for one in stages:
        comes_before = ORDER.index(one.name) < place and (not stage.part or one.part in ("", stage.part))
        is_passed = one.state in states.STAGES_PASSED or (
            (stage.name, one.name, one.state) == ("publish", "analyse", "failed")
        )
        if comes_before and not is_passed:
            return False
    return True


def _settle(work: Work, notes: Notes, stages: Sequence[Stage]) -> None:
    failed = next((stage for stage in stages if stage.state == "failed"), None)
    if not states.may_become(notes.state, "failed" if failed else "ready"):
        return
    if failed is not None:
        notes.state, notes.error, notes.error_code = "failed", failed.error, failed.error_code
        work.emit(NotesFailed(notes.meeting_id, notes.call_id, notes.id, notes.version, notes.error_code))
    else:
        notes.state, notes.ready_at, notes.error, notes.error_code = "ready", work.now(), None, None
        work.emit(NotesReady(notes.meeting_id, notes.call_id, notes.id, notes.version))


def again(work: Work, notes: Notes, *, analyse: bool = False) -> None:
    """Go on where it failed; with `analyse`, make the analysis anew too.

    :raises NotesStateConflict: there is nothing to be done again.
    """
    stages = stages_of(work, notes.id)
    names = {stage.name for stage in stages if stage.state == "failed"} | ({"analyse"} if analyse else set())
    if notes.state == "pending" or not names:
        raise errors.NotesStateConflict(f"The notes are {notes.state}.", state=notes.state)
    for stage in stages:
        if stage.state == "failed" or stage.name == "publish" or (analyse and stage.name == "analyse"):
            stage.state, stage.attempts, stage.progress = "waiting", 0, 0.0
            stage.error = stage.error_code = stage.started_at = stage.ended_at = None
    notes.state, notes.error, notes.error_code = "pending", None, None
    advance(work, notes)


# A run of a stage


def begin_run(work: Work, notes_id: str, stage_id: str) -> tuple[Notes, Stage] | None:
    """`attempts` is its number from now on. None: there is nothing to do (any more)."""
    notes = hold(work, notes_id)
    stage = work.get(Stage, stage_id, populate_existing=True) if notes else None
    if notes is None or stage is None or notes.state != "pending" or stage.state not in states.STAGES_OPEN:
        return None
    if stage.attempts >= work.settings.notes_attempts:  # its last run was broken off
        _fail(work, notes, stage, stage.error or "It was broken off each time.", "broken_off")
        return None
    stage.state, stage.progress, stage.ended_at = "running", 0.0, None
    stage.attempts += 1
    stage.started_at = stage.heard_at = work.now()
    return notes, stage


def in_run(work: Work, notes_id: str, stage_id: str, attempt: int) -> tuple[Notes, Stage] | None:
    """The notes, held, and the stage, as long as this run of it counts."""
    notes = hold(work, notes_id)
    stage = work.get(Stage, stage_id, populate_existing=True) if notes else None
    if notes is None or stage is None or (stage.state, stage.attempts) != ("running", attempt):
        return None
    stage.heard_at = work.now()
    return notes, stage


def wait(work: Work, notes_id: str, stage_id: str, pause: timedelta, attempt: int | None = None) -> None:
    """Not yet: others come first, or what it needs is on its way. A run that has begun counts for none."""
    notes = hold(work, notes_id)
    stage = work.get(Stage, stage_id, populate_existing=True) if notes else None
    if stage is None or stage.state not in states.STAGES_OPEN:
        return
    if attempt is not None and stage.attempts == attempt:
        stage.attempts -= 1
    stage.state, stage.heard_at = "queued", work.now()
    work.enqueue(task_of(stage.name), {"notes_id": notes_id, "stage_id": stage_id}, at=work.now() + pause)


def done_before(work: Work, key: str) -> Stage | None:
    """A stage of this key that has a result."""
    same = select(Stage).where(Stage.key == key, Stage.state == "done").options(undefer(Stage.result))
    return next((stage for stage in work.scalars(same.order_by(Stage.id)) if stage.result is not None), None)


def sounds_of(work: Work, notes: Notes, normalise: Stage) -> str:
    """The object store's prefix of what all runs of a stage `normalise` have made."""
    return f"{source_of(work, notes).folder_of(subject_of(notes))}{notes.id}/sounds/{normalise.id}-"


def complete(work: Work, notes: Notes, stage: Stage, state: str = "done", **values: Any) -> None:
    """Its run has ended well, or there was nothing to do (`skipped`)."""
    for name, value in values.items():
        setattr(stage, name, value)
    stage.state, stage.progress, stage.ended_at = state, 1.0, work.now()
    if state == "done":
        stage.error = stage.error_code = None
    if stage.name == "transcribe":  # nobody listens to it again
        of_it = select(Stage).where(Stage.notes_id == notes.id, Stage.name == "normalise", Stage.part == stage.part)
        for normalise in work.scalars(of_it):
            deleting.delete_objects(work, sounds_of(work, notes, normalise))
    advance(work, notes)


def trouble(work: Work, notes: Notes, stage: Stage, error: str, code: str, *, final: bool) -> bool:
    """Its run has failed. Whether it is not tried again."""
    if final or stage.attempts >= work.settings.notes_attempts or not work.runtime.jobs.tries_again:
        _fail(work, notes, stage, error, code)
        return True
    stage.state, stage.error, stage.error_code = "queued", error, code
    return False


def _fail(work: Work, notes: Notes, stage: Stage, error: str, code: str) -> None:
    stage.state, stage.error, stage.error_code, stage.ended_at = "failed", error, code, work.now()
    if stage.name == "normalise":  # of a run that stored its sound, and was broken off
        deleting.delete_objects(work, sounds_of(work, notes, stage))
    advance(work, notes)


# What was lost


def silent(work: Work) -> Sequence[str]:
    """Ids of notes with a stage that is nobody's any more, and of those that have none."""
    before = work.now() - SILENT_FOR
    lost = select(Stage.notes_id).where(Stage.state.in_(states.STAGES_OPEN), Stage.heard_at < before)
    running = select(Stage.notes_id).where(Stage.state.in_(states.STAGES_OPEN))
    none = select(Notes.id).where(Notes.state == "pending", Notes.created_at < before, Notes.id.not_in(running))
    return sorted({*work.scalars(lost), *work.scalars(none)})


def give_up(work: Work, notes_id: str) -> None:
    notes = hold(work, notes_id)
    if notes is None or notes.state != "pending":
        return
    before = work.now() - SILENT_FOR
    stages = stages_of(work, notes.id)
    for stage in stages:
        if stage.state in states.STAGES_OPEN and stage.heard_at < before:
            _fail(work, notes, stage, stage.error or NOT_IN_TIME, "not_in_time")
    if notes.state == "pending" and not any(stage.state in states.STAGES_OPEN for stage in stages):
        notes.state, notes.error, notes.error_code = "failed", NOT_IN_TIME, "not_in_time"
        work.emit(NotesFailed(notes.meeting_id, notes.call_id, notes.id, notes.version, notes.error_code))
