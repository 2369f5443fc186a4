"""What participants tell of tracks that they record themselves."""

import marshmallow as ma
from marshmallow import fields

from app.core.api import Schema, Timestamp, id_field
from app.media.schemas import SOURCES
from app.recordings.states import TRACKS
from app.recordings.worker_schemas import AT, Seconds, spans
from app.uploads.schemas import SHA256, UploadOut

MIME = r"^(audio|video)/(webm|mp4|ogg|x-matroska)\s*(;\s*codecs=[A-Za-z0-9.,\" +-]{1,100})?$"
LARGEST_OFFSET_MS = 1000 * 60 * 60 * 24 * 366 * 30  # devices that lost their time say 1970, or 2000


class LocalTrackIn(Schema):
    participant_id = id_field(required=True, metadata={"description": "The stay of the device that records."})
    kind = fields.String(required=True, validate=ma.validate.OneOf(["audio", "video"]), metadata={"example": "audio"})
    source = fields.String(required=True, validate=ma.validate.OneOf(SOURCES), metadata={"example": "microphone"})
    mime = fields.String(
        required=True,
        validate=ma.validate.Regexp(MIME, error="webm, mp4, ogg or x-matroska, with `codecs` if you like."),
        metadata={
            "description": "As the recorder has it. What is in the file is looked at when it is there.",
            "pattern": "^(audio|video)/(webm|mp4|ogg|x-matroska)$",
            "example": "audio/webm",
        },
    )
    started_at = Timestamp(
        required=True, metadata={"description": "When the file's time 0 was, by your clock.", "example": AT}
    )
    clock_offset_ms = fields.Float(
        required=True,
        allow_nan=False,
        validate=ma.validate.Range(-LARGEST_OFFSET_MS, LARGEST_OFFSET_MS),
        metadata={"description": "How far the server's clock (`GET /rtc/clock`) is ahead of yours.", "example": 12.5},
    )
    clock_uncertainty_ms = fields.Float(
        required=True,
        allow_nan=False,
        validate=ma.validate.Range(0, 60_000),
        metadata={"description": "How wrong that may be: half of the round trip that told it.", "example": 4.0},
    )


class LocalTrack(Schema):
    id = id_field(required=True)
    recording_id = id_field(required=True)
    participant_id = id_field(required=True)
    upload_id = id_field(required=True, allow_none=True)
    kind = fields.String(required=True, metadata={"example": "audio"})
    source = fields.String(required=True, metadata={"example": "microphone"})
    content_type = fields.String(required=True, metadata={"example": "audio/webm"})
    state = fields.String(
        required=True,
        metadata={
            "enum": list(TRACKS),
            "description": "`recording` until it is finished, `spooled` while it is verified, then `uploaded`.",
            "example": "recording",
        },
    )
    reason = fields.String(required=True, allow_none=True, metadata={"description": "Why it was lost."})
    started_at = Timestamp(required=True, metadata={"description": "By the server's clock."})
    duration_s = fields.Float(required=True, allow_none=True, metadata={"example": 61.2})
    offset_s = fields.Float(
        required=True, metadata={"description": "The same in the recording's time, in seconds.", "example": 0.25}
    )


class LocalTrackBegun(Schema):
    track = fields.Nested(LocalTrack, required=True)
    upload = fields.Nested(UploadOut, required=True, metadata={"description": "It grows: `size` is null."})


class LocalTrackFinish(Schema):
    size = fields.Integer(
        required=True, strict=True, validate=ma.validate.Range(1, 2**53 - 1), metadata={"example": 187342}
    )
    sha256 = fields.String(
        required=True,
        validate=ma.validate.Regexp(SHA256["pattern"], error="64 hexadecimal digits in lower case."),
        metadata={"description": "Of the whole file.", **SHA256},
    )
    duration_s = Seconds(required=True, metadata={"example": 61.2})
    mutes = spans()
