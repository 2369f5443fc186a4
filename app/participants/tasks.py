from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from app.core import errors
from app.core.processes import api_last_heard, api_ready_since
from app.core.runtime import Runtime
from app.inbox.models import Inbox
from app.participants import service, states
from app.participants.models import Participant

SWEEP_EVERY_S = 2.0


def sweep_presence(runtime: Runtime, _payload: dict[str, Any]) -> None:
    """Count as reconnecting, and then as gone, who has not polled; and as back who is there after all.

    Nobody is counted out for silence that was ours: the API must have been up for PRESENCE_GRACE_S, and silence counts
    only from the start of its newest process to its last sign of life.
    """
    settings = runtime.settings
    with runtime.reading() as work:
        now = work.now()
        ready_since, heard = api_ready_since(work), api_last_heard(work)
        if ready_since is None or heard is None or now - ready_since < timedelta(seconds=settings.presence_grace_s):
            return
        begun_at, heard_at = heard
        silent_since = heard_at - timedelta(seconds=settings.presence_reconnecting_s)
        gone_since = heard_at - timedelta(seconds=settings.presence_left_s)
        silent: Sequence[str] = []
        if begun_at <= silent_since:
            silent = work.scalars(_silent(silent_since).with_only_columns(Participant.id)).all()
        returned = work.scalars(_returned(silent_since)).all()
    for participant_id in silent:
        with runtime.writing() as work:
            try:
                service.hold(work, participant_id)
            except errors.NotFound:
                continue  # its meeting was erased in the meantime
            found = work.execute(_silent(silent_since).where(Participant.id == participant_id)).one_or_none()
            if found is None:
                continue  # polled in the meantime
            participant, last_seen_at = found
            if max(last_seen_at, begun_at) <= gone_since:
                service.depart(work, participant, "timed_out")
            else:
                service.note_lost(work, participant)
    for participant_id in returned:
        with runtime.writing() as work, suppress(errors.NotFound):
            service.note_returned(work, participant_id)


def _silent(since: datetime) -> Any:
    return (
        select(Participant, Inbox.last_seen_at)
        .join(Inbox, Inbox.id == Participant.inbox_id)
        .where(Participant.kind == "user", Participant.state.in_(states.THERE), Inbox.last_seen_at <= since)
        .where(Participant.kept_by_media.is_(False))
    )


def _returned(since: datetime) -> Any:
    """Those whose poll was there all along, though it looked lost: a late beat of theirs, or their poll's end, tells
    nobody that they are back.
    """
    return (
        select(Participant.id)
        .join(Inbox, Inbox.id == Participant.inbox_id)
        .where(Participant.kind == "user", Participant.state == "reconnecting", Inbox.last_seen_at > since)
    )
