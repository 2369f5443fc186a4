from contextlib import suppress
from functools import partial
from typing import Any

import structlog

from app.core import errors
from app.core.retries import retried
from app.core.runtime import Runtime
from app.inbox import service as inbox
from app.media import placement, whip, workers

log = structlog.get_logger()

WATCH = "media.watch"
ATTEND = "media.attend"
ATTEND_EVERY_S = 1.0  # an encoder that is gone is seen to be
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


def attend(runtime: Runtime, _payload: dict[str, Any]) -> None:
    """Read what came for WHIP and WHEP sessions, whose clients poll nothing; those whose connection is lost go."""
    with runtime.reading() as work:
        news = whip.news(work)
    for participant_id in news.lost:
        with runtime.writing() as work, suppress(errors.NotFound):  # erased in the meantime
            whip.note_lost(work, participant_id)
    if news.read:
        with runtime.writing() as work:
            inbox.acknowledge_many(work, news.read)
