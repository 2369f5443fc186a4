"""Who is recorded is asked: what each person has answered, and who has not yet. Hosts see it. Nobody is recorded less
for a no: who declines may leave, or stay with camera and microphone off.
"""

from typing import Any

from sqlalchemy import select

from app.accounts.service import names_of
from app.core import errors
from app.core.actor import Actor
from app.core.runtime import Work
from app.inbox import service as inbox
from app.inbox.service import Message
from app.meetings.people import hosts_of
from app.participants.models import Participant
from app.recordings import service, states
from app.recordings.models import Consent, Recording
from app.recordings.schemas import ConsentOut


def answer(work: Work, actor: Actor, recording_id: str, *, consent: bool) -> dict[str, Any]:
    """Note what a person answers; the last word holds. Hosts are told.

    :raises RecordingStateConflict: it runs no more.
    """
    recording = service.held(work, recording_id)
    if recording.state not in states.RUNNING:
        raise errors.RecordingStateConflict("The recording does not run any more.", state=recording.state)
    given = work.get(Consent, (recording.id, actor.user_id))
    if given is None:
        given = Consent(recording_id=recording.id, user_id=actor.user_id, consent=consent, answered_at=work.now())
        work.add(given)
    given.consent, given.answered_at = consent, work.now()
    work.flush()
    shown = _view(recording, actor.user_id, actor.display_name, given)
    told = ConsentOut().dump(shown)
    message = Message(
        "recording.consent", told, recording.meeting_id, subject=f"consent:{recording.id}:{actor.user_id}"
    )
    inbox.deliver(work, message, inbox.open_inboxes_of(work, hosts_of(work, recording.meeting_id)))
    return shown


def list_all(work: Work, recording: Recording) -> list[dict[str, Any]]:
    """Of everybody who was there while it ran, by name; who has not answered has null."""
    until = recording.ended_at or work.now()
    since = recording.started_at or recording.created_at
    stays = work.execute(
        select(Participant.user_id, Participant.display_name)
        .where(Participant.meeting_id == recording.meeting_id, Participant.kind == "user")
        .where(Participant.admitted_at.is_not(None), Participant.joined_at <= until)
        .where(Participant.left_at.is_(None) | (Participant.left_at >= since))
        .order_by(Participant.id)
    )
    names: dict[str, str] = {row.user_id: row.display_name for row in stays if row.user_id}
    theirs = select(Consent).where(Consent.recording_id == recording.id)
    given = {one.user_id: one for one in work.scalars(theirs)}
    names = names_of(work, given.keys() - names.keys()) | names
    rows = [_view(recording, user_id, name, given.get(user_id)) for user_id, name in names.items()]
    return sorted(rows, key=lambda row: (row["display_name"], row["user_id"]))


def _view(recording: Recording, user_id: str, name: str, given: Consent | None) -> dict[str, Any]:
    return {
        "recording_id": recording.id,
        "user_id": user_id,
        "display_name": name,
        "consent": given.consent if given else None,
        "answered_at": given.answered_at if given else None,
    }
