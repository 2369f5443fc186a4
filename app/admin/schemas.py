import marshmallow as ma
from marshmallow import fields

from app.core.api import Schema, Timestamp, id_field
from app.core.jobs.states import TRANSITIONS
from app.core.pagination import PageQuery


class JobsQuery(PageQuery):
    state = fields.String(load_default=None, validate=ma.validate.OneOf(tuple(TRANSITIONS)))
    kind = fields.String(
        load_default=None, validate=ma.validate.Length(1, 64), metadata={"example": "recordings.compose"}
    )


class JobOut(Schema):
    id = id_field(required=True)
    kind = fields.String(required=True, metadata={"description": "Which task it is.", "example": "recordings.compose"})
    state = fields.String(required=True, metadata={"enum": list(TRANSITIONS), "example": "running"})
    about = fields.Dict(
        required=True,
        keys=fields.String(),
        values=fields.String(),
        metadata={
            "description": "Ids of what it is about; nothing else of what it was given.",
            "example": {"recording_id": "01980a3e-7b6c-7d4e-8f00-1a2b3c4d5e6f"},
        },
    )
    every_s = fields.Float(
        required=True,
        allow_none=True,
        metadata={"description": "Of a task that runs by the clock: how often. It is one job, again and again."},
    )
    attempts = fields.Integer(required=True, metadata={"description": "Runs begun.", "example": 1})
    max_attempts = fields.Integer(required=True, metadata={"example": 12})
    progress = fields.Float(
        required=True,
        allow_none=True,
        metadata={"description": "0 to 1, of those that tell: compositions and exports.", "example": 0.4},
    )
    last_error = fields.String(required=True, allow_none=True, metadata={"example": "TimeoutError: no answer"})
    next_attempt_at = Timestamp(
        required=True, allow_none=True, metadata={"description": "Of one that is queued: not before then."}
    )
    leased_until = Timestamp(
        required=True, allow_none=True, metadata={"description": "Of one that runs: taken over if not renewed."}
    )
    created_at = Timestamp(required=True)
    finished_at = Timestamp(required=True, allow_none=True)
