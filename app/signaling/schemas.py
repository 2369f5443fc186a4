import marshmallow as ma
from marshmallow import fields

from app.core.api import Schema, Timestamp, id_field, text_field

SIGNAL_TYPES = (
    *("rtc.offer", "rtc.answer", "rtc.candidate", "rtc.restart"),
    *("rtc.track", "rtc.subscribe", "rtc.error"),
)


class ServerTime(Schema):
    now = Timestamp(required=True)


class SignalIn(Schema):
    to = id_field(required=True, metadata={"description": "The participant that it is for."})
    type = fields.String(required=True, validate=ma.validate.OneOf(SIGNAL_TYPES), metadata={"example": "rtc.offer"})
    payload = fields.Dict(
        keys=fields.String(),
        required=True,
        metadata={
            "description": "Offers and answers: {sdp}; rtc.candidate: {candidate}, where null ends the candidates.",
            "example": {"sdp": "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"},
        },
    )
    client_ref = text_field(
        64,
        load_default=None,
        metadata={"description": "Yours, unique per participant: a repeat is answered alike and stored once."},
    )


class SendSignals(Schema):
    from_ = id_field(data_key="from", required=True, metadata={"description": "A participant of yours."})
    epoch = fields.Integer(
        strict=True,
        load_default=None,
        validate=ma.validate.Range(0, 2**31 - 1),
        metadata={
            "description": "The sender's: the `epoch` of that participant as you know it. If it was raised since, "
            "nothing is sent: 409 `epoch_passed`. A media worker always names it.",
            "example": 1,
        },
    )
    messages = fields.List(fields.Nested(SignalIn), required=True, validate=ma.validate.Length(min=1))


class SentSignal(Schema):
    id = id_field(required=True)
    to = id_field(required=True)
    client_ref = fields.String(required=True, allow_none=True)


class SentSignals(Schema):
    items = fields.List(fields.Nested(SentSignal), required=True)
