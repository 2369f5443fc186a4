"""Signals from one participant to another: opaque but for their size and form."""

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import bindparam, select

from app.core import errors
from app.core.actor import Actor
from app.core.runtime import Work
from app.inbox import service as inbox
from app.inbox.service import Message
from app.meetings import service as meetings
from app.meetings.models import Meeting
from app.participants import states
from app.participants.models import Participant
from app.participants.service import address_of
from app.signaling.events import SignalToSfu

# What has to be known of a sender and of a recipient.
PERSON = (
    Participant.id,
    Participant.meeting_id,
    Participant.kind,
    Participant.user_id,
    Participant.inbox_id,
    Participant.display_name,
    Participant.state,
    Participant.epoch,
    Meeting.effective_media_mode,
)
# Written once, so that SQLAlchemy compiles it once.
_PEOPLE = (
    select(*PERSON)
    .join(Meeting, Meeting.id == Participant.meeting_id)
    .where(Participant.meeting_id == bindparam("of_meeting"), Participant.id.in_(bindparam("these", expanding=True)))
)
_SESSION_DESCRIPTIONS = ("rtc.offer", "rtc.answer")


def send(
    work: Work,
    actor: Actor,
    meeting_id: str,
    *,
    from_: str,
    messages: list[dict[str, Any]],
    epoch: int | None = None,
    people: Iterable[Any] | None = None,
) -> list[dict[str, Any]]:
    """Deliver signals, all or none; one whose `client_ref` was sent before is answered as then and stored once.

    :param people: the `PERSON` of sender and recipients, as far as there are such in this meeting, if `work` has read
        them already.
    :param epoch: the sender's, as they know it.
    :raises NotYourParticipant: :raises EpochPassed: :raises SenderLeft: :raises RecipientUnknown:
    :raises RecipientLeft: :raises PayloadTooLarge: :raises InboxFull: the recipient has not read for long.
    """
    if len(messages) > work.settings.signal_batch_max:
        most = {
            "location": "body",
            "field": "messages",
            "message": f"At most {work.settings.signal_batch_max}.",
        }
        raise errors.ValidationFailed(errors=[most])
    recipients = {message["to"] for message in messages}
    known = _read_people(work, meeting_id, {from_, *recipients}) if people is None else {one.id: one for one in people}
    sender = known.get(from_)
    if sender is not None and sender.effective_media_mode == "mock":
        # The answer comes in the same transaction, and tracks are told to the room.
        meetings.hold(work, meeting_id)
        known = _read_people(work, meeting_id, {from_, *recipients})
        sender = known.get(from_)
    if sender is None or not _is_theirs(work, actor, sender):
        raise errors.NotYourParticipant()
    if epoch is not None and epoch != sender.epoch:
        raise errors.EpochPassed(epoch=sender.epoch)
    if sender.state not in states.IN_THE_ROOM:
        raise errors.SenderLeft(
            "You are waiting to be let in." if sender.state == "waiting" else None,
            state=sender.state,
        )
    if len(recipients) > 1:
        inbox.hold(work, [known[recipient].inbox_id for recipient in recipients if recipient in known])
    before = inbox.seen_before(work, from_, [m["client_ref"] for m in messages if m["client_ref"]])
    sent = []
    for index, message in enumerate(messages):
        ref, recipient = message["client_ref"], known.get(message["to"])
        if ref is None or ref not in before:
            signal_id, inbox_id = _send_one(work, sender, recipient, message, index)
            if ref is not None:
                before[ref] = signal_id, inbox_id
        else:
            signal_id, inbox_id = before[ref]
            _check_same_recipient(recipient, inbox_id, index)
        sent.append({"id": signal_id, "to": message["to"], "client_ref": ref})
    return sent


def _is_theirs(work: Work, actor: Actor, sender: Any) -> bool:
    """A person's device, or the SFU that a media worker of this service plays."""
    if sender.kind == "sfu":
        return actor.is_service and inbox.is_of(work, sender.inbox_id, actor.user_id)
    return bool(sender.user_id == actor.user_id)


def _read_people(work: Work, meeting_id: str, participant_ids: set[str]) -> dict[str, Any]:
    """Those of the participants that are of this meeting."""
    asked = {"of_meeting": meeting_id, "these": sorted(participant_ids)}
    return {row.id: row for row in work.connection().execute(_PEOPLE, asked)}


def _check_same_recipient(recipient: Any, inbox_id: str, index: int) -> None:
    """A repeat goes where the first one went; with another recipient it would be answered and never delivered."""
    if recipient is None or recipient.inbox_id != inbox_id:
        message = "Was used for a signal to somebody else."
        wrong = {"location": "body", "field": f"messages.{index}.client_ref", "message": message}
        raise errors.ValidationFailed(errors=[wrong])


def _send_one(work: Work, sender: Any, recipient: Any, message: dict[str, Any], index: int) -> tuple[str, str]:
    _check_payload(work, sender, message, index)
    if recipient is None or recipient.state == "waiting":
        raise errors.RecipientUnknown(index=index)
    if recipient.id == sender.id:
        wrong = {"location": "body", "field": f"messages.{index}.to", "message": "That is yourself."}
        raise errors.ValidationFailed(errors=[wrong])
    if recipient.state == "left":
        raise errors.RecipientLeft(index=index)
    to_store = Message(
        message["type"],
        message["payload"],
        meeting_id=sender.meeting_id,
        sender=address_of(sender),
        client_ref=message["client_ref"],
    )
    stored = inbox.deliver(work, to_store, [recipient.inbox_id], directed=True)
    if recipient.inbox_id not in stored:
        raise errors.RecipientLeft(index=index)
    if recipient.kind == "sfu":
        work.emit(SignalToSfu(sender.meeting_id, sender.id, recipient.id, message["type"], message["payload"]))
    return stored[recipient.inbox_id], recipient.inbox_id


def _check_payload(work: Work, sender: Any, message: dict[str, Any], index: int) -> None:
    payload, settings = message["payload"], work.settings
    rest = dict(payload)
    if message["type"] in _SESSION_DESCRIPTIONS:
        sdp = rest.pop("sdp", None)
        if not isinstance(sdp, str) or not sdp.startswith("v=0"):
            wrong = {
                "location": "body",
                "field": f"messages.{index}.payload.sdp",
                "message": "Must be an SDP (RFC 8866).",
            }
            raise errors.ValidationFailed(errors=[wrong])
        most = settings.sdp_max_bytes_in(sender.effective_media_mode)
        if len(sdp.encode()) > most:
            raise errors.PayloadTooLarge(f"An SDP has {most} bytes at most.", index=index)
    elif message["type"] == "rtc.candidate" and not isinstance(rest.get("candidate", 0), dict | None):
        wrong = {
            "location": "body",
            "field": f"messages.{index}.payload.candidate",
            "message": "Must be an RTCIceCandidateInit, or null at the end of the candidates.",
        }
        raise errors.ValidationFailed(errors=[wrong])
    # Beside an offer of everybody's tracks a media worker says whose each of them is.
    most = settings.sdp_max_bytes if sender.kind == "sfu" else settings.candidate_max_bytes
    if len(json.dumps(rest).encode()) > most:
        raise errors.PayloadTooLarge(f"Beside an SDP, a payload has {most} bytes at most.", index=index)
