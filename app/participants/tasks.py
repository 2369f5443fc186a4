from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import exists, or_, select

from app.core import errors
from app.core.processes import api_last_heard, api_ready_since
from app.core.runtime import Runtime
from app.inbox.models import Inbox
from app.invitations.models import Invitation
from app.meetings import service as meetings
from app.meetings.models import Meeting, MeetingPerson
from app.meetings.states import ERASABLE
from app.participants import service, states
from app.participants.models import Participant

SWEEP_EVERY_S = 2.0
ERASE_ALONE = "participants.erase_alone"  # payload {"user_id"}


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


def erase_alone(runtime: Runtime, payload: dict[str, Any]) -> None:
    """An account was erased: of its meetings those in which nobody else ever had a part go, with their recordings and
    transcripts. Nobody could read them any more, or delete them. Each is a transaction of its own.
    """
    user_id = payload["user_id"]
    other_person = exists().where(MeetingPerson.meeting_id == Meeting.id, MeetingPerson.user_id != user_id)
    other_stay = exists().where(
        Participant.meeting_id == Meeting.id,
        Participant.kind == "user",
        or_(Participant.user_id.is_(None), Participant.user_id != user_id),
    )
    # Also one that was not answered: who is asked by mail gets a cancellation by mail.
    asked = exists().where(or_(Invitation.meeting_id == Meeting.id, Invitation.series_id == Meeting.series_id))
    theirs = select(Meeting.id).where(Meeting.owner_id == user_id, Meeting.state.in_(ERASABLE))
    with runtime.reading() as work:
        alone = work.scalars(theirs.where(~other_person, ~other_stay, ~asked).order_by(Meeting.id)).all()
    for meeting_id in alone:
        with runtime.writing() as work, suppress(errors.NotFound):
            meetings.erase(work, meetings.hold(work, meeting_id))
