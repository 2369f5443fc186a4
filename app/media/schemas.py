from typing import Any

import marshmallow as ma
from marshmallow import fields

from app.core.api import Schema, Timestamp, id_field, text_field
from app.participants.schemas import ParticipantOut

SOURCES = ("microphone", "camera", "screen")


class TrackOut(Schema):
    id = id_field(required=True)
    participant_id = id_field(required=True)
    kind = fields.String(required=True, metadata={"enum": ["audio", "video"], "example": "video"})
    mid = fields.String(required=True, metadata={"example": "1"})
    source = fields.String(required=True, metadata={"enum": list(SOURCES), "example": "camera"})
    published_at = Timestamp(required=True)


_BITRATE = ma.validate.Range(0, 10**10)
_COUNT = ma.validate.Range(0, 1_000_000)
MOST_LAYERS = 8


class LayerStats(Schema):
    rid = fields.String(required=True, validate=ma.validate.Length(1, 32), metadata={"example": "h"})
    height = fields.Integer(
        required=True,
        strict=True,
        validate=ma.validate.Range(0, 20_000),
        metadata={"description": "Of the picture, in pixels.", "example": 360},
    )
    bitrate = fields.Integer(required=True, strict=True, validate=_BITRATE, metadata={"example": 480_000})
    consumers = fields.Integer(
        required=True, strict=True, validate=_COUNT, metadata={"description": "Who get this layer.", "example": 3}
    )


class ConsumerStats(Schema):
    flowing = fields.Integer(
        required=True, strict=True, validate=_COUNT, metadata={"description": "Who get it.", "example": 4}
    )
    paused = fields.Integer(
        required=True, strict=True, validate=_COUNT, metadata={"description": "Who want none of it now.", "example": 1}
    )
    held = fields.Integer(
        required=True, strict=True, validate=_COUNT, metadata={"description": "Whose path is too slow.", "example": 0}
    )


class TrackStats(Schema):
    bitrate = fields.Integer(
        required=True,
        strict=True,
        validate=_BITRATE,
        metadata={"description": "Bits a second that come from the publisher, of all layers.", "example": 2_100_000},
    )
    packets_lost = fields.Integer(
        required=True,
        strict=True,
        validate=ma.validate.Range(0, 2**40),
        metadata={"description": "Between publisher and worker, since the beginning.", "example": 12},
    )
    loss = fields.Float(
        required=True,
        allow_nan=False,
        validate=ma.validate.Range(0, 1),
        metadata={"description": "The share lost of late.", "example": 0.01},
    )
    jitter_ms = fields.Float(
        required=True, allow_nan=False, validate=ma.validate.Range(0, 10**6), metadata={"example": 3.2}
    )
    layers = fields.List(
        fields.Nested(LayerStats),
        required=True,
        validate=ma.validate.Length(max=MOST_LAYERS),
        metadata={"description": "The smallest first; empty where it is sent as one."},
    )
    consumers = fields.Nested(ConsumerStats, required=True)


# What is told is refused with an unknown field, and what is shown may have more: so they are two of each.
class ToldLayerStats(LayerStats):
    """Of a report."""


class ToldConsumerStats(ConsumerStats):
    """Of a report."""


class ToldTrackStats(TrackStats):
    track_id = id_field(required=True)
    layers = fields.List(
        fields.Nested(ToldLayerStats),
        required=True,
        validate=ma.validate.Length(max=MOST_LAYERS),
        metadata={"description": "The smallest first; empty where it is sent as one."},
    )
    consumers = fields.Nested(ToldConsumerStats, required=True)


class ListedTrack(TrackOut):
    stats = fields.Nested(
        TrackStats,
        required=True,
        allow_none=True,
        metadata={"description": "What its media worker told in the last half minute; null where it told nothing."},
    )


class Tracks(Schema):
    items = fields.List(fields.Nested(ListedTrack), required=True)


MOST_STATS = 50
LONGEST_STAT = 100  # characters
MOST_TRACKS = 32  # of one participant
MOST_SPEAKERS = 5
MOST_CAPACITY = 100_000
MOST_TOLD_TRACKS = 2_000  # of one meeting


class RegisterWorker(Schema):
    name = text_field(
        100,
        required=True,
        metadata={
            "description": "This process's place: who registers with it again takes over.",
            "example": "host-a/1",
        },
    )
    engine = text_field(32, required=True, metadata={"description": "What forwards.", "example": "portable"})
    version = text_field(32, required=True, metadata={"example": "0.1.0"})
    capacity = fields.Integer(
        required=True,
        strict=True,
        validate=ma.validate.Range(1, MOST_CAPACITY),
        metadata={"description": "Most people at a time.", "example": 200},
    )


class RenewWorker(Schema):
    load_ = fields.Float(
        data_key="load",
        required=True,
        allow_nan=False,
        validate=ma.validate.Range(0, 1_000),
        metadata={"description": "Of whatever is scarcest; 1: as much as it can carry.", "example": 0.12},
    )
    participants = fields.Integer(required=True, strict=True, validate=_COUNT, metadata={"example": 14})
    tracks = fields.Integer(required=True, strict=True, validate=_COUNT, metadata={"example": 28})
    stats = fields.Dict(
        keys=fields.String(validate=ma.validate.Length(1, LONGEST_STAT)),
        load_default=dict,
        validate=ma.validate.Length(max=MOST_STATS),
        metadata={
            "description": f"At most {MOST_STATS} numbers or short texts, shown to admins as they are.",
            "example": {"bitrate_in": 21_500_000},
            "additionalProperties": {"type": ["number", "string", "boolean", "null"]},
        },
    )

    @ma.validates("stats")
    def _are_plain(self, stats: dict[str, Any], **_: Any) -> None:
        for name, value in stats.items():
            if not isinstance(value, int | float | str | None) or (
                isinstance(value, str) and len(value) > LONGEST_STAT
            ):
                raise ma.ValidationError({name: ["Neither a number nor a short text."]})


class PlacementRef(Schema):
    meeting_id = id_field(required=True)
    epoch = fields.Integer(required=True, metadata={"example": 3})
    sfu_participant_id = id_field(required=True)


class WorkerInbox(Schema):
    head_seq = fields.Integer(required=True, metadata={"example": 12})
    acked_seq = fields.Integer(required=True, metadata={"example": 12})


_STATE = {"enum": ["active", "draining", "leaving"], "example": "active"}


class WorkerState(Schema):
    id = id_field(required=True)
    name = fields.String(required=True, metadata={"example": "host-a/1"})
    state = fields.String(
        required=True, metadata={**_STATE, "description": "All but `active`: nothing more is placed on it."}
    )
    lease_s = fields.Float(
        required=True, metadata={"description": "It is given up after so long a silence.", "example": 6}
    )
    renew_every_s = fields.Float(required=True, metadata={"example": 1.5})
    inbox = fields.Nested(WorkerInbox, required=True)
    placements = fields.List(fields.Nested(PlacementRef), required=True)
    now = Timestamp(required=True, metadata={"description": "By the server's clock: what is recorded is told in it."})


class WorkerOut(Schema):
    id = id_field(required=True)
    name = fields.String(required=True, metadata={"example": "host-a/1"})
    state = fields.String(required=True, metadata=_STATE)
    engine = fields.String(required=True, metadata={"example": "portable"})
    version = fields.String(required=True, metadata={"example": "0.1.0"})
    capacity = fields.Integer(required=True, metadata={"example": 200})
    meetings = fields.Integer(required=True, metadata={"description": "That are placed on it.", "example": 3})
    people = fields.Integer(required=True, metadata={"description": "Who are in them.", "example": 14})
    load_ = fields.Float(
        data_key="load", required=True, metadata={"description": "This and what follows as it told.", "example": 0.12}
    )
    participants = fields.Integer(required=True, metadata={"example": 14})
    tracks = fields.Integer(required=True, metadata={"example": 28})
    stats = fields.Dict(required=True, keys=fields.String(), metadata={"example": {"bitrate_in": 21_500_000}})
    registered_at = Timestamp(required=True)
    renewed_at = Timestamp(required=True)
    lease_until = Timestamp(required=True)


class DrainQuery(Schema):
    meetings = fields.String(
        load_default="stay",
        validate=ma.validate.OneOf(["stay", "move"]),
        metadata={"description": "`stay`: until they end; `move`: as soon as another worker has room."},
    )


class PlacedMeeting(Schema):
    id = id_field(required=True)
    title = fields.String(required=True, metadata={"example": "Weekly review"})
    e2ee = fields.Boolean(required=True)


class RunningRecording(Schema):
    id = id_field(required=True)
    audio_only = fields.Boolean(required=True)


class Placement(Schema):
    epoch = fields.Integer(required=True, metadata={"example": 3})
    sfu_participant_id = id_field(required=True)
    meeting = fields.Nested(PlacedMeeting, required=True)
    participants = fields.List(fields.Nested(ParticipantOut), required=True)
    recordings = fields.List(
        fields.Nested(RunningRecording),
        required=True,
        metadata={"description": "Those that run: whoever takes the meeting over records on."},
    )


class Placements(Schema):
    items = fields.List(fields.Nested(Placement), required=True)


class TrackIn(Schema):
    id = id_field(required=True, metadata={"description": "The worker's; stays as long as the track does."})
    mid = fields.String(required=True, validate=ma.validate.Length(1, 32), metadata={"example": "1"})
    kind = fields.String(required=True, validate=ma.validate.OneOf(["audio", "video"]), metadata={"example": "video"})
    source = fields.String(required=True, validate=ma.validate.OneOf(SOURCES), metadata={"example": "camera"})


class TracksOfOne(Schema):
    participant_id = id_field(required=True)
    tracks = fields.List(fields.Nested(TrackIn), required=True, validate=ma.validate.Length(max=MOST_TRACKS))

    @ma.validates("tracks")
    def _are_different(self, tracks: list[dict[str, Any]], **_: Any) -> None:
        for name in ("mid", "id"):
            if len({track[name] for track in tracks}) < len(tracks):
                raise ma.ValidationError(f"Two tracks have the same `{name}`.")


class ActiveSpeaker(Schema):
    participant_id = id_field(required=True)
    level = fields.Float(
        required=True,
        allow_nan=False,
        validate=ma.validate.Range(0, 1),
        metadata={"description": "Loudness.", "example": 0.41},
    )


class WhepQuery(Schema):
    participant_id = id_field(
        load_default=None, metadata={"description": "Whom to play alone. Without it: what the meeting shows."}
    )


class Report(Schema):
    epoch = fields.Integer(
        required=True,
        strict=True,
        validate=ma.validate.Range(0, 2**31 - 1),
        metadata={"description": "Of the placement; an older one is 409 `epoch_passed`.", "example": 3},
    )
    tracks = fields.List(
        fields.Nested(TracksOfOne),
        load_default=None,
        validate=ma.validate.Length(max=200),
        metadata={"description": "Of each that is named, all that they publish now."},
    )
    speakers = fields.List(
        fields.Nested(ActiveSpeaker),
        load_default=None,
        validate=ma.validate.Length(max=MOST_SPEAKERS),
        metadata={"description": "Who speaks now, the loudest first."},
    )
    stats = fields.List(
        fields.Nested(ToldTrackStats),
        load_default=None,
        validate=ma.validate.Length(max=MOST_TOLD_TRACKS),
        metadata={"description": "How the tracks do, all of them; no oftener than every few seconds."},
    )


class Reported(Schema):
    epoch = fields.Integer(required=True, metadata={"example": 3})
