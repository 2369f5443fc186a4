import marshmallow as ma
from marshmallow import fields

from app.core.api import Schema, Timestamp, id_field


def _figure(most: float, description: str, example: float) -> fields.Float:
    return fields.Float(validate=ma.validate.Range(0, most), metadata={"description": description, "example": example})


class Figures(Schema):
    round_trip_ms = _figure(60_000, "To the other side and back, the longest of all connections.", 48)
    jitter_ms = _figure(60_000, "How unevenly packets come, the worst of all that is received.", 6)
    lost = _figure(1, "Which part of the packets did not reach this device.", 0.004)
    frozen = _figure(1, "For which part of the time a picture stood still, the worst of all that are received.", 0)
    sent_bps = _figure(10**10, "Bits a second that are sent.", 1_650_000)
    received_bps = _figure(10**10, "Bits a second that are received.", 1_580_000)


class Summary(Figures):
    """Of the time since the summary before; what is not known is left out."""

    relayed = fields.Boolean(metadata={"description": "Whether a TURN server stands between.", "example": False})

    @ma.validates_schema
    def _says_something(self, data: dict[str, object], **_: object) -> None:
        if not data:
            raise ma.ValidationError("There is no figure in it.")


class Measured(Figures):
    """The same as it is read again."""

    relayed = fields.Boolean(metadata={"example": False})


class QualityOut(Schema):
    participant_id = id_field(required=True)
    user_id = id_field(required=True, allow_none=True)
    display_name = fields.String(required=True, metadata={"example": "Anna"})
    device = fields.String(required=True, allow_none=True, metadata={"example": "laptop"})
    first_told_at = Timestamp(required=True)
    told_at = Timestamp(required=True)
    number = fields.Integer(required=True, metadata={"description": "Of summaries.", "example": 31})
    is_poor = fields.Boolean(
        required=True,
        metadata={"description": "By the newest: 400 ms of round trip, or 5 % lost or frozen.", "example": False},
    )
    last = fields.Nested(Measured, required=True)
    worst = fields.Nested(Figures, required=True, metadata={"description": "Of each figure, whenever that was."})
    average = fields.Nested(Figures, required=True)


class Qualities(Schema):
    items = fields.List(fields.Nested(QualityOut), required=True)
