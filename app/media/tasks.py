from contextlib import suppress
from functools import partial
from typing import Any

import structlog

from app.core import errors
from app.core.retries import retried
from app.core.runtime import Runtime
from app.media import placement, workers

log = structlog.get_logger()

WATCH = "media.watch"
WATCH_EVERY_S = 1.0  # a part of the ten seconds in which a meeting has moved


def watch(runtime: Runtime, _payload: dict[str, Any]) -> None:
    """Give up workers whose lease has ended, and see to it that no meeting stays on one that is gone."""
    with runtime.reading() as work:
        ended = workers.lapsed(work)
    for worker_id in ended:
        with runtime.writing() as work:
            workers.end_lapsed(work, worker_id)
    settle(runtime, {})
    with runtime.reading() as work:
        has_long_gone = workers.has_long_gone(work)
    if has_long_gone:
        with runtime.writing() as work:
            workers.forget_gone(work)


def settle(runtime: Runtime, _payload: dict[str, Any]) -> None:
    """Find every meeting that needs a worker one, each in a transaction of its own: they move one after the other."""
    with runtime.reading() as work:
        meeting_ids = placement.adrift(work)
    for meeting_id in meeting_ids:
        try:
            retried(partial(_settle_one, runtime, meeting_id))
        except Exception:  # the others move all the same; this one is tried again within a second
            log.exception("a meeting could not be placed", meeting_id=meeting_id)


def _settle_one(runtime: Runtime, meeting_id: str) -> None:
    with runtime.writing() as work, suppress(errors.NotFound):  # erased in the meantime
        placement.settle(work, meeting_id)
