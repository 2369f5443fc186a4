from typing import Any

import marshmallow as ma
from marshmallow import fields

from app.core.api import Boolean, Schema, Timestamp, id_field, text_field
from app.core.pagination import PageQuery
from app.media.schemas import SOURCES
from app.meetings.schemas import PersonName
from app.recordings.states import END_REASONS, RENDITIONS, TRACKS, TRANSITIONS

MODES = ("composite", "tracks", "both")
OUTCOMES = ("complete", "recovered", "failed")
LAYOUTS = ("grid", "speaker")
ORIGINS = ("server", "client")
CLEANED = ("none", "loudness", "denoise")
CLEANING = (
    "`loudness`: brought to −16 LUFS (EBU R 128), as podcasts have it. `denoise`: steady noise is taken out of "
    "microphones."
)


class RecordingStart(Schema):
    mode = fields.String(
        load_default="composite",
        validate=ma.validate.OneOf(MODES),
        metadata={
            "description": "`composite` and `both`: one file to watch, made of the tracks, which are kept beside it. "
            "`tracks`: they alone. The mock recorder makes one file, whichever you ask for."
        },
    )
    audio_only = Boolean(load_default=False)
    local_tracks = Boolean(
        load_default=None,
        allow_none=True,
        metadata={
            "description": "Have participants record themselves and send that: it is better than what the network "
            "left over, and a composition prefers it. null: where there is no media server, or in `tracks` and `both`.",
            "example": None,
        },
    )


class RecordingUpdate(Schema):
    title = text_field(200, required=True, metadata={"example": "Weekly review, part two"})


class RecordingsQuery(PageQuery):
    q = text_field(200, load_default=None, metadata={"description": "Part of its title.", "example": "review"})
    state = fields.String(load_default=None, validate=ma.validate.OneOf(tuple(TRANSITIONS)))
    meeting_id = id_field(load_default=None, metadata={"description": "Of this meeting alone."})


class RecordedParticipant(Schema):
    participant_id = id_field(required=True)
    user_id = id_field(required=True, allow_none=True)
    display_name = fields.String(required=True, metadata={"example": "Anna Berg"})
    kind = fields.String(required=True, metadata={"example": "user"})


class RecordingOut(Schema):
    id = id_field(required=True)
    meeting_id = id_field(required=True)
    title = fields.String(
        required=True,
        metadata={"description": "At first its meeting's; the owner may give it another.", "example": "Weekly review"},
    )
    owner_id = id_field(
        required=True, metadata={"description": "Of its meeting: who may rename, share, export and delete it."}
    )
    started_by = fields.Nested(PersonName, required=True)
    mode = fields.String(required=True, metadata={"enum": list(MODES), "example": "composite"})
    audio_only = fields.Boolean(required=True)
    local_tracks = fields.Boolean(
        required=True,
        metadata={"description": "Clients are asked to record themselves: `POST /recordings/{recording_id}/tracks`."},
    )
    driver = fields.String(
        required=True,
        metadata={"enum": ["worker", "clients", "mock"], "description": "Who records.", "example": "worker"},
    )
    is_mock = fields.Boolean(
        required=True,
        metadata={"description": "The file was generated: a test card and a tone, nothing of the meeting."},
    )
    state = fields.String(required=True, metadata={"enum": list(TRANSITIONS), "example": "ready"})
    outcome = fields.String(required=True, allow_none=True, metadata={"enum": [*OUTCOMES, None], "example": "complete"})
    participants = fields.List(
        fields.Nested(RecordedParticipant),
        required=True,
        metadata={"description": "Who was there when it began; if nobody was, the first who came."},
    )
    created_at = Timestamp(required=True)
    started_at = Timestamp(required=True, allow_none=True)
    ended_at = Timestamp(required=True, allow_none=True)
    duration_s = fields.Float(
        required=True,
        allow_none=True,
        metadata={
            "description": "How long the file plays, in seconds. The mock recorder's files last 6 s at most, "
            "however long it ran; that is `ended_at` less `started_at`.",
            "example": 6.0,
        },
    )
    file_path = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "Key in the object store.", "example": "recordings/…/…/recording.mp4"},
    )
    content_type = fields.String(required=True, allow_none=True, metadata={"example": "video/mp4"})
    bytes = fields.Integer(required=True, allow_none=True, metadata={"example": 187342})
    sha256 = fields.String(required=True, allow_none=True, metadata={"description": "Of the file, in lowercase hex."})
    download_url = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "Once it is ready; it needs your access token like every other address."},
    )
    progress = fields.Float(
        required=True,
        allow_none=True,
        metadata={"description": "How much of its file is made, 0 to 1, while that is known.", "example": None},
    )
    end_reason = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": "Why it ended. All but `stopped` and `meeting_ended` mean that it ended too early; "
            "what there is until then is composed all the same.",
            "enum": [*END_REASONS, None],
            "example": "stopped",
        },
    )
    kept_until = Timestamp(
        required=True,
        allow_none=True,
        metadata={"description": "When it will be deleted, by its meeting's `recordings_keep_days` or the server's."},
    )
    error = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "What went wrong. While `processing`, it is tried again."},
    )


_SIGNED = {"description": "The file without a token, for players, until the address expires. Ask anew then."}
_SPANS = {"description": "From and until, in seconds of the file's own time.", "example": [[1.2, 2.4]]}


def _spans(**kwargs: Any) -> "fields.List[Any]":
    return fields.List(fields.List(fields.Float()), metadata=_SPANS, **kwargs)


class RecordedTrack(Schema):
    id = id_field(required=True)
    participant_id = id_field(required=True)
    user_id = id_field(required=True, allow_none=True)
    display_name = fields.String(required=True, metadata={"example": "Anna Berg"})
    origin = fields.String(
        required=True,
        metadata={
            "enum": list(ORIGINS),
            "description": "`server`: as it arrived there. `client`: as its participant recorded it.",
            "example": "server",
        },
    )
    kind = fields.String(required=True, metadata={"enum": ["audio", "video"], "example": "audio"})
    source = fields.String(required=True, metadata={"enum": list(SOURCES), "example": "microphone"})
    codec = fields.String(required=True, metadata={"example": "opus"})
    content_type = fields.String(required=True, metadata={"example": "audio/webm"})
    state = fields.String(required=True, metadata={"enum": list(TRACKS), "example": "uploaded"})
    reason = fields.String(required=True, allow_none=True, metadata={"description": "Why it was lost."})
    started_at = Timestamp(required=True, metadata={"description": "The wall time of the file's time 0."})
    offset_s = fields.Float(
        required=True,
        allow_none=True,
        metadata={"description": "The same in the recording's time, in seconds.", "example": 0.25},
    )
    clock_offset_ms = fields.Float(
        required=True,
        allow_none=True,
        metadata={"description": "Of a client's: how far the server's clock is ahead of its own.", "example": None},
    )
    clock_uncertainty_ms = fields.Float(
        required=True, allow_none=True, metadata={"description": "How wrong that may be.", "example": None}
    )
    duration_s = fields.Float(required=True, allow_none=True, metadata={"example": 61.2})
    bytes = fields.Integer(required=True, allow_none=True, metadata={"example": 187342})
    sha256 = fields.String(required=True, allow_none=True)
    recovered = fields.Boolean(
        required=True, metadata={"description": "It was found after its media worker had broken off."}
    )
    gaps = _spans(required=True)
    mutes = _spans(required=True)
    stats = fields.Dict(required=True, keys=fields.String(), metadata={"example": {"packets": 3050, "lost": 2}})
    download_url = fields.String(required=True, allow_none=True)
    signed_url = fields.String(required=True, allow_none=True, metadata=_SIGNED)


class Chapter(Schema):
    start_s = fields.Float(required=True, metadata={"example": 0.0})
    title = fields.String(required=True, metadata={"example": "Anna Berg shares the screen"})


class RenditionOut(Schema):
    id = id_field(required=True)
    state = fields.String(required=True, metadata={"enum": list(RENDITIONS), "example": "ready"})
    layout = fields.String(required=True, metadata={"enum": list(LAYOUTS), "example": "grid"})
    audio_only = fields.Boolean(required=True)
    clean = fields.String(required=True, metadata={"enum": list(CLEANED), "example": "none"})
    progress = fields.Float(required=True, metadata={"description": "0 to 1.", "example": 1.0})
    attempts = fields.Integer(required=True, metadata={"example": 1})
    duration_s = fields.Float(required=True, allow_none=True, metadata={"example": 61.2})
    width = fields.Integer(required=True, allow_none=True, metadata={"example": 1280})
    height = fields.Integer(required=True, allow_none=True, metadata={"example": 720})
    content_type = fields.String(required=True, allow_none=True, metadata={"example": "video/mp4"})
    bytes = fields.Integer(required=True, allow_none=True, metadata={"example": 9187342})
    sha256 = fields.String(required=True, allow_none=True)
    warnings = fields.List(fields.String(), required=True)
    error = fields.String(required=True, allow_none=True)
    created_at = Timestamp(required=True)
    finished_at = Timestamp(required=True, allow_none=True)
    download_url = fields.String(required=True, allow_none=True)
    signed_url = fields.String(required=True, allow_none=True, metadata=_SIGNED)


class Missing(RecordedParticipant):
    class Meta:
        exclude = ("kind",)

    reason = fields.String(
        required=True,
        metadata={
            "enum": ["none_begun", "not_arrived"],
            "description": "`none_begun`: no track of theirs was told of. `not_arrived`: none of them has come.",
            "example": "none_begun",
        },
    )


class RecordingDetails(RecordingOut):
    tracks = fields.List(
        fields.Nested(RecordedTrack),
        required=True,
        metadata={"description": "The files that it is made of, one for each track; the mock recorder has none."},
    )
    renditions = fields.List(
        fields.Nested(RenditionOut),
        required=True,
        metadata={"description": "Its compositions, the newest first; the newest that is ready is its file."},
    )
    missing = fields.List(
        fields.Nested(Missing),
        required=True,
        metadata={"description": "Who was there, and of whom nothing has come; once it was stopped."},
    )
    chapters = fields.List(fields.Nested(Chapter), required=True)
    signed_url = fields.String(required=True, allow_none=True, metadata=_SIGNED)
    poster_url = fields.String(required=True, allow_none=True)
    waveform_url = fields.String(required=True, allow_none=True)
    my_consent = fields.Boolean(
        required=True, allow_none=True, metadata={"description": "What you have answered to being recorded."}
    )


class DownloadQuery(Schema):
    rendition_id = id_field(
        load_default=None, metadata={"description": "Another composition than the newest.", "example": None}
    )


class FileQuery(Schema):
    """What a signed address carries. Its signature is checked before anything is read."""

    of = fields.String(required=True, metadata={"description": "Which file."})
    expires = fields.Integer(required=True, metadata={"description": "Seconds since 1970, UTC."})
    signature = fields.String(required=True)


class ComposeIn(Schema):
    layout = fields.String(load_default="grid", validate=ma.validate.OneOf(LAYOUTS), metadata={"example": "speaker"})
    audio_only = Boolean(load_default=False)
    clean = fields.String(
        load_default="none", validate=ma.validate.OneOf(CLEANED), metadata={"description": CLEANING, "example": "none"}
    )


class ConsentIn(Schema):
    consent = Boolean(required=True)


class ConsentOut(Schema):
    recording_id = id_field(required=True)
    user_id = id_field(required=True)
    display_name = fields.String(required=True, metadata={"example": "Ben Okafor"})
    consent = fields.Boolean(
        required=True, allow_none=True, metadata={"description": "null: asked, and has not answered."}
    )
    answered_at = Timestamp(required=True, allow_none=True)


class Consents(Schema):
    items = fields.List(fields.Nested(ConsentOut), required=True)
