import marshmallow as ma
from marshmallow import fields

from app.core.api import Schema, Timestamp, id_field
from app.core.pagination import MOST_PER_PAGE
from app.events.catalogue import KINDS

LARGEST_POSITION = 2**63 - 1


class EventsQuery(Schema):
    after = fields.Integer(
        load_default=0,
        strict=False,
        validate=ma.validate.Range(0, LARGEST_POSITION),
        metadata={"description": "Events behind this position; the `after` of the last answer goes on from there."},
    )
    limit = fields.Integer(load_default=50, validate=ma.validate.Range(1, MOST_PER_PAGE))
    wait = fields.Float(
        load_default=0.0,
        allow_nan=False,
        metadata={
            "description": "Seconds to wait for an event where there is none, 0 to POLL_MAX_WAIT_S.",
            "minimum": 0,
            "maximum": 55,
        },
    )
    meeting_id = id_field(load_default=None, metadata={"description": "Of this meeting alone."})
    name = fields.List(
        fields.String(validate=ma.validate.OneOf(list(KINDS))),
        load_default=list,
        validate=ma.validate.Length(max=len(KINDS)),
        metadata={"description": "Of these names alone; may be given several times."},
    )


class EventOut(Schema):
    id = id_field(required=True, metadata={"description": "Who gets an event twice knows it by this."})
    position = fields.Integer(
        required=True, metadata={"example": 4711, "description": "In the log of everything: it only grows."}
    )
    seq = fields.Integer(
        required=True, allow_none=True, metadata={"example": 12, "description": "1, 2, 3 … within the meeting."}
    )
    meeting_id = id_field(required=True, allow_none=True)
    name = fields.String(required=True, metadata={"example": "meeting.started"})
    version = fields.Integer(required=True, metadata={"example": 1, "description": "Of the payload's form."})
    occurred_at = Timestamp(required=True, attribute="created_at")
    payload = fields.Dict(
        keys=fields.String(),
        required=True,
        metadata={
            "description": "By name and version; every field is in docs/events.md.",
            "example": {"by_user_id": "01980a3e-7b6c-7d4e-8f00-1a2b3c4d5e6f"},
        },
    )


class EventsReply(Schema):
    events = fields.List(fields.Nested(EventOut), required=True)
    after = fields.Integer(
        required=True,
        metadata={
            "example": 4711,
            "description": "Ask with this next: everything up to here was looked at, also what is not yours to see.",
        },
    )
    next_poll_ms = fields.Integer(
        required=True, metadata={"example": 0, "description": "Pause before the next poll; more than 0 in a crowd."}
    )
