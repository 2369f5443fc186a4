"""What a client must know to exchange media. Whoever joins gets it in the same answer; `signaling` describes it."""

from typing import Any, Protocol

from marshmallow import fields

from app.core.api import Schema, Timestamp, id_field
from app.core.runtime import Work
from app.meetings.models import Meeting


class IceServer(Schema):
    urls = fields.List(fields.String(), required=True, metadata={"example": ["stun:stun.example.org:3478"]})
    username = fields.String(metadata={"example": "1795168800:anna"})
    credential = fields.String(metadata={"example": "nLoPuPO+ykFcrCzJ2sv4PkkBCtc="})


class Codecs(Schema):
    audio = fields.List(fields.String(), required=True, metadata={"example": ["opus"]})
    video = fields.List(fields.String(), required=True, metadata={"example": ["VP8", "H264"]})


class Layer(Schema):
    rid = fields.String(required=True, metadata={"description": "Its name in SDP (RFC 8852).", "example": "h"})
    scale_down_by = fields.Float(
        required=True, metadata={"description": "The camera's width and height are divided by this.", "example": 2}
    )
    max_bitrate = fields.Integer(required=True, metadata={"description": "Bits a second.", "example": 500_000})
    max_height = fields.Integer(
        required=True,
        metadata={"description": "A picture shown no higher, in pixels, needs no larger layer.", "example": 360},
    )


class Limits(Schema):
    sdp_bytes = fields.Integer(required=True, metadata={"example": 65_536})
    candidate_bytes = fields.Integer(required=True, metadata={"example": 2_048})
    batch = fields.Integer(required=True, metadata={"description": "Most signals in one request.", "example": 50})
    inbox_messages = fields.Integer(
        required=True, metadata={"description": "Most unacknowledged messages of one inbox.", "example": 500}
    )


class PollLimits(Schema):
    wait_default_s = fields.Float(required=True, metadata={"example": 25})
    wait_max_s = fields.Float(required=True, metadata={"example": 55})


class Stats(Schema):
    every_s = fields.Float(
        required=True,
        metadata={
            "description": "How often to tell how the call goes, by `POST /participants/{participant_id}/stats`; 0: "
            "not at all.",
            "example": 20,
        },
    )


class RtcConfig(Schema):
    mode = fields.String(
        required=True, allow_none=True, metadata={"enum": ["p2p", "sfu", "mock", None], "example": "p2p"}
    )
    config_version = fields.Integer(required=True, metadata={"example": 1})
    sfu_participant_id = id_field(required=True, allow_none=True, metadata={"example": None})
    ice_servers = fields.List(fields.Nested(IceServer), required=True)
    ice_expires_at = Timestamp(required=True, allow_none=True)
    codecs = fields.Nested(Codecs, required=True)
    simulcast = fields.List(
        fields.Nested(Layer),
        required=True,
        metadata={"description": "How to send a camera, the smallest first; a screen is one picture. Empty: as one."},
    )
    limits = fields.Nested(Limits, required=True)
    poll = fields.Nested(PollLimits, required=True)
    stats = fields.Nested(Stats, required=True)


def withhold(config: dict[str, Any]) -> dict[str, Any]:
    """What of a configuration is told to somebody who waits: no credentials, and nothing of who is there."""
    return {**config, "sfu_participant_id": None, "ice_servers": [], "ice_expires_at": None}


class RtcConfiguration(Protocol):
    def describe(self, work: Work, meeting: Meeting, for_whom: str) -> dict[str, Any]:
        """The configuration, in the shape of `RtcConfig`, for the participant or user with id `for_whom`."""
        ...

    def close(self) -> None: ...
