"""Runs one stage: begins it, has it made, keeps what came of it. Heavy work: it belongs into the jobs process."""

import shutil
import threading
from contextlib import suppress
from datetime import timedelta
from types import ModuleType
from typing import Any

import structlog

from app.core.errors import ParleyError
from app.core.objects.base import ObjectNotFound, ObjectStoreError, StoreFull, StoreUnusable
from app.core.runtime import Runtime
from app.notes import deleting, leftovers, pipeline
from app.notes.analysts.base import AnalystUnusable
from app.notes.models import Notes, Stage
from app.notes.sources import StillArriving
from app.notes.stages import analyse, ingest, merge, normalise, publish, transcribe
from app.notes.stages.run import Final, Run, Skipped
from app.notes.transcribers.base import TranscriberUnusable, UnsupportedLanguage

log = structlog.get_logger()

STAGES: dict[str, ModuleType] = {
    "ingest": ingest,
    "normalise": normalise,
    "transcribe": transcribe,
    "merge": merge,
    "analyse": analyse,
    "publish": publish,
}
HEAVY = ("normalise", "transcribe")
AT_ONCE = 2  # heavy ones in a process: each takes a core, and others do their jobs beside them
BUSY_PAUSE = timedelta(seconds=2)
ARRIVING_PAUSE = timedelta(seconds=10)

NOT_MADE = {
    "ingest": ("The recordings could not be read.", "not_ingested"),
    "normalise": ("The recordings could not be read.", "not_normalised"),
    "transcribe": ("The meeting could not be transcribed.", "not_transcribed"),
    "merge": ("The transcript could not be put together.", "not_merged"),
    "analyse": ("The transcript could not be analysed.", "not_analysed"),
    "publish": ("The notes could not be stored as files.", "not_published"),
}
TROUBLE: tuple[tuple[type[Exception], str, str], ...] = (
    (StoreFull, "There is no room left in the store of files.", "storage_full"),
    (StoreUnusable, "The store of files can't be read or written.", "store_unusable"),
    (ObjectNotFound, "A file is not in the store any more.", "file_lost"),
    (TranscriberUnusable, "The transcriber can't be used at the moment.", "transcriber_unusable"),
    (AnalystUnusable, "The analyst can't be used at the moment.", "analyst_unusable"),
)

_room = threading.Semaphore(AT_ONCE)


def run(runtime: Runtime, payload: dict[str, Any]) -> None:
    """Run a stage. Twice does no harm: see `pipeline`. :raises Exception: it failed, and is to be tried again."""
    notes_id, stage_id = payload["notes_id"], payload["stage_id"]
    with runtime.writing() as work:
        begun = pipeline.begin_run(work, notes_id, stage_id)
        attempt = begun[1].attempts if begun else 0
    if begun is None:
        return
    is_heavy = begun[1].name in HEAVY
    if is_heavy and not _room.acquire(blocking=False):
        with runtime.writing() as work:
            pipeline.wait(work, notes_id, stage_id, BUSY_PAUSE, attempt)
        return
    try:
        made = _made(runtime, *begun)
    except StillArriving:
        with runtime.writing() as work:
            pipeline.wait(work, notes_id, stage_id, ARRIVING_PAUSE, attempt)
        return
    except Exception as error:
        if _note(runtime, notes_id, stage_id, attempt, error):
            return
        raise
    finally:
        if is_heavy:
            _room.release()
    with runtime.writing() as work:
        held = pipeline.in_run(work, notes_id, stage_id, attempt)
        if held is not None:
            STAGES[held[1].name].keep(work, *held, made)
    if held is None:
        log.info("stage of notes is not wanted any more", notes_id=notes_id, stage=begun[1].name)
        _clean(runtime, *begun)


def _made(runtime: Runtime, notes: Notes, stage: Stage) -> Any:
    with runtime.reading() as work:
        source, subject_id = pipeline.source_of(work, notes), pipeline.subject_of(notes)
        subject, heard = source.subject(work, subject_id), source.heard(work, subject_id)
    spool = runtime.settings.storage_dir / "spool" / f"{stage.id}-{stage.attempts}"
    leftovers.clear_spool(runtime)
    spool.mkdir(parents=True, exist_ok=True)
    try:
        return STAGES[stage.name].make(Run(runtime, source, subject, heard, notes, stage, spool))
    finally:
        shutil.rmtree(spool, ignore_errors=True)


def _note(runtime: Runtime, notes_id: str, stage_id: str, attempt: int, error: Exception) -> bool:
    """Write down why it has failed, or has nothing to do. Whether that was the last try."""
    with runtime.writing() as work:
        held = pipeline.in_run(work, notes_id, stage_id, attempt)
        if held is None:
            return True
        notes, stage = held
        if isinstance(error, Skipped):
            pipeline.complete(work, notes, stage, "skipped", error=str(error)[:500])
            return True
        text, code, final = _told(stage.name, error)
        is_last = pipeline.trouble(work, notes, stage, text, code, final=final)
    if is_last and not final:
        log.error("stage of notes failed", notes_id=notes_id, stage=stage.name, exc_info=error)
    return is_last


def _told(stage: str, error: Exception) -> tuple[str, str, bool]:
    """What people are told, its code, and whether trying again is of no use."""
    match error:
        case Final():
            return str(error), error.code, True
        case ParleyError():
            return error.detail, error.code, True
        case UnsupportedLanguage():
            return f"There is no transcriber for the language {error.language}.", "unsupported_language", True
    text, code = next(((text, code) for kind, text, code in TROUBLE if isinstance(error, kind)), NOT_MADE[stage])
    return text, code, False


def _clean(runtime: Runtime, notes: Notes, stage: Stage) -> None:
    """They were deleted while a stage was at work, or another run has taken its place: what this one stored goes."""
    with runtime.reading() as work:
        if work.get(Notes, notes.id) is None:
            prefix = f"{pipeline.source_of(work, notes).folder_of(pipeline.subject_of(notes))}{notes.id}/"
        elif stage.name == "normalise":
            prefix = f"{pipeline.sounds_of(work, notes, stage)}{stage.attempts}.wav"
        else:
            return
    with suppress(ObjectStoreError):
        deleting.run(runtime, {"prefix": prefix})
