"""Signals from one participant to another: opaque but for their size and form."""

import json
from typing import Any

from sqlalchemy import select

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

_SESSION_DESCRIPTIONS = ("rtc.offer", "rtc.answer")


def send(
    work: Work, actor: Actor, meeting: Meeting, *, from_: str, messages: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Deliver signals, all or none; one whose `client_ref` was sent before is answered as then and stored once.

    :raises NotYourParticipant: :raises SenderLeft: :raises RecipientUnknown: :raises RecipientLeft:
    :raises PayloadTooLarge: :raises InboxFull: the recipient has not read for long.
    """
    if len(messages) > work.settings.signal_batch_max:
        most = {
            "location": "body",
            "field": "messages",
            "message": f"At most {work.settings.signal_batch_max}.",
        }
        raise errors.ValidationFailed(errors=[most])
    if meeting.effective_media_mode == "mock":
        meetings.hold(work, meeting.id)  # the answer comes in the same transaction, and tracks are told to the room
    sender = work.get(Participant, from_)
    if sender is None or sender.user_id != actor.user_id or sender.meeting_id != meeting.id:
        raise errors.NotYourParticipant()
    if sender.state not in states.IN_THE_ROOM:
        raise errors.SenderLeft(
            "You are waiting for the meeting to begin." if sender.state == "waiting" else None,
            state=sender.state,
        )
    recipients = {message["to"] for message in messages}
    if len(recipients) > 1:
        theirs = select(Participant.inbox_id).where(
            Participant.id.in_(recipients), Participant.meeting_id == meeting.id
        )
        inbox.hold(work, work.scalars(theirs).all())
    before = inbox.seen_before(work, from_, [m["client_ref"] for m in messages if m["client_ref"]])
    sent = []
    for index, message in enumerate(messages):
        ref = message["client_ref"]
        if ref is None or ref not in before:
            signal_id, inbox_id = _send_one(work, sender, message, index)
            if ref is not None:
                before[ref] = signal_id, inbox_id
        else:
            signal_id, inbox_id = before[ref]
            _check_same_recipient(work, message["to"], inbox_id, index)
        sent.append({"id": signal_id, "to": message["to"], "client_ref": ref})
    return sent


def _check_same_recipient(work: Work, participant_id: str, inbox_id: str, index: int) -> None:
    """A repeat goes where the first one went; with another recipient it would be answered and never delivered."""
    recipient = work.get(Participant, participant_id)
    if recipient is None or recipient.inbox_id != inbox_id:
        message = "Was used for a signal to somebody else."
        wrong = {"location": "body", "field": f"messages.{index}.client_ref", "message": message}
        raise errors.ValidationFailed(errors=[wrong])


def _send_one(work: Work, sender: Participant, message: dict[str, Any], index: int) -> tuple[str, str]:
    _check_payload(work, message, index)
    recipient = work.get(Participant, message["to"])
    if recipient is None or recipient.meeting_id != sender.meeting_id or recipient.state == "waiting":
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


def _check_payload(work: Work, message: dict[str, Any], index: int) -> None:
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
        if len(sdp.encode()) > settings.sdp_max_bytes:
            raise errors.PayloadTooLarge(f"An SDP has {settings.sdp_max_bytes} bytes at most.", index=index)
    elif message["type"] == "rtc.candidate" and not isinstance(rest.get("candidate", 0), dict | None):
        wrong = {
            "location": "body",
            "field": f"messages.{index}.payload.candidate",
            "message": "Must be an RTCIceCandidateInit, or null at the end of the candidates.",
        }
        raise errors.ValidationFailed(errors=[wrong])
    if len(json.dumps(rest).encode()) > settings.candidate_max_bytes:
        raise errors.PayloadTooLarge(
            f"Beside an SDP, a payload has {settings.candidate_max_bytes} bytes at most.", index=index
        )
