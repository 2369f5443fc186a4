from typing import Any

import structlog

from app.core.runtime import Runtime
from app.notes import leftovers, pipeline, spending

log = structlog.get_logger()

SWEEP = "notes.sweep"
SWEEP_EVERY_S = 60.0


def sweep(runtime: Runtime, _payload: dict[str, Any]) -> None:
    """See to it that no notes stay pending for ever, that no sound lies about, and that nothing stays booked which
    nobody is at.
    """
    with runtime.reading() as work:
        silent, overdue = pipeline.silent(work), leftovers.overdue(work)
    for notes_id in silent:
        log.error("notes failed: they were not written in time", notes_id=notes_id)
        with runtime.writing() as work:
            pipeline.give_up(work, notes_id)
    for notes_id in overdue:
        with runtime.writing() as work:
            leftovers.forget(work, notes_id)
    with runtime.writing() as work:
        spending.release(work)
