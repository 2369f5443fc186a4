import marshmallow as ma
from marshmallow import fields

from app.accounts.schemas import AiOut, AiSaid, PersonalName, TokensOut, integrations_field
from app.core.api import Boolean, Schema, Timestamp, id_field, text_field
from app.core.pagination import PageQuery
from app.meetings.schemas import STATES as MEETING_STATES
from app.meetings.schemas import MeetingOut
from app.participants.rtc import RtcConfig

STATES = ("waiting", "joined", "reconnecting", "left")
LEFT_REASONS = (
    "left",
    "timed_out",
    "denied",
    "removed",
    "banned",
    "replaced",
    "meeting_ended",
    "session_ended",
    "guests_closed",
    "moved",
)
ROLES = ("owner", "co_host", "participant")


class ParticipantOut(Schema):
    id = id_field(required=True)
    meeting_id = id_field(required=True)
    user_id = id_field(required=True, allow_none=True)
    kind = fields.String(required=True, metadata={"enum": ["user", "sfu"], "example": "user"})
    display_name = fields.String(required=True, metadata={"example": "Anna Berg"})
    device = fields.String(required=True, allow_none=True, metadata={"example": "phone-1"})
    state = fields.String(required=True, metadata={"enum": list(STATES), "example": "joined"})
    epoch = fields.Integer(
        required=True, metadata={"example": 1, "description": "Raised when its connection was replaced."}
    )
    is_owner = fields.Boolean(required=True)
    is_guest = fields.Boolean(
        required=True, metadata={"description": "Has no account, and came by the meeting's code.", "example": False}
    )
    role = fields.String(
        required=True,
        metadata={"enum": list(ROLES), "example": "participant", "description": "Of the person behind it."},
    )
    ai = fields.Nested(
        AiOut, required=True, metadata={"description": "What may be done with what the person behind it says."}
    )
    joined_at = Timestamp(required=True, metadata={"description": "Of who waited: when they were let in."})
    left_at = Timestamp(required=True, allow_none=True)
    left_reason = fields.String(
        required=True, allow_none=True, metadata={"example": None, "enum": [*LEFT_REASONS, None]}
    )
    muted = fields.Boolean(required=True)
    camera = fields.Boolean(required=True)
    screen = fields.Boolean(required=True)
    hand = fields.Boolean(required=True)
    hand_raised_at = Timestamp(
        required=True, allow_none=True, metadata={"description": "Who raised it first speaks first."}
    )


class BannedOut(ParticipantOut):
    code_renewed = fields.Boolean(
        required=True,
        metadata={"description": "A guest's: the meeting has another code and link now.", "example": False},
    )


class Join(Schema):
    device = text_field(64, required=True, metadata={"description": "Yours; the same each time.", "example": "phone-1"})
    display_name = text_field(100, load_default=None)
    replaces = id_field(
        load_default=None,
        metadata={"description": "Go on as this participant of yours, from a new connection."},
    )
    force = Boolean(load_default=False, metadata={"description": "End this device's other stay first."})

    ai = fields.Nested(
        AiSaid,
        load_default=None,
        metadata={
            "description": "What may be done with what you say in this meeting, with every device. What you leave out "
            "is as you said it here before, else as your account has it."
        },
    )
    integrations = integrations_field()

    @ma.validates_schema
    def _not_both(self, data: dict[str, object], **_: object) -> None:
        if data.get("replaces") and data.get("force"):
            raise ma.ValidationError("Give replaces or force, not both.")


class Code(Schema):
    code = text_field(
        64,
        required=True,
        metadata={"description": "Capitals, blanks and dashes don't matter.", "example": "k7m-q2xw-8fd"},
    )


class JoinByCode(Code):
    display_name = PersonalName(
        load_default=None, description="Needed of a guest; whoever comes with a token has their own."
    )


class CodeOpens(Schema):
    """What whoever has a code may know before they come in."""

    title = fields.String(required=True, metadata={"example": "Weekly review"})
    host = fields.String(required=True, metadata={"description": "The host's name.", "example": "Anna Berg"})
    state = fields.String(required=True, metadata={"enum": list(MEETING_STATES), "example": "live"})
    starts_at = Timestamp(required=True, allow_none=True)
    duration_min = fields.Integer(required=True, allow_none=True, metadata={"example": 30})
    time_zone = fields.String(required=True, metadata={"example": "Europe/Berlin"})


class Admitted(Schema):
    meeting = fields.Nested(MeetingOut, required=True)
    tokens = fields.Nested(
        TokensOut,
        required=True,
        allow_none=True,
        metadata={"description": "A guest's, good for this meeting alone; null for whoever came with a token."},
    )


class OwnState(Schema):
    muted = Boolean()
    camera = Boolean()
    screen = Boolean()
    hand = Boolean()
    display_name = text_field(100)


class InboxPosition(Schema):
    participant_id = id_field(required=True)
    head_seq = fields.Integer(required=True, metadata={"example": 0})
    acked_seq = fields.Integer(required=True, metadata={"example": 0})


class Joined(Schema):
    participant = fields.Nested(ParticipantOut, required=True)
    inbox = fields.Nested(InboxPosition, required=True)
    meeting = fields.Nested(MeetingOut, required=True)
    participants = fields.List(fields.Nested(ParticipantOut), required=True)
    rtc = fields.Nested(RtcConfig, required=True)
    waiting_for = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "enum": ["start", "host", "admission", None],
            "example": None,
            "description": "Of who waits: the meeting's start, a host who could admit them, or a host's word.",
        },
    )


class Role(Schema):
    role = fields.String(
        required=True, validate=ma.validate.OneOf(("co_host", "participant")), metadata={"example": "co_host"}
    )


class Affected(Schema):
    """Whom it has concerned; maybe nobody."""

    items = fields.List(fields.Nested(ParticipantOut), required=True)


class ParticipantsQuery(PageQuery):
    state = fields.String(load_default=None, validate=ma.validate.OneOf(STATES))
