import marshmallow as ma
from marshmallow import fields

from app.core.api import Boolean, Schema, Timestamp, id_field
from app.meetings.schemas import PersonName
from app.recordings.states import TRANSITIONS

MODES = ("composite", "tracks", "both")
OUTCOMES = ("complete", "recovered", "failed")


class RecordingStart(Schema):
    mode = fields.String(
        load_default="composite",
        validate=ma.validate.OneOf(MODES),
        metadata={"description": "The mock recorder makes one file, whichever you ask for."},
    )
    audio_only = Boolean(load_default=False)


class RecordedParticipant(Schema):
    participant_id = id_field(required=True)
    user_id = id_field(required=True, allow_none=True)
    display_name = fields.String(required=True, metadata={"example": "Anna Berg"})
    kind = fields.String(required=True, metadata={"example": "user"})


class RecordingOut(Schema):
    id = id_field(required=True)
    meeting_id = id_field(required=True)
    started_by = fields.Nested(PersonName, required=True)
    mode = fields.String(required=True, metadata={"enum": list(MODES), "example": "composite"})
    audio_only = fields.Boolean(required=True)
    driver = fields.String(required=True, metadata={"example": "mock"})
    is_mock = fields.Boolean(
        required=True,
        metadata={"description": "The file was generated: a test card and a tone, nothing of the meeting."},
    )
    state = fields.String(required=True, metadata={"enum": list(TRANSITIONS), "example": "ready"})
    outcome = fields.String(required=True, allow_none=True, metadata={"enum": [*OUTCOMES, None], "example": "complete"})
    participants = fields.List(
        fields.Nested(RecordedParticipant),
        required=True,
        metadata={"description": "Who was there when it began; if nobody was, the first who came."},
    )
    started_at = Timestamp(required=True, allow_none=True)
    ended_at = Timestamp(required=True, allow_none=True)
    duration_s = fields.Float(
        required=True,
        allow_none=True,
        metadata={
            "description": "How long the file plays, in seconds. The mock recorder's files last 6 s at most, "
            "however long it ran; that is `ended_at` less `started_at`.",
            "example": 6.0,
        },
    )
    file_path = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "Key in the object store.", "example": "recordings/…/…/recording.mp4"},
    )
    content_type = fields.String(required=True, allow_none=True, metadata={"example": "video/mp4"})
    bytes = fields.Integer(required=True, allow_none=True, metadata={"example": 187342})
    sha256 = fields.String(required=True, allow_none=True, metadata={"description": "Of the file, in lowercase hex."})
    download_url = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "Once it is ready; it needs your access token like every other address."},
    )
    error = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "What went wrong. While `processing`, it is tried again."},
    )
