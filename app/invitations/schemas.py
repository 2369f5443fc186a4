from typing import Any

import marshmallow as ma
from marshmallow import fields

from app.accounts.schemas import EmailAddress
from app.core.api import Schema, Timestamp, id_field, text_field
from app.core.pagination import PageQuery
from app.meetings.schemas import LONGEST_MIN, PersonName

STATUSES = ("pending", "accepted", "rejected", "proposed", "revoked")


class Invitee(Schema):
    """Exactly one of the two."""

    user_id = id_field()
    email = EmailAddress(metadata={"example": "ben@example.org"})

    @ma.validates_schema
    def _one_of_two(self, data: dict[str, Any], **_: Any) -> None:
        if len(data) != 1:
            raise ma.ValidationError("Give either user_id or email.")


class Invite(Schema):
    invitees = fields.List(fields.Nested(Invitee), required=True, validate=ma.validate.Length(1, 100))
    message = text_field(2000, 0, load_default="", metadata={"example": "Please come."})


class ProposalIn(Schema):
    starts_at = Timestamp(required=True)
    duration_min = fields.Integer(strict=True, load_default=None, validate=ma.validate.Range(1, LONGEST_MIN))
    note = text_field(1000, 0, load_default="")


class Proposal(Schema):
    starts_at = Timestamp(required=True)
    duration_min = fields.Integer(required=True, allow_none=True)
    note = fields.String(required=True, metadata={"example": "An hour later?"})


class InvitedMeeting(Schema):
    id = id_field(required=True)
    title = fields.String(required=True, metadata={"example": "Weekly review"})
    state = fields.String(required=True, metadata={"example": "scheduled"})
    starts_at = Timestamp(required=True, allow_none=True)
    duration_min = fields.Integer(required=True, allow_none=True, metadata={"example": 30})
    time_zone = fields.String(required=True, metadata={"example": "Europe/Berlin"})
    series_id = id_field(required=True, allow_none=True, metadata={"example": None})
    recurrence = fields.String(required=True, allow_none=True, metadata={"example": None})
    owner = fields.Nested(PersonName, required=True)


class InvitedPerson(Schema):
    user_id = id_field(required=True, allow_none=True)
    email = fields.String(required=True, allow_none=True, metadata={"example": "ben@example.com"})
    display_name = fields.String(required=True, allow_none=True, metadata={"example": "Ben Ode"})


class InvitationOut(Schema):
    id = id_field(required=True)
    status = fields.String(required=True, metadata={"enum": list(STATUSES), "example": "pending"})
    scope = fields.String(
        required=True,
        metadata={
            "description": "`all`: to a series, and `meeting` is its next occurrence.",
            "enum": ["this", "all"],
            "example": "this",
        },
    )
    message = fields.String(required=True, metadata={"example": "Please come."})
    meeting = fields.Nested(InvitedMeeting, required=True)
    inviter = fields.Nested(PersonName, required=True)
    invitee = fields.Nested(InvitedPerson, required=True)
    proposal = fields.Nested(Proposal, required=True, allow_none=True)
    created_at = Timestamp(required=True)
    responded_at = Timestamp(required=True, allow_none=True)


class InvitationsQuery(PageQuery):
    status = fields.String(load_default=None, validate=ma.validate.OneOf(STATUSES))


class MyInvitationsQuery(InvitationsQuery):
    box = fields.String(load_default="received", validate=ma.validate.OneOf(("received", "sent")))


class InviteQuery(Schema):
    scope = fields.String(
        load_default="all",
        validate=ma.validate.OneOf(("this", "all")),
        metadata={"description": "Of a series: to all of it, or to this occurrence alone."},
    )


class OccurrenceQuery(Schema):
    meeting_id = id_field(
        load_default=None,
        metadata={"description": "Of an invitation to a series: this occurrence alone is meant."},
    )
