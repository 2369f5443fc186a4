from typing import Any

import marshmallow as ma
from marshmallow import fields

from app.core.api import Schema, Timestamp, id_field
from app.recordings.schemas import CLEANED, CLEANING
from app.recordings.states import RENDITIONS

FORMATS = ("wav", "original")


class ExportIn(Schema):
    format = fields.String(
        load_default="wav",
        validate=ma.validate.OneOf(FORMATS),
        metadata={
            "description": "`wav`: one file for each participant who was heard, 48 kHz, all of the recording's length. "
            "`original`: the files as they came, with a table of where each begins.",
            "example": "wav",
        },
    )
    clean = fields.String(
        load_default="none",
        validate=ma.validate.OneOf(CLEANED),
        metadata={"description": f"{CLEANING} Of `wav` alone.", "example": "loudness"},
    )

    @ma.validates_schema
    def _cleans_sound_only(self, data: dict[str, Any], **_: Any) -> None:
        if data["format"] == "original" and data["clean"] != "none":
            raise ma.ValidationError("Files that stay as they came are not cleaned.", "clean")


class ExportOut(Schema):
    id = id_field(required=True)
    recording_id = id_field(required=True)
    format = fields.String(required=True, metadata={"enum": list(FORMATS), "example": "wav"})
    clean = fields.String(required=True, metadata={"enum": list(CLEANED), "example": "loudness"})
    state = fields.String(required=True, metadata={"enum": list(RENDITIONS), "example": "ready"})
    progress = fields.Float(required=True, metadata={"description": "0 to 1.", "example": 1.0})
    bytes = fields.Integer(required=True, allow_none=True, metadata={"example": 9187342})
    sha256 = fields.String(required=True, allow_none=True, metadata={"description": "Of the ZIP, in lowercase hex."})
    warnings = fields.List(fields.String(), required=True, metadata={"description": "What was left out."})
    error = fields.String(required=True, allow_none=True)
    created_at = Timestamp(required=True)
    finished_at = Timestamp(required=True, allow_none=True)
    download_url = fields.String(required=True, allow_none=True)
    signed_url = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The same without a token, for browsers, until the address expires."},
    )
