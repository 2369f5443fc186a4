from typing import Any

import marshmallow as ma
from marshmallow import fields

from app.core.api import JsonObject, Schema, Timestamp, id_field

LARGEST_SEQ = 2**63 - 1


def _cursor(**kwargs: object) -> fields.Integer:
    return fields.Integer(strict=False, validate=ma.validate.Range(0, LARGEST_SEQ), **kwargs)  # type: ignore[arg-type]


def _check_names_one(data: dict[str, Any]) -> None:
    if data.get("participant_id") and data.get("worker_id"):
        raise ma.ValidationError("Name a participant or a worker.", "worker_id")


class InboxQuery(Schema):
    participant_id = id_field(
        load_default=None, metadata={"description": "Whose inbox; without it, that of your session."}
    )
    worker_id = id_field(load_default=None, metadata={"description": "In its place: a media worker of yours."})
    after = _cursor(load_default=None, metadata={"description": "Deliver what is behind this; default: acked_seq."})
    ack = _cursor(load_default=None, metadata={"description": "Acknowledge up to this first."})
    limit = fields.Integer(load_default=50, validate=ma.validate.Range(1, 200))
    wait = fields.Float(
        load_default=None,
        allow_nan=False,
        metadata={
            "description": "Seconds to wait for a message, 0 to POLL_MAX_WAIT_S.",
            "minimum": 0,
            "maximum": 55,
        },
    )

    @ma.validates_schema
    def _names_one(self, data: dict[str, Any], **_: Any) -> None:
        _check_names_one(data)


class Peer(Schema):
    participant_id = fields.String(
        required=True, allow_none=True, metadata={"example": "01980a3e-7b6c-7d4e-8f00-1a2b3c4d5e6f"}
    )
    user_id = fields.String(
        required=True, allow_none=True, metadata={"example": "01980a3e-7b6c-7d4e-8f00-1a2b3c4d5e6f"}
    )
    display_name = fields.String(required=True, metadata={"example": "Anna Berg"})
    kind = fields.String(required=True, metadata={"enum": ["session", "user", "sfu", "worker"], "example": "user"})
    epoch = fields.Integer(
        metadata={"example": 1, "description": "Of the sender: raised when a device's connection was replaced."}
    )


class InboxMessage(Schema):
    seq = fields.Integer(required=True, metadata={"example": 12})
    id = id_field(required=True)
    event_id = id_field(required=True, metadata={"description": "The same in every inbox that got this event."})
    type = fields.String(required=True, metadata={"example": "rtc.offer"})
    meeting_id = id_field(required=True, allow_none=True)
    from_ = fields.Nested(Peer, data_key="from", required=True, allow_none=True)
    to = fields.Nested(Peer, required=True)
    payload = JsonObject(max_bytes=2**20, required=True, metadata={"example": {"sdp": "v=0…"}})
    created_at = Timestamp(required=True)


class Ended(Schema):
    reason = fields.String(required=True, metadata={"example": "meeting_ended"})


class InboxReply(Schema):
    messages = fields.List(fields.Nested(InboxMessage), required=True)
    head_seq = fields.Integer(required=True, metadata={"example": 12, "description": "Number of the newest message."})
    acked_seq = fields.Integer(required=True, metadata={"example": 11})
    next_poll_ms = fields.Integer(
        required=True, metadata={"example": 0, "description": "Pause before the next poll, in ms."}
    )
    superseded = fields.Boolean(required=True, metadata={"description": "A newer poll took over: stop this one."})
    ended = fields.Nested(
        Ended,
        required=True,
        allow_none=True,
        metadata={"description": "The inbox is closed and this is its last reply."},
    )


class Acknowledge(Schema):
    participant_id = id_field(load_default=None)
    worker_id = id_field(load_default=None)
    up_to = fields.Integer(required=True, strict=True, validate=ma.validate.Range(0, LARGEST_SEQ))

    @ma.validates_schema
    def _names_one(self, data: dict[str, Any], **_: Any) -> None:
        _check_names_one(data)


class Acknowledged(Schema):
    acked_seq = fields.Integer(required=True, metadata={"example": 12})
    head_seq = fields.Integer(required=True, metadata={"example": 12})
