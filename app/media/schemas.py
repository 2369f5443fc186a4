from marshmallow import fields

from app.core.api import Schema, Timestamp, id_field

SOURCES = ("microphone", "camera", "screen")


class TrackOut(Schema):
    id = id_field(required=True)
    participant_id = id_field(required=True)
    kind = fields.String(required=True, metadata={"enum": ["audio", "video"], "example": "video"})
    mid = fields.String(required=True, metadata={"example": "1"})
    source = fields.String(required=True, metadata={"enum": list(SOURCES), "example": "camera"})
    published_at = Timestamp(required=True)


class Tracks(Schema):
    items = fields.List(fields.Nested(TrackOut), required=True)
