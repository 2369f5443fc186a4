from typing import Any

from marshmallow import fields

from app.core.api import Schema


class CountUse(Schema):
    used = fields.Integer(required=True, metadata={"example": 2})
    limit = fields.Integer(required=True, allow_none=True, metadata={"description": "null: none.", "example": 50})


class AmountUse(Schema):
    used = fields.Float(required=True, metadata={"example": 12.5})
    limit = fields.Float(required=True, allow_none=True, metadata={"description": "null: none.", "example": 600})


def _count(description: str) -> Any:
    return fields.Nested(CountUse, required=True, metadata={"description": description})


def _amount(description: str) -> Any:
    return fields.Nested(AmountUse, required=True, metadata={"description": description})


class MyUsageOut(Schema):
    storage_bytes = _count("What one has sent, and recordings of one's meetings; `/auth/me/storage` has the parts.")
    open_uploads = _count("Uploads that are unfinished or not used yet.")
    open_uploads_bytes = _count("Their bytes, as they were declared.")
    running_recordings = _count("Recordings that run now, of all one's meetings.")
    month = fields.String(
        required=True, metadata={"description": "In UTC; what follows is counted by it.", "example": "2026-11"}
    )
    transcription_min = _amount("Minutes of sound that were transcribed.")
    notes_usd = _amount("What transcripts and notes have cost, as known; `/auth/me/spending` has the parts.")
