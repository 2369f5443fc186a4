import marshmallow as ma
from marshmallow import fields

from app.core.api import Schema, Timestamp, id_field, text_field
from app.core.objects.base import MOST_PARTS
from app.core.pagination import PageQuery
from app.uploads.media_types import MEDIA_TYPE, UNKNOWN
from app.uploads.purposes import BY_CLIENTS, PURPOSES
from app.uploads.states import TRANSITIONS

NAME_MAX = 200  # characters; with a date before it, file systems take it
URLS_AT_ONCE = 100  # signed addresses in one answer

SHA256 = {"pattern": "^[0-9a-f]{64}$", "example": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}


def _is_plain_name(name: str) -> None:
    if "/" in name or "\\" in name or name in (".", ".."):
        raise ma.ValidationError("The name of a file, without the folders above it.")
    if any(ord(letter) < 32 for letter in name):
        raise ma.ValidationError("Contains control characters.")


def _is_media_type(value: str) -> None:
    if not MEDIA_TYPE.fullmatch(value):
        raise ma.ValidationError("A media type such as image/png, in lower case, without parameters.")


def _number(**kwargs: object) -> fields.Integer:
    return fields.Integer(strict=True, validate=ma.validate.Range(1, MOST_PARTS), metadata={"example": 1}, **kwargs)  # type: ignore[arg-type]


class UploadCreate(Schema):
    purpose = fields.String(required=True, validate=ma.validate.OneOf(BY_CLIENTS), metadata={"example": "chat_file"})
    name = text_field(
        NAME_MAX,
        required=True,
        metadata={
            "description": "As people are to see it; where it is stored is not made of it.",
            "example": "plan.pdf",
        },
    )
    size = fields.Integer(
        required=True,
        strict=True,
        validate=ma.validate.Range(1, 2**53 - 1),
        metadata={"description": "Of the whole file, in bytes.", "example": 20},
    )
    media_type = fields.String(
        load_default=UNKNOWN,
        validate=_is_media_type,
        metadata={
            "description": "What you take it for. What it is, is judged by what is in it.",
            "pattern": "^[a-z0-9][a-z0-9.+-]*/[a-z0-9][a-z0-9.+-]*$",
            "example": "application/pdf",
        },
    )
    client_ref = fields.String(
        load_default=None,
        allow_none=True,
        validate=ma.validate.Length(1, 100),
        metadata={"description": "Yours, to find it again in the list.", "example": "plan.pdf-1763632800000"},
    )

    @ma.validates("name")
    def _check_name(self, value: str, data_key: str) -> None:
        _is_plain_name(value)


class PartNumbers(Schema):
    numbers = fields.List(
        _number(),
        required=True,
        validate=ma.validate.Length(1, URLS_AT_ONCE),
        metadata={"description": "Parts to sign, or to sign again; they count from 1.", "example": [1]},
    )
    last_size = fields.Integer(
        load_default=None,
        allow_none=True,
        strict=True,
        validate=ma.validate.Range(1, 2**53 - 1),
        metadata={
            "description": "Of a file that grows (`size` null): the highest of `numbers` is the last part, and has so "
            "many bytes. All others have `part_size`.",
            "example": None,
        },
    )


class PartDone(Schema):
    number = _number(required=True)
    etag = fields.String(required=True, validate=ma.validate.Length(1, 200), metadata={"example": "1878e-99"})


class UploadComplete(Schema):
    sha256 = fields.String(
        required=True,
        validate=ma.validate.Regexp(SHA256["pattern"], error="64 hexadecimal digits in lower case."),
        metadata={"description": "Of the whole file.", **SHA256},
    )
    parts = fields.List(
        fields.Nested(PartDone),
        load_default=None,
        allow_none=True,
        validate=ma.validate.Length(1, MOST_PARTS),
        metadata={
            "description": "All of them, with the ETag that each PUT answered: held against what has arrived. "
            "Without them, what has arrived counts.",
            "example": None,
        },
    )


class PartUrl(Schema):
    number = _number(required=True)
    size = fields.Integer(required=True, metadata={"description": "Bytes to send, exactly.", "example": 20})
    url = fields.String(
        required=True,
        metadata={
            "description": "PUT the bytes there, with no token: the address is the credential.",
            "example": "https://meet.example.org/api/v1/uploads/…/parts/1?expires=…&size=20&signature=…",
        },
    )
    expires_at = Timestamp(required=True)


class ArrivedPart(Schema):
    number = _number(required=True)
    size = fields.Integer(required=True, metadata={"example": 20})
    etag = fields.String(required=True, metadata={"example": "1878e-99"})


class UploadError(Schema):
    code = fields.String(required=True, metadata={"example": "checksum_mismatch"})
    detail = fields.String(required=True)


class UploadOut(Schema):
    id = id_field(required=True)
    purpose = fields.String(required=True, metadata={"enum": list(PURPOSES), "example": "chat_file"})
    name = fields.String(required=True, metadata={"example": "plan.pdf"})
    size = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "null: it grows; what it becomes is told when it is finished.", "example": 20},
    )
    media_type = fields.String(
        required=True,
        metadata={"description": "As declared; once complete, what the file is.", "example": "application/pdf"},
    )
    client_ref = fields.String(required=True, allow_none=True)
    state = fields.String(required=True, metadata={"enum": list(TRANSITIONS), "example": "uploading"})
    part_size = fields.Integer(
        required=True, metadata={"description": "Of every part but the last, in bytes.", "example": 8_388_608}
    )
    part_count = fields.Integer(required=True, allow_none=True, metadata={"example": 1})
    sha256 = fields.String(required=True, allow_none=True)
    error = fields.Nested(UploadError, required=True, allow_none=True, metadata={"description": "What went wrong."})
    created_at = Timestamp(required=True)
    completed_at = Timestamp(required=True, allow_none=True)
    expires_at = Timestamp(
        required=True, metadata={"description": "When it is forgotten, with all that has arrived, unless it is taken."}
    )


class UploadDetails(UploadOut):
    bytes_arrived = fields.Integer(
        required=True, metadata={"description": "In parts that are whole, of `size`.", "example": 0}
    )
    arrived = fields.List(
        fields.Nested(ArrivedPart),
        required=True,
        metadata={"description": "Parts that are whole, while it is `uploading`; afterwards none."},
    )


class UploadCreated(Schema):
    upload = fields.Nested(UploadOut, required=True)
    part_size = fields.Integer(required=True, metadata={"example": 8_388_608})
    parts = fields.List(
        fields.Nested(PartUrl),
        required=True,
        metadata={"description": f"The first {URLS_AT_ONCE}; `POST /uploads/{{upload_id}}/parts` signs the others."},
    )


class SignedParts(Schema):
    parts = fields.List(fields.Nested(PartUrl), required=True)


class UploadQuery(PageQuery):
    state = fields.String(
        load_default=None, allow_none=True, validate=ma.validate.OneOf(list(TRANSITIONS)), metadata={"example": None}
    )


class PartQuery(Schema):
    """What a signed address carries. Its signature is checked before anything is read."""

    expires = fields.Integer(required=True, metadata={"description": "Seconds since 1970, UTC."})
    size = fields.Integer(required=True)
    signature = fields.String(required=True)


class PartStored(Schema):
    number = _number(required=True)
    size = fields.Integer(required=True, metadata={"example": 20})
    etag = fields.String(required=True, metadata={"example": "1878e-99"})
