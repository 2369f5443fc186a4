import marshmallow as ma
from marshmallow import fields

from app.core.api import Schema


class Live(Schema):
    status = fields.String(required=True, metadata={"example": "ok"})


class Check(Schema):
    name = fields.String(required=True, metadata={"example": "database"})
    status = fields.String(required=True, validate=ma.validate.OneOf(["ok", "failed"]))
    detail = fields.String(required=True, metadata={"description": "What is wrong; empty if nothing is."})
    section = fields.String(
        required=True,
        metadata={
            "description": "What to do about it: a page of the documentation that came with this Parley, and its "
            "section.",
            "example": "docs/troubleshooting.md#the-database",
        },
    )


class Ready(Schema):
    status = fields.String(
        required=True,
        validate=ma.validate.OneOf(["ok", "degraded", "unavailable"]),
        metadata={
            "description": "degraded: calls work, but something beside them does not, such as mails or "
            "recordings. unavailable (503): send requests elsewhere."
        },
    )
    checks = fields.List(
        fields.Nested(Check), metadata={"description": "For admins; to others, with `unavailable`, what is missing."}
    )
