"""What media workers tell of recordings."""

from typing import Any

import marshmallow as ma
from marshmallow import fields

from app.core.api import Boolean, Schema, Timestamp, id_field
from app.media.schemas import SOURCES
from app.recordings.states import TRACKS

CODECS = ("opus", "vp8", "vp9", "h264", "av1", "pcmu", "pcma", "g722")
CONTENT_TYPES = ("audio/webm", "video/webm", "audio/x-matroska", "video/x-matroska")
MOST_SPANS = 1_000
MOST_STATS = 50
LONGEST_REASON = 500  # characters; the first hundred of a track's are kept
AT = "2026-11-20T10:00:00Z"
LONGEST_S = 60 * 60 * 24 * 7


def _epoch() -> fields.Integer:
    return fields.Integer(required=True, strict=True, validate=ma.validate.Range(0, 2**31 - 1), metadata={"example": 3})


class Seconds(fields.Float):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_nan=False, validate=ma.validate.Range(0, LONGEST_S), **kwargs)


def spans() -> "fields.List[Any]":
    return fields.List(
        fields.List(Seconds(), validate=ma.validate.Length(equal=2)),
        load_default=None,
        allow_none=True,
        validate=ma.validate.Length(max=MOST_SPANS),
        metadata={"description": "From and until, in seconds of the file's own time.", "example": [[1.2, 2.4]]},
    )


class RecordedTrackIn(Schema):
    epoch = _epoch()
    participant_id = id_field(required=True)
    track_id = id_field(required=True)
    kind = fields.String(required=True, validate=ma.validate.OneOf(["audio", "video"]), metadata={"example": "audio"})
    source = fields.String(required=True, validate=ma.validate.OneOf(SOURCES), metadata={"example": "microphone"})
    codec = fields.String(required=True, validate=ma.validate.OneOf(CODECS), metadata={"example": "opus"})
    content_type = fields.String(
        required=True, validate=ma.validate.OneOf(CONTENT_TYPES), metadata={"example": "audio/webm"}
    )
    state = fields.String(required=True, validate=ma.validate.OneOf(TRACKS), metadata={"example": "recording"})
    reason = fields.String(load_default=None, allow_none=True, validate=ma.validate.Length(1, LONGEST_REASON))
    started_at = Timestamp(
        required=True,
        allow_none=True,
        metadata={"description": "The wall time of the file's time 0. null: not known yet, about now.", "example": AT},
    )
    duration_s = Seconds(load_default=None, allow_none=True, metadata={"example": 12.3})
    bytes = fields.Integer(
        load_default=None,
        allow_none=True,
        strict=True,
        validate=ma.validate.Range(0, 2**53 - 1),
        metadata={"example": 12345},
    )
    sha256 = fields.String(
        load_default=None,
        allow_none=True,
        validate=ma.validate.Regexp("^[0-9a-f]{64}$", error="64 hexadecimal digits in lower case."),
        metadata={"pattern": "^[0-9a-f]{64}$", "example": None},
    )
    upload_id = id_field(load_default=None, allow_none=True, metadata={"example": None})
    recovered = Boolean(load_default=False)
    stats = fields.Dict(
        keys=fields.String(validate=ma.validate.Length(1, 64)),
        values=fields.Float(allow_nan=False, allow_none=True),
        load_default=None,
        allow_none=True,
        validate=ma.validate.Length(max=MOST_STATS),
        metadata={"example": {"packets": 3050, "lost": 2}},
    )
    gaps = spans()
    mutes = spans()

    @ma.validates_schema
    def _has_what_its_state_needs(self, data: dict[str, Any], **_: Any) -> None:
        if data["state"] == "uploaded" and data["upload_id"] is None:
            raise ma.ValidationError("Needed for `uploaded`.", "upload_id")


class RecordedTrackTaken(Schema):
    id = id_field(required=True)
    state = fields.String(required=True, metadata={"enum": list(TRACKS), "example": "recording"})


class RecordingReport(Schema):
    state = fields.String(
        required=True,
        validate=ma.validate.OneOf(["recording", "stopped", "failed"]),
        metadata={
            "description": "`recording`: it is written now. `stopped`: every file of this epoch is closed and told. "
            "`failed`: it can't be.",
            "example": "recording",
        },
    )
    epoch = _epoch()
    reason = fields.String(
        load_default=None,
        allow_none=True,
        validate=ma.validate.Length(1, LONGEST_REASON),
        metadata={"example": None},
    )


class RecordingReported(Schema):
    state = fields.String(required=True, metadata={"example": "recording"})
