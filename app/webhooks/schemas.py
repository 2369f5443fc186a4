from typing import Any

import marshmallow as ma
from marshmallow import fields

from app.core.api import Schema, Timestamp, id_field, text_field
from app.core.pagination import PageQuery
from app.events.catalogue import KINDS
from app.webhooks.addresses import LONGEST_URL

STATES = ("waiting", "delivered", "failed", "withheld")
URL = "https://crm.example.org/parley"


def _url(**kwargs: Any) -> fields.String:
    metadata = {
        "description": "Where events are sent, by POST. https alone, without user and password, and not into networks "
        "that are not public, unless the server's settings say otherwise.",
        "example": URL,
    }
    return text_field(LONGEST_URL, metadata=metadata, **kwargs)


def _names(**kwargs: Any) -> fields.List[str]:
    return fields.List(
        fields.String(validate=ma.validate.OneOf(list(KINDS))),
        validate=ma.validate.Length(1, len(KINDS)),
        allow_none=True,
        metadata={
            "description": "Events of these names alone, see docs/events.md; null: all, also those that are to come.",
            "example": ["meeting.started", "notes.ready"],
        },
        **kwargs,
    )


def _description(**kwargs: Any) -> fields.String:
    return text_field(200, 0, metadata={"description": "For yourself.", "example": "CRM"}, **kwargs)


class WebhookIn(Schema):
    url = _url(required=True)
    description = _description(load_default="")
    names = _names(load_default=None)


class WebhookPatch(Schema):
    url = _url()
    description = _description()
    names = _names()


class WebhookOut(Schema):
    id = id_field(required=True)
    url = fields.String(required=True, metadata={"example": URL})
    description = fields.String(required=True, metadata={"example": "CRM"})
    names = fields.List(
        fields.String(), required=True, allow_none=True, metadata={"example": ["meeting.started", "notes.ready"]}
    )
    state = fields.String(
        required=True,
        metadata={
            "enum": ["active", "paused"],
            "description": "paused: nothing is sent, and everything is kept, until it is resumed.",
        },
    )
    paused_at = Timestamp(required=True, allow_none=True)
    paused_reason = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "`gone`: it answered 410. `failing`: it took nothing for as long as it was tried."},
    )
    failing_since = Timestamp(
        required=True, allow_none=True, metadata={"description": "When it last began to take nothing."}
    )
    last_delivered_at = Timestamp(required=True, allow_none=True, metadata={"description": "To the minute."})
    waiting = fields.Integer(
        required=True, metadata={"description": "Deliveries that are still to be made.", "example": 0}
    )
    previous_secret_until = Timestamp(
        required=True,
        allow_none=True,
        metadata={"description": "Until then the secret before the present one signs too; null: there is none."},
    )
    created_at = Timestamp(required=True)


class NewWebhook(WebhookOut):
    secret = fields.String(
        required=True,
        metadata={
            "description": "What signs all that is sent; told now and never again.",
            "example": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
        },
    )


class DeliveriesQuery(PageQuery):
    state = fields.String(load_default=None, validate=ma.validate.OneOf(STATES))


class AttemptOut(Schema):
    at = fields.String(required=True, metadata={"format": "date-time", "example": "2026-11-20T10:00:00.000000Z"})
    status = fields.Integer(
        required=True, allow_none=True, metadata={"description": "null: there was no answer.", "example": 500}
    )
    duration_ms = fields.Integer(required=True, metadata={"example": 87})
    error = fields.String(
        required=True, allow_none=True, metadata={"description": "Why there was none.", "example": None}
    )
    answer = fields.String(required=True, metadata={"description": "How its body began.", "example": "out of cheese"})


class DeliveryOut(Schema):
    id = id_field(required=True)
    webhook_id = id_field(required=True)
    kind = fields.String(required=True, metadata={"enum": ["event", "replay", "test"]})
    event_id = id_field(required=True, metadata={"description": "`webhook-id`, the same however often it is sent."})
    name = fields.String(required=True, metadata={"example": "meeting.started"})
    meeting_id = id_field(required=True, allow_none=True)
    state = fields.String(
        required=True,
        metadata={
            "enum": list(STATES),
            "description": "failed: given up, while others were taken. withheld: by the time it was to be sent you "
            "could not read the event any more.",
        },
    )
    attempts = fields.List(
        fields.Nested(AttemptOut), required=True, metadata={"description": "The oldest first, the last 30."}
    )
    next_attempt_at = Timestamp(
        required=True,
        allow_none=True,
        metadata={
            "description": "Of one that waits: not before then, and not before the one before it in its meeting."
        },
    )
    created_at = Timestamp(required=True)
    finished_at = Timestamp(required=True, allow_none=True)
