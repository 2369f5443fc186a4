from datetime import UTC, datetime
from typing import Any

import marshmallow as ma
from marshmallow import fields

from app.core.api import Schema, Timestamp, id_field
from app.core.pagination import page_of
from app.qa.faults import KILL_WORKER, KINDS, LONGEST_DELAY_MS, POLL_KINDS, UPLOAD_KINDS

LONGEST_S = 86_400
_NARROWED_BY = {
    **dict.fromkeys(POLL_KINDS, ("user_id", "meeting_id", "participant_id")),
    **dict.fromkeys(UPLOAD_KINDS, ("upload_id",)),
    KILL_WORKER: ("meeting_id",),
}


class NothingIn(Schema):
    """`{}`: pages of other origins can't send that without being asked, which a request without a body they could."""


class ResetOut(Schema):
    rows = fields.Integer(required=True)
    objects = fields.Integer(required=True)


class SeedPersonOut(Schema):
    email = fields.String(required=True)
    display_name = fields.String(required=True)


class SeedOut(Schema):
    password = fields.String(required=True, allow_none=True, metadata={"description": "Everybody's."})
    people = fields.List(fields.Nested(SeedPersonOut), required=True)
    meetings_made = fields.Integer(required=True)
    trouble = fields.List(fields.String(), required=True)


class ClockIn(Schema):
    advance_s = fields.Float(load_default=None, metadata={"description": "Move by so much.", "example": 3600})
    now = Timestamp(load_default=None, allow_none=True, metadata={"description": "Or: put it there."})

    @ma.validates_schema
    def _is_one(self, data: dict[str, Any], **_: Any) -> None:
        if data["advance_s"] is not None and data["now"] is not None:
            raise ma.ValidationError("Send `advance_s` or `now`; neither puts the clock right.")


class ClockOut(Schema):
    now = Timestamp(required=True)
    offset_s = fields.Float(required=True, metadata={"description": "From the real time.", "example": 3600.0})


class FaultIn(Schema):
    kind = fields.String(required=True, validate=ma.validate.OneOf(KINDS), metadata={"example": "drop_poll"})
    times = fields.Integer(load_default=1, validate=ma.validate.Range(1, 1000))
    lasts_s = fields.Integer(load_default=600, validate=ma.validate.Range(1, LONGEST_S))
    delay_ms = fields.Integer(
        load_default=0,
        validate=ma.validate.Range(0, LONGEST_DELAY_MS),
        metadata={"description": "Of `delay_poll`: how much later its answer is sent."},
    )
    user_id = id_field(load_default=None, allow_none=True, metadata={"example": None})
    meeting_id = id_field(load_default=None, allow_none=True, metadata={"example": None})
    participant_id = id_field(load_default=None, allow_none=True, metadata={"example": None})
    upload_id = id_field(load_default=None, allow_none=True, metadata={"example": None})

    @ma.validates_schema
    def _fits_its_kind(self, data: dict[str, Any], **_: Any) -> None:
        if (data["kind"] == "delay_poll") != (data["delay_ms"] > 0):
            raise ma.ValidationError("`delay_poll` needs one, and no other kind.", "delay_ms")
        if data["kind"] == KILL_WORKER and data["times"] != 1:
            raise ma.ValidationError("A worker is killed once, at once.", "times")
        for name in ("user_id", "meeting_id", "participant_id", "upload_id"):
            if data[name] is not None and name not in _NARROWED_BY[data["kind"]]:
                raise ma.ValidationError(f"Does not narrow down a {data['kind']}.", name)


class FaultOut(Schema):
    id = id_field(required=True)
    kind = fields.String(required=True, metadata={"enum": list(KINDS), "example": "drop_poll"})
    times = fields.Integer(required=True, metadata={"description": "It will still happen so often."})
    happened = fields.Integer(required=True)
    expires_at = fields.Function(
        lambda fault: datetime.fromtimestamp(fault.expires_at, UTC).isoformat().replace("+00:00", "Z"),
        required=True,
        metadata={"type": "string", "format": "date-time", "description": "By the real clock."},
    )
    delay_ms = fields.Integer(required=True)
    user_id = id_field(required=True, allow_none=True)
    meeting_id = id_field(required=True, allow_none=True)
    participant_id = id_field(required=True, allow_none=True)
    upload_id = id_field(required=True, allow_none=True)


FaultsPage = page_of(FaultOut)
