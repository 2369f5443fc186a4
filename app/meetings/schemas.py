from zoneinfo import available_timezones

import marshmallow as ma
from marshmallow import fields

from app.core.api import Boolean, JsonObject, Schema, Timestamp, id_field, text_field
from app.core.pagination import PageQuery
from app.meetings import recurrence

CHAT_RETENTION = ("keep", "until_end")
MEDIA_MODES = ("auto", "sfu", "p2p", "mock")
STATES = ("scheduled", "live", "ended", "cancelled")
LONGEST_MIN = 7 * 24 * 60
LONGEST_KEPT_DAYS = 3650
METADATA_MAX_BYTES = 8_192
LOBBIES = ("off", "guests", "everyone")


def _zone(value: str) -> None:
    if value not in available_timezones():
        raise ma.ValidationError("Not an IANA time zone such as Europe/Berlin.")


class PersonName(Schema):
    user_id = id_field(required=True)
    display_name = fields.String(required=True, metadata={"example": "Anna Berg"})


def _permission(**kwargs: object) -> fields.String:
    return fields.String(
        validate=ma.validate.OneOf(("hosts", "everyone")),
        metadata={"example": "everyone"},
        **kwargs,  # type: ignore[arg-type]
    )


class PermissionsUpdate(Schema):
    """What everyone in the meeting may do, and what only its owner and co-hosts. What is not given stays as it is."""

    share_screen = _permission()
    chat = _permission()
    record = _permission()


class PermissionsOut(Schema):
    share_screen = _permission(required=True)
    chat = _permission(required=True)
    record = _permission(required=True)


class MeetingUpdate(Schema):
    """What an owner sets. What is not given stays as it is."""

    title = text_field(200, metadata={"example": "Weekly review"})
    description = text_field(10_000, 0, metadata={"example": "What went well, what did not."})
    starts_at = Timestamp(allow_none=True)
    duration_min = fields.Integer(
        strict=True, allow_none=True, validate=ma.validate.Range(1, LONGEST_MIN), metadata={"example": 30}
    )
    time_zone = fields.String(
        validate=[ma.validate.Length(1, 64), _zone], metadata={"example": "Europe/Berlin", "default": "UTC"}
    )
    media_mode = fields.String(validate=ma.validate.OneOf(MEDIA_MODES), metadata={"example": "auto"})
    record_automatically = Boolean(metadata={"example": False})
    recordings_keep_days = fields.Integer(
        strict=True,
        allow_none=True,
        validate=ma.validate.Range(1, LONGEST_KEPT_DAYS),
        metadata={
            "description": "Days after their end that its recordings are deleted; null: as long as the server keeps "
            "them, which no meeting may exceed.",
            "example": None,
        },
    )
    max_participants = fields.Integer(strict=True, allow_none=True, validate=ma.validate.Range(2, 10_000))
    chat_retention = fields.String(
        validate=ma.validate.OneOf(CHAT_RETENTION),
        metadata={"description": "`until_end`: chat is deleted when the meeting ends.", "example": "keep"},
    )
    guests_allowed = Boolean(
        metadata={
            "description": "Whether the code lets people in who were not invited: by `POST /meetings/join-by-code`. "
            "Off, those who are in stay; `POST /meetings/{meeting_id}/guests/close` sends them out too.",
            "example": True,
        }
    )
    max_duration_min = fields.Integer(
        strict=True,
        allow_none=True,
        validate=ma.validate.Range(1, LONGEST_MIN),
        metadata={"description": "Minutes after which it ends by itself.", "example": None},
    )
    recurrence = fields.String(
        validate=ma.validate.Length(1, recurrence.LONGEST_TEXT),
        metadata={
            "description": "A rule (RFC 5545) by which it repeats, in its time zone: FREQ (DAILY, WEEKLY, MONTHLY, "
            "YEARLY) with INTERVAL, BYDAY, BYMONTHDAY, and COUNT or UNTIL. It needs `starts_at`, the first occurrence.",
        },
    )
    e2ee = Boolean(metadata={"description": "End-to-end encrypted: no recording, no notes.", "example": False})
    lobby = fields.String(
        validate=ma.validate.OneOf(LOBBIES),
        metadata={
            "description": "Who waits until a host admits them. Owner and co-hosts never wait.",
            "example": "guests",
            "default": "off",
        },
    )
    permissions = fields.Nested(PermissionsUpdate)
    metadata = JsonObject(
        max_bytes=METADATA_MAX_BYTES,
        metadata={"description": "Yours; Parley never looks inside.", "example": {"project": "blue"}},
    )


class MeetingCreate(MeetingUpdate):
    title = text_field(200, required=True, metadata={"example": "Weekly review"})


class MeetingFacts(Schema):
    """A meeting as everybody in it sees it; in events too."""

    id = id_field(required=True)
    title = fields.String(required=True, metadata={"example": "Weekly review"})
    description = fields.String(required=True, metadata={"example": ""})
    state = fields.String(required=True, metadata={"enum": list(STATES), "example": "scheduled"})
    starts_at = Timestamp(required=True, allow_none=True)
    duration_min = fields.Integer(required=True, allow_none=True, metadata={"example": 30})
    time_zone = fields.String(required=True, metadata={"example": "Europe/Berlin"})
    media_mode = fields.String(required=True, metadata={"enum": list(MEDIA_MODES), "example": "auto"})
    effective_media_mode = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "p2p, sfu or mock once it is live.", "example": None},
    )
    config_version = fields.Integer(required=True, metadata={"example": 1})
    record_automatically = fields.Boolean(required=True)
    recordings_keep_days = fields.Integer(required=True, allow_none=True, metadata={"example": None})
    max_participants = fields.Integer(required=True, allow_none=True)
    chat_retention = fields.String(required=True, metadata={"enum": list(CHAT_RETENTION), "example": "keep"})
    guests_allowed = fields.Boolean(required=True)
    max_duration_min = fields.Integer(required=True, allow_none=True)
    e2ee = fields.Boolean(required=True)
    lobby = fields.String(required=True, metadata={"enum": list(LOBBIES), "example": "off"})
    locked = fields.Boolean(required=True, metadata={"description": "Nobody new is let in."})
    permissions = fields.Nested(PermissionsOut, required=True)
    metadata = fields.Dict(required=True, attribute="meta", metadata={"example": {"project": "blue"}})
    owner = fields.Nested(PersonName, required=True)
    code = fields.String(
        required=True, allow_none=True, metadata={"description": "null for guests.", "example": "k7m-q2xw-8fd"}
    )
    join_url = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "null for guests.", "example": "https://meet.example.org/join/k7m-q2xw-8fd"},
    )
    series_id = id_field(required=True, allow_none=True, metadata={"example": None})
    original_start = Timestamp(
        required=True, allow_none=True, metadata={"description": "When its series has it, wherever it was moved to."}
    )
    recurrence = fields.String(
        required=True, allow_none=True, metadata={"description": "Its series' rule.", "example": None}
    )
    ends_by = Timestamp(required=True, allow_none=True, metadata={"description": "When a live meeting's time is up."})
    started_at = Timestamp(required=True, allow_none=True)
    ended_at = Timestamp(required=True, allow_none=True)
    cancelled_at = Timestamp(required=True, allow_none=True)
    created_at = Timestamp(required=True)
    updated_at = Timestamp(required=True)
    version = fields.Integer(required=True, metadata={"example": 1})


class MeetingOut(MeetingFacts):
    my_relation = fields.String(
        required=True,
        allow_none=True,
        metadata={"enum": ["owner", "accepted", "invited", "guest", None], "example": "owner"},
    )
    unread_messages = fields.Integer(
        required=True, metadata={"description": "Of others, in its chat, that you have not read.", "example": 0}
    )
    my_role = fields.String(
        required=True,
        allow_none=True,
        metadata={"enum": ["owner", "co_host", "participant", None], "example": "owner"},
    )


class MeetingsQuery(PageQuery):
    state = fields.String(load_default=None, validate=ma.validate.OneOf(STATES))
    relation = fields.String(load_default=None, validate=ma.validate.OneOf(("owner", "accepted", "invited")))
    series_id = id_field(load_default=None, metadata={"description": "Occurrences of this series."})
    from_ = Timestamp(data_key="from", load_default=None, metadata={"description": "Starting at or after."})
    to = Timestamp(load_default=None, metadata={"description": "Starting before."})
    order = fields.String(load_default="desc", validate=ma.validate.OneOf(("asc", "desc")))


class ScopeQuery(Schema):
    scope = fields.String(
        load_default="this",
        validate=ma.validate.OneOf(("this", "following", "all")),
        metadata={"description": "Of a series: this occurrence, it and those that follow, or all that are to come."},
    )
