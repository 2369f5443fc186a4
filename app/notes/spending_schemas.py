import marshmallow as ma
from marshmallow import fields

from app.core.api import Schema, Timestamp, id_field
from app.core.pagination import PageQuery
from app.notes.pipeline import ORDER


class SpendingQuery(PageQuery):
    month = fields.String(
        load_default=None,
        validate=ma.validate.Regexp(r"\d{4}-(0[1-9]|1[0-2])\Z", error="Not a month, such as 2026-11."),
        metadata={"description": "In UTC; this one, if none is named.", "example": "2026-11"},
    )


class SpendingOut(Schema):
    id = id_field(required=True)
    meeting_id = id_field(required=True, allow_none=True)
    call_id = id_field(required=True, allow_none=True)
    notes_id = id_field(
        required=True, allow_none=True, metadata={"description": "null: texts were made ready for the search."}
    )
    stage = fields.String(required=True, metadata={"enum": [*ORDER, "embed"], "example": "transcribe"})
    provider = fields.String(required=True, metadata={"example": "openai"})
    model = fields.String(required=True, allow_none=True, metadata={"example": "whisper-1"})
    seconds = fields.Float(required=True, allow_none=True, metadata={"description": "Of sound.", "example": 61.5})
    input_tokens = fields.Integer(required=True, allow_none=True, metadata={"example": 1200})
    output_tokens = fields.Integer(required=True, allow_none=True, metadata={"example": 300})
    cost_usd = fields.Float(
        required=True, allow_none=True, metadata={"description": "null: nobody knows.", "example": 0.006}
    )
    spent_at = Timestamp(required=True)


class SpendingPage(Schema):
    month = fields.String(required=True, metadata={"example": "2026-11"})
    spent_usd = fields.Float(required=True, metadata={"description": "In that month, as known.", "example": 1.25})
    budget_usd = fields.Float(
        required=True, allow_none=True, metadata={"description": "Of a month; null: there is no limit.", "example": 10}
    )
    items = fields.List(fields.Nested(SpendingOut), required=True)
    next_cursor = fields.String(required=True, allow_none=True)
