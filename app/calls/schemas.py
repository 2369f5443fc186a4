import marshmallow as ma
from marshmallow import fields

from app.core.api import Schema, Timestamp, id_field, text_field
from app.core.pagination import PageQuery
from app.notes.schemas import LANGUAGE, StageOut

STATES = ("received", "transcribing", "analysing", "done", "failed")


def _told(most: int, description: str, example: str) -> fields.String:
    metadata = {"description": description, "example": example}
    return text_field(most, load_default=None, allow_none=True, metadata=metadata)


def _language() -> fields.String:
    return fields.String(
        load_default=None,
        allow_none=True,
        validate=ma.validate.Regexp(LANGUAGE, error="Not a language tag (BCP 47)."),
        metadata={"description": "What is spoken, BCP 47; null: the transcriber finds out.", "example": "en"},
    )


class CallTold(Schema):
    """What is said of a call."""

    title = _told(200, "null: the file's name.", "Renewal with Acme")
    account = _told(200, "Yours, of whatever keeps your customers: whom the call is booked on.", "acme-4711")
    deal = _told(200, "The same of what it is about.", "renewal-2026")
    agent = _told(100, "Who called for you.", "Anna Berg")
    customer = _told(100, "Who was called.", "Carla Diaz")
    language = _language()
    channel_names = fields.List(
        text_field(100),
        load_default=[],
        validate=ma.validate.Length(max=2),
        metadata={
            "description": "Who is heard on the left channel, who on the right.",
            "example": ["Anna", "Carla"],
        },
    )
    held_at = Timestamp(
        load_default=None,
        allow_none=True,
        metadata={
            "description": "When it was; “next Monday” is counted from that day. Without it, from the day on which "
            "the call was sent, and a warning of the analysis says so."
        },
    )


class CallIn(CallTold):
    upload_id = id_field(
        required=True, metadata={"description": "A completed upload of yours with the purpose `call_audio`."}
    )


class CallForm(CallTold):
    file = fields.Raw(
        required=True,
        metadata={"type": "string", "format": "binary", "description": "As long as REQUEST_MAX_BYTES lets it be."},
    )


class CallsQuery(PageQuery):
    account = _told(200, "Of this account alone.", "acme-4711")
    deal = _told(200, "Of this deal alone.", "renewal-2026")
    agent = _told(100, "Of this agent alone.", "Anna Berg")
    customer = _told(100, "With this customer alone.", "Carla Diaz")
    language = _language()


class CallOut(Schema):
    id = id_field(required=True)
    title = fields.String(required=True, metadata={"example": "Renewal with Acme"})
    account = fields.String(required=True, allow_none=True, metadata={"example": "acme-4711"})
    deal = fields.String(required=True, allow_none=True, metadata={"example": "renewal-2026"})
    agent = fields.String(required=True, allow_none=True, metadata={"example": "Anna Berg"})
    customer = fields.String(required=True, allow_none=True, metadata={"example": "Carla Diaz"})
    language = fields.String(required=True, allow_none=True, metadata={"example": "en"})
    channel_names = fields.List(fields.String(), required=True, metadata={"example": ["Anna", "Carla"]})
    held_at = Timestamp(required=True, allow_none=True)
    media_type = fields.String(required=True, metadata={"example": "audio/wav"})
    bytes = fields.Integer(required=True, metadata={"example": 480_044})
    sha256 = fields.String(required=True, metadata={"description": "In hex; the same file is taken once."})
    state = fields.String(required=True, metadata={"enum": list(STATES), "example": "done"})
    is_mock = fields.Boolean(required=True, metadata={"description": "Canned: nothing of it was heard."})
    stages = fields.List(fields.Nested(StageOut), required=True, metadata={"description": "In their order."})
    progress = fields.Float(required=True, metadata={"description": "Of all stages, 0 to 1.", "example": 1.0})
    cost_usd = fields.Float(
        required=True, allow_none=True, metadata={"description": "Of all stages; null: nobody knows.", "example": 0.02}
    )
    error = fields.String(required=True, allow_none=True, metadata={"description": "Why it failed."})
    error_code = fields.String(required=True, allow_none=True, metadata={"example": "nothing_to_transcribe"})
    created_at = Timestamp(required=True)
    signed_url = fields.String(
        required=True,
        metadata={"description": "The file without a token, for players, until the address expires. Ask anew then."},
    )
