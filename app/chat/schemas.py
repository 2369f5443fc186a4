from typing import Any

import marshmallow as ma
from marshmallow import fields

from app.core.api import Schema, Timestamp, id_field, text_field
from app.core.pagination import MOST_PER_PAGE
from app.core.settings import LONGEST_CHAT_TEXT
from app.meetings.schemas import PersonName

TYPES = ("text", "system", "file")
SYSTEM_KINDS = (
    "participant.joined",
    "participant.left",
    "recording.started",
    "recording.stopped",
    "recording.ready",
    "meeting.ended",
    "chat.cleared",
)
LARGEST_NUMBER = 2**63 - 1


def _number(**kwargs: Any) -> fields.Integer:
    return fields.Integer(validate=ma.validate.Range(0, LARGEST_NUMBER), **kwargs)


class MessageSend(Schema):
    text = text_field(
        LONGEST_CHAT_TEXT,
        load_default=None,
        metadata={
            "description": "Plain text, never HTML; at most CHAT_TEXT_MAX characters.",
            "example": "The agenda is in the calendar.",
        },
    )
    upload_id = id_field(
        load_default=None,
        metadata={
            "description": "A completed upload of yours with the purpose `chat_file`; then `text` may be missing.",
            "example": None,
        },
    )
    client_ref = text_field(
        64,
        load_default=None,
        metadata={
            "description": "Yours: a repeat with the same one is answered as the first time and sends nothing more.",
            "example": "phone-1-42",
        },
    )

    @ma.validates_schema
    def _says_something(self, data: dict[str, Any], **_: object) -> None:
        if data.get("text") is None and data.get("upload_id") is None:
            raise ma.ValidationError("Give text, or upload_id, or both.", "text")


class MessageEdit(Schema):
    text = text_field(LONGEST_CHAT_TEXT, required=True, metadata={"example": "The agenda is in the invitation."})


class MessagesQuery(Schema):
    before = _number(load_default=None, metadata={"description": "Messages before this number, the newest of them."})
    after = _number(load_default=None, metadata={"description": "Messages after this number, the oldest of them."})
    limit = fields.Integer(load_default=50, validate=ma.validate.Range(1, MOST_PER_PAGE))

    @ma.validates_schema
    def _one_direction(self, data: dict[str, Any], **_: object) -> None:
        if data.get("before") is not None and data.get("after") is not None:
            raise ma.ValidationError("Give before or after, not both.", "after")


class SystemLine(Schema):
    """What the system tells of: for apps to say it in their own words."""

    kind = fields.String(required=True, metadata={"enum": list(SYSTEM_KINDS), "example": "participant.joined"})
    participant_id = id_field(required=True, allow_none=True)
    user_id = id_field(required=True, allow_none=True)
    display_name = fields.String(required=True, allow_none=True, metadata={"example": "Ben"})
    recording_id = id_field(required=True, allow_none=True, metadata={"example": None})
    reason = fields.String(required=True, allow_none=True, metadata={"description": "Why they left.", "example": None})


class ChatFile(Schema):
    name = fields.String(required=True, metadata={"example": "plan.pdf"})
    media_type = fields.String(required=True, metadata={"description": "What is in it.", "example": "application/pdf"})
    size = fields.Integer(required=True, metadata={"description": "In bytes.", "example": 187342})
    sha256 = fields.String(required=True, metadata={"description": "In lowercase hex."})
    download_url = fields.String(
        required=True, metadata={"description": "It needs your access token like every other address."}
    )


class ReactionCount(Schema):
    emoji = fields.String(required=True, metadata={"example": "👍"})
    count = fields.Integer(required=True, metadata={"example": 2})
    mine = fields.Boolean(metadata={"description": "Yours is among them. Not in events.", "example": True})


class MessageOut(Schema):
    id = id_field(required=True)
    meeting_id = id_field(required=True)
    number = fields.Integer(
        required=True, metadata={"description": "In its meeting; grows, and may have gaps.", "example": 7}
    )
    type = fields.String(required=True, metadata={"enum": list(TYPES), "example": "text"})
    sender = fields.Nested(PersonName, required=True, allow_none=True)
    text = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": "Plain text; of a system line in English. Null once it is deleted.",
            "example": "The agenda is in the calendar.",
        },
    )
    system = fields.Nested(SystemLine, required=True, allow_none=True)
    file = fields.Nested(ChatFile, required=True, allow_none=True)
    reactions = fields.List(fields.Nested(ReactionCount), required=True)
    client_ref = fields.String(required=True, allow_none=True, metadata={"example": "phone-1-42"})
    created_at = Timestamp(required=True)
    edited_at = Timestamp(required=True, allow_none=True)
    deleted_at = Timestamp(required=True, allow_none=True)


class ReadState(Schema):
    head = fields.Integer(required=True, metadata={"description": "Number of the newest message.", "example": 7})
    read_up_to = fields.Integer(required=True, metadata={"description": "How far you have read.", "example": 5})
    unread = fields.Integer(
        required=True, metadata={"description": "Messages of others behind that, without system lines.", "example": 2}
    )


class MessageOutPage(ReadState):
    items = fields.List(fields.Nested(MessageOut), required=True)
    next_cursor = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The next page's `after`; without `after`, its `before`.", "example": "3"},
    )


class Read(Schema):
    up_to = fields.Integer(
        required=True,
        strict=True,
        validate=ma.validate.Range(0, LARGEST_NUMBER),
        metadata={"description": "Number of the newest message that was read.", "example": 0},
    )
