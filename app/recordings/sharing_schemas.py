import marshmallow as ma
from marshmallow import fields

from app.core.api import Schema, Timestamp, id_field
from app.recordings.schemas import Chapter

SHORTEST_S = 60
SHORTEST_PASSCODE, LONGEST_PASSCODE = 6, 100


class ShareIn(Schema):
    expires_in = fields.Integer(
        strict=True,
        load_default=7 * 24 * 3600,
        validate=ma.validate.Range(SHORTEST_S),
        metadata={"description": "Seconds until it opens nothing any more.", "example": 604800},
    )
    passcode = fields.String(
        load_default=None,
        allow_none=True,
        validate=ma.validate.Length(SHORTEST_PASSCODE, LONGEST_PASSCODE),
        metadata={"description": "Tell it another way than the link.", "example": "bright-teal"},
    )


class ShareOut(Schema):
    id = id_field(required=True)
    recording_id = id_field(required=True)
    has_passcode = fields.Boolean(required=True)
    created_at = Timestamp(required=True)
    expires_at = Timestamp(required=True)


class NewShare(ShareOut):
    url = fields.String(
        required=True,
        metadata={
            "description": "Of a page that plays it; told now and never again.",
            "example": "https://meet.example.org/shared#kOZ8…",
        },
    )
    secret = fields.String(required=True, metadata={"description": "What stands behind the `#`.", "example": "kOZ8…"})


class SharedLookUp(Schema):
    secret = fields.String(required=True, validate=ma.validate.Length(1, 200), metadata={"example": "kOZ8…"})
    passcode = fields.String(
        load_default=None,
        allow_none=True,
        validate=ma.validate.Length(1, LONGEST_PASSCODE),
        metadata={"example": "bright-teal"},
    )


class SharedRecording(Schema):
    title = fields.String(required=True, metadata={"example": "Weekly review"})
    started_at = Timestamp(required=True, allow_none=True)
    duration_s = fields.Float(required=True, allow_none=True, metadata={"example": 61.2})
    content_type = fields.String(required=True, metadata={"example": "video/mp4"})
    bytes = fields.Integer(required=True, metadata={"example": 9187342})
    is_mock = fields.Boolean(required=True)
    chapters = fields.List(fields.Nested(Chapter), required=True)
    expires_at = Timestamp(required=True, metadata={"description": "When the link opens nothing any more."})
    signed_url = fields.String(
        required=True,
        metadata={"description": "The film, without a token, with `Range`. Ask anew when it has expired."},
    )
    signed_until = Timestamp(required=True)
