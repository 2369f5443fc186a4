from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import select

from app.core.errors import NothingToTranscribe
from app.core.runtime import Runtime
from app.notes import service
from app.notes.analysts.base import Analyst
from app.notes.models import Notes
from app.notes.shapes import Analysis, Transcript, check_evidence, without_speakers
from app.notes.transcribers.base import Transcriber, UnsupportedLanguage

log = structlog.get_logger()

SWEEP = "notes.sweep"
SWEEP_EVERY_S = 60.0
GIVE_UP_AFTER = timedelta(hours=1)  # whoever waits for notes may ask anew then

NOT_TRANSCRIBED = "The meeting could not be transcribed."
NOT_ANALYSED = "The transcript could not be analysed."
NOT_IN_TIME = "The notes were not written in time."


def write(runtime: Runtime, payload: dict[str, Any]) -> None:
    """Transcribe a meeting, analyse that, keep both. What fails is not tried again: whoever asked can ask anew."""
    notes_id = payload["notes_id"]
    try:
        with runtime.reading() as work:
            order = service.order_of(work, notes_id)
    except NothingToTranscribe as nothing:  # it was switched off after somebody had asked
        with runtime.writing() as work:
            service.keep(work, notes_id, None, None, nothing.detail)
        return
    if order is None:
        return
    transcriber: Transcriber = runtime.drivers[Transcriber]
    analyst: Analyst = runtime.drivers[Analyst]
    transcript: Transcript | None = None
    analysis: Analysis | None = None
    error: str | None = None
    try:
        transcript = transcriber.transcribe(order.request)
        may_be_read = without_speakers(transcript, order.unanalysed)
        analysis = check_evidence(analyst.analyse(may_be_read, order.context), may_be_read)
    except UnsupportedLanguage as failure:
        error = f"There is no transcriber for the language {failure.language}."
    except Exception:  # whatever a provider raises, it is these notes that fail
        log.exception("notes failed", notes_id=notes_id)
        error = NOT_TRANSCRIBED if transcript is None else NOT_ANALYSED
    with runtime.writing() as work:
        service.keep(work, notes_id, transcript, analysis, error)


def sweep(runtime: Runtime, _payload: dict[str, Any]) -> None:
    """See to it that no notes stay pending for ever."""
    with runtime.reading() as work:
        before = work.now() - GIVE_UP_AFTER
        stuck = work.scalars(select(Notes.id).where(Notes.state == "pending", Notes.created_at < before)).all()
    for notes_id in stuck:
        log.error("notes failed: they were not written in time", notes_id=notes_id)
        with runtime.writing() as work:
            service.keep(work, notes_id, None, None, NOT_IN_TIME)
