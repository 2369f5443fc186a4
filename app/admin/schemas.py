import marshmallow as ma
from marshmallow import fields

from app.core.api import Schema, Timestamp, id_field, text_field
from app.core.jobs.states import TRANSITIONS
from app.core.pagination import PageQuery
from app.meetings import states as meeting_states
from app.meetings.schemas import PersonName
from app.usage.schemas import MyUsageOut


class JobsQuery(PageQuery):
    state = fields.String(load_default=None, validate=ma.validate.OneOf(tuple(TRANSITIONS)))
    kind = fields.String(
        load_default=None, validate=ma.validate.Length(1, 64), metadata={"example": "recordings.compose"}
    )


class JobOut(Schema):
    id = id_field(required=True)
    kind = fields.String(required=True, metadata={"description": "Which task it is.", "example": "recordings.compose"})
    state = fields.String(required=True, metadata={"enum": list(TRANSITIONS), "example": "running"})
    about = fields.Dict(
        required=True,
        keys=fields.String(),
        values=fields.String(),
        metadata={
            "description": "Ids of what it is about; nothing else of what it was given.",
            "example": {"recording_id": "01980a3e-7b6c-7d4e-8f00-1a2b3c4d5e6f"},
        },
    )
    every_s = fields.Float(
        required=True,
        allow_none=True,
        metadata={"description": "Of a task that runs by the clock: how often. It is one job, again and again."},
    )
    attempts = fields.Integer(required=True, metadata={"description": "Runs begun.", "example": 1})
    max_attempts = fields.Integer(required=True, metadata={"example": 12})
    progress = fields.Float(
        required=True,
        allow_none=True,
        metadata={"description": "0 to 1, of those that tell: compositions and exports.", "example": 0.4},
    )
    last_error = fields.String(required=True, allow_none=True, metadata={"example": "TimeoutError: no answer"})
    next_attempt_at = Timestamp(
        required=True, allow_none=True, metadata={"description": "Of one that is queued: not before then."}
    )
    leased_until = Timestamp(
        required=True, allow_none=True, metadata={"description": "Of one that runs: taken over if not renewed."}
    )
    created_at = Timestamp(required=True)
    finished_at = Timestamp(required=True, allow_none=True)


class AdminUsersQuery(PageQuery):
    q = text_field(100, load_default=None, metadata={"description": "Part of a name or address.", "example": "berg"})
    role = fields.String(load_default=None, validate=ma.validate.OneOf(("user", "admin", "service")))
    disabled = fields.Boolean(load_default=None, truthy={"true"}, falsy={"false"})  # it stands in an address


class AdminRoleIn(Schema):
    role = fields.String(required=True, validate=ma.validate.OneOf(("user", "admin")), metadata={"example": "admin"})


class AdminUserOut(Schema):
    id = id_field(required=True)
    email = fields.String(required=True, metadata={"format": "email", "example": "anna@example.com"})
    display_name = fields.String(required=True, metadata={"example": "Anna Berg"})
    role = fields.String(required=True, metadata={"enum": ["user", "admin", "service"], "example": "user"})
    email_verified = fields.Boolean(required=True)
    disabled_at = Timestamp(required=True, allow_none=True, metadata={"description": "null: they may sign in."})
    sessions = fields.Integer(required=True, metadata={"description": "That live now.", "example": 2})
    last_used_at = Timestamp(
        required=True, allow_none=True, metadata={"description": "When one of them was last refreshed."}
    )
    created_at = Timestamp(required=True)


class AdminUserDetails(AdminUserOut):
    usage = fields.Nested(MyUsageOut, required=True)


class AdminMeetingsQuery(PageQuery):
    q = text_field(200, load_default=None, metadata={"description": "Part of the title.", "example": "review"})
    state = fields.String(load_default=None, validate=ma.validate.OneOf(tuple(meeting_states.TRANSITIONS)))
    owner_id = id_field(load_default=None)


class AdminMeetingOut(Schema):
    id = id_field(required=True)
    title = fields.String(required=True, metadata={"example": "Weekly review"})
    owner = fields.Nested(PersonName, required=True)
    state = fields.String(required=True, metadata={"enum": list(meeting_states.TRANSITIONS), "example": "live"})
    media_mode = fields.String(required=True, metadata={"example": "auto"})
    effective_media_mode = fields.String(
        required=True, allow_none=True, metadata={"description": "null: it has not begun.", "example": "sfu"}
    )
    e2ee = fields.Boolean(required=True)
    series_id = id_field(required=True, allow_none=True)
    people = fields.Integer(required=True, metadata={"description": "Devices of people in the room.", "example": 4})
    worker_id = id_field(
        required=True, allow_none=True, metadata={"description": "The media worker that carries it; null: none."}
    )
    starts_at = Timestamp(required=True, allow_none=True)
    started_at = Timestamp(required=True, allow_none=True)
    ended_at = Timestamp(required=True, allow_none=True)
    created_at = Timestamp(required=True)


class MeetingAuditQuery(PageQuery):
    action = fields.String(
        load_default=None, validate=ma.validate.Length(1, 64), metadata={"example": "participant.remove"}
    )
    actor_id = id_field(load_default=None, metadata={"description": "Who did it."})
    user_id = id_field(load_default=None, metadata={"description": "To whom it was done."})


class AuditQuery(MeetingAuditQuery):
    meeting_id = id_field(load_default=None)


class MeetingAuditLineOut(Schema):
    id = id_field(required=True)
    at = Timestamp(required=True)
    action = fields.String(required=True, metadata={"example": "participant.remove"})
    actor = fields.Nested(
        PersonName, required=True, allow_none=True, metadata={"description": "Who did it; null: a command."}
    )
    actor_role = fields.String(required=True, metadata={"enum": ["user", "admin", "command"], "example": "user"})
    meeting_id = id_field(required=True, allow_none=True)
    subject = fields.String(
        required=True, allow_none=True, metadata={"description": "What it was done to.", "example": "participant"}
    )
    subject_id = id_field(required=True, allow_none=True, metadata={"description": "It may be gone."})
    person = fields.Nested(
        PersonName, required=True, allow_none=True, metadata={"description": "To whom, if to somebody."}
    )
    details = fields.Dict(
        required=True,
        keys=fields.String(),
        metadata={
            "description": "`fields`: names of what was given; beside it those values that are words of this document.",
            "example": {"fields": ["role"], "role": "co_host"},
        },
    )


class AuditLineOut(MeetingAuditLineOut):
    address = fields.String(
        required=True, allow_none=True, metadata={"description": "Where the request came from.", "example": "192.0.2.7"}
    )
    request_id = fields.String(required=True, allow_none=True, metadata={"description": "As it is in the log."})
