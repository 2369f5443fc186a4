from marshmallow import fields

from app.core.api import Schema, Timestamp


class CalendarFeedOut(Schema):
    url = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": "Told once, when it is made: it is a secret.",
            "example": "https://meet.example.org/api/v1/calendar/feed/k3…Zw.ics",
        },
    )
    created_at = Timestamp(required=True, allow_none=True, metadata={"description": "null: there is none."})
