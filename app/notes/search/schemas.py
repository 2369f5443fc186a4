import marshmallow as ma
from marshmallow import fields

from app.core.api import Schema, Timestamp, id_field, text_field
from app.core.pagination import PageQuery
from app.notes.search.finding import MOST
from app.notes.search.index import KINDS


class SearchQuery(PageQuery):
    limit = fields.Integer(load_default=20, validate=ma.validate.Range(1, MOST))
    q = text_field(200, required=True, metadata={"description": "Words to be found.", "example": "contract"})
    kind = fields.String(load_default=None, validate=ma.validate.OneOf(KINDS))
    meeting_id = id_field(load_default=None, metadata={"description": "Of this meeting alone."})
    call_id = id_field(load_default=None, metadata={"description": "Of this call alone."})
    person_id = id_field(
        load_default=None, metadata={"description": "What this person said or wrote; of a title, its meeting's owner."}
    )
    since = Timestamp(load_default=None, metadata={"description": "Said or written then or later."})
    until = Timestamp(load_default=None, metadata={"description": "Said or written before that."})


class FoundCall(Schema):
    id = id_field(required=True)
    title = fields.String(required=True, metadata={"example": "Renewal with Acme"})


class FoundMeeting(Schema):
    id = id_field(required=True)
    title = fields.String(required=True, metadata={"example": "Weekly review"})


class FoundPerson(Schema):
    user_id = id_field(required=True, allow_none=True)
    display_name = fields.String(required=True, metadata={"example": "Anna Berg"})


class Highlight(Schema):
    begin = fields.Integer(required=True, metadata={"description": "The first character.", "example": 4})
    end = fields.Integer(required=True, metadata={"description": "The one behind the last.", "example": 12})


class FoundOut(Schema):
    kind = fields.String(required=True, metadata={"enum": list(KINDS), "example": "transcript"})
    id = id_field(
        required=True, metadata={"description": "Of the notes, the chat message, or, of a title, the meeting or call."}
    )
    meeting = fields.Nested(
        FoundMeeting, required=True, allow_none=True, metadata={"description": "null: it is of a call."}
    )
    call = fields.Nested(FoundCall, required=True, allow_none=True, metadata={"description": "null: of a meeting."})
    person = fields.Nested(
        FoundPerson, required=True, allow_none=True, metadata={"description": "Who said or wrote it."}
    )
    at = Timestamp(required=True, metadata={"description": "When it was said or written; of a title, when it is held."})
    recording_id = id_field(required=True, allow_none=True, metadata={"description": "In which it can be heard."})
    start_s = fields.Float(
        required=True,
        allow_none=True,
        metadata={"description": "Seconds into that recording or call: where a player begins.", "example": 74.2},
    )
    snippet = fields.String(required=True, metadata={"example": "The contract is ready."})
    highlights = fields.List(
        fields.Nested(Highlight),
        required=True,
        metadata={"description": "What was found, in characters (code points) of the snippet, which is plain text."},
    )
