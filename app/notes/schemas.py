"""The shapes of `shapes.py` as clients see them, with examples for the explorer."""

from typing import Any

import marshmallow as ma
from marshmallow import fields

from app.core.api import Boolean, Schema, Timestamp, id_field, text_field
from app.notes.pipeline import ORDER
from app.notes.states import STAGES, TRANSITIONS

LANGUAGE = r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}\Z"

TONES = ["neutral", "positive", "negative"]


class NotesRequest(Schema):
    language = fields.String(
        load_default=None,
        allow_none=True,
        validate=ma.validate.Regexp(LANGUAGE, error="Not a language tag (BCP 47)."),
        metadata={
            "description": "What is spoken, BCP 47; null: the transcriber finds out.",
            "example": "en",
        },
    )


class NotesRetry(Schema):
    analyse = Boolean(
        load_default=False,
        metadata={"description": "Have the analysis made anew too, of the transcript as it is now.", "example": True},
    )


def _seconds(example: float, **kwargs: Any) -> fields.Float:
    metadata = {"description": "Seconds since the meeting's start.", "example": example}
    return fields.Float(required=True, metadata=metadata, **kwargs)


def _confidence() -> fields.Float:
    metadata = {"description": "0 to 1; null if the provider gives none.", "example": 0.93}
    return fields.Float(required=True, allow_none=True, metadata=metadata)


class WordOut(Schema):
    text = fields.String(required=True, metadata={"example": "good"})
    start_s = _seconds(7.95)
    end_s = _seconds(8.22)
    confidence = _confidence()


class SpeakerOut(Schema):
    id = fields.String(required=True, metadata={"example": "sp1"})
    label = fields.String(
        required=True, metadata={"description": "Unique within the transcript.", "example": "Anna Berg"}
    )
    source = fields.String(
        required=True,
        metadata={
            "enum": ["track", "channel", "diarized", "unknown"],
            "description": "How the speaker is known. `diarized`: told apart by voice, which is experimental and errs.",
            "example": "track",
        },
    )


class SegmentOut(Schema):
    id = fields.String(required=True, metadata={"example": "s12"})
    track_id = fields.String(required=True, allow_none=True)
    speaker = fields.Nested(SpeakerOut, required=True)
    start_s = _seconds(7.8)
    end_s = _seconds(14.7)
    text = fields.String(required=True, metadata={"example": "Good morning, everyone."})
    confidence = _confidence()
    words = fields.List(fields.Nested(WordOut), required=True)


class TranscriptQualityOut(Schema):
    mean_confidence = _confidence()
    grade = fields.String(
        required=True,
        metadata={
            "enum": ["draft", "fair", "good"],
            "description": "`draft`: a quarter of the words or more may be wrong, of somebody who says much; hear the "
            "recording before you rely on it.",
            "example": "good",
        },
    )


class TranscriptOut(Schema):
    version = fields.Integer(required=True, metadata={"description": "Of this shape, not of the text.", "example": 1})
    language = fields.String(required=True, metadata={"description": "BCP 47.", "example": "en"})
    provider = fields.String(required=True, metadata={"example": "mock"})
    model = fields.String(required=True, metadata={"example": "canned-weekly"})
    quality = fields.Nested(TranscriptQualityOut, required=True)
    segments = fields.List(fields.Nested(SegmentOut), required=True, metadata={"description": "By their start."})


class FormatQuery(Schema):
    format = fields.String(
        load_default=None,
        validate=ma.validate.OneOf(("json", "vtt", "srt", "txt")),
        metadata={"description": "Else as `Accept` says: `text/vtt`, `application/x-subrip`, `text/plain`, or JSON."},
    )


class TranscriptQuery(FormatQuery):
    recording_id = id_field(
        load_default=None,
        metadata={"description": "What was said in this recording alone, in its time: captions for its player."},
    )


class SegmentCorrection(Schema):
    id = fields.String(required=True, validate=ma.validate.Length(1, 20), metadata={"example": "s1"})
    text = text_field(
        10_000,
        required=True,
        allow_none=True,
        metadata={"description": "null: as the transcriber heard it.", "example": "Good morning, Ben."},
    )


class SpeakerCorrection(Schema):
    id = fields.String(required=True, validate=ma.validate.Length(1, 128), metadata={"example": "sp1"})
    label = text_field(
        100,
        required=True,
        allow_none=True,
        metadata={"description": "null: as they were called there.", "example": "Anna Berg"},
    )


class TranscriptCorrection(Schema):
    segments = fields.List(
        fields.Nested(SegmentCorrection),
        load_default=[],
        validate=ma.validate.Length(max=500),
        metadata={"example": []},
    )
    speakers = fields.List(
        fields.Nested(SpeakerCorrection),
        load_default=[],
        validate=ma.validate.Length(max=100),
        metadata={"example": []},
    )


class ClaimOut(Schema):
    text = fields.String(required=True, metadata={"example": "The launch moves to March."})
    evidence = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "Ids of the segments that it rests on; never empty.", "example": ["s12"]},
    )


class SuggestedClaimOut(ClaimOut):
    suggested = fields.Boolean(
        required=True, metadata={"description": "A kind that is hard to tell: ask a person to confirm it."}
    )


class ActionItemOut(ClaimOut):
    owner = fields.String(
        required=True, allow_none=True, metadata={"description": "A speaker's label.", "example": "Anna Berg"}
    )
    due = fields.String(required=True, allow_none=True, metadata={"format": "date", "example": "2026-11-23"})
    due_text = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The words that `due` was worked out from.", "example": "by Monday"},
    )


class EntityOut(ClaimOut):
    type = fields.String(required=True, metadata={"example": "product"})


def _score() -> fields.Float:
    return fields.Float(metadata={"description": "-1 to 1.", "example": 0.3})


class SentimentOut(Schema):
    overall = fields.String(required=True, metadata={"enum": TONES, "example": "positive"})
    score = fields.Float(required=True, allow_none=True, metadata={"description": "-1 to 1.", "example": 0.3})
    by_speaker = fields.Dict(
        keys=fields.String(),
        values=_score(),
        required=True,
        metadata={"description": "Scores by label.", "example": {"Anna Berg": 0.32}},
    )


class TalkOut(Schema):
    speaker = fields.String(required=True, metadata={"description": "A label.", "example": "Anna Berg"})
    seconds = fields.Float(required=True, metadata={"example": 49.0})
    ratio = fields.Float(
        required=True, metadata={"description": "Of all the time in which somebody talked.", "example": 0.49}
    )


class UsageOut(Schema):
    cost_usd = fields.Float(
        required=True, allow_none=True, metadata={"description": "Null: nobody knows.", "example": 0.0}
    )
    input_tokens = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "Of a model, as its server counted them.", "example": None},
    )
    output_tokens = fields.Integer(
        required=True, allow_none=True, metadata={"description": "Of its answers.", "example": None}
    )


def _claims(kind: type[Schema] = ClaimOut) -> Any:
    return fields.List(fields.Nested(kind), required=True)


class AnalysisOut(Schema):
    version = fields.Integer(required=True, metadata={"description": "Of this shape, not of the text.", "example": 1})
    provider = fields.String(required=True, metadata={"example": "mock"})
    method = fields.String(required=True, metadata={"enum": ["extractive", "llm"], "example": "extractive"})
    summary = fields.String(required=True, metadata={"example": "The team agreed to ship on Friday."})
    key_points = _claims()
    action_items = _claims(ActionItemOut)
    decisions = _claims()
    questions = _claims()
    objections = _claims(SuggestedClaimOut)
    pain_points = _claims(SuggestedClaimOut)
    topics = _claims()
    entities = _claims(EntityOut)
    sentiment = fields.Nested(SentimentOut, required=True)
    talk = fields.List(
        fields.Nested(TalkOut), required=True, metadata={"description": "Who talked longest comes first."}
    )
    warnings = fields.List(fields.String(), required=True, metadata={"example": []})
    usage = fields.Nested(UsageOut, required=True)


class StageOut(Schema):
    """A step on the way to the notes: of one track, or of the whole."""

    name = fields.String(required=True, metadata={"enum": list(ORDER), "example": "transcribe"})
    part = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "Of which track of a recording, or channel of a call; null: of the whole."},
    )
    speaker = fields.String(required=True, allow_none=True, metadata={"description": "Who is heard on it."})
    state = fields.String(
        required=True,
        metadata={
            "enum": list(STAGES),
            "description": "`skipped`: there was nothing to do, or the track can't be read; `error` says which.",
            "example": "done",
        },
    )
    attempts = fields.Integer(required=True, metadata={"description": "Runs begun.", "example": 1})
    progress = fields.Float(required=True, metadata={"description": "0 to 1.", "example": 1.0})
    provider = fields.String(required=True, allow_none=True, metadata={"example": "local"})
    model = fields.String(required=True, allow_none=True, metadata={"example": "pocketsphinx-en-us"})
    is_taken_over = fields.Boolean(
        required=True, metadata={"description": "The same was made before of the same; it costs nothing."}
    )
    cost_usd = fields.Float(
        required=True, allow_none=True, metadata={"description": "null: none, or nobody knows.", "example": 0.006}
    )
    error = fields.String(
        required=True, allow_none=True, metadata={"description": "Of the last run. It may be tried again."}
    )
    error_code = fields.String(required=True, allow_none=True, metadata={"example": "transcriber_unusable"})
    started_at = Timestamp(required=True, allow_none=True, metadata={"description": "Of the last run."})
    ended_at = Timestamp(required=True, allow_none=True)
    duration_s = fields.Float(
        required=True, allow_none=True, metadata={"description": "Of the last run, once it has ended.", "example": 12.5}
    )


class NotesOut(Schema):
    id = id_field(required=True)
    meeting_id = id_field(required=True, allow_none=True)
    call_id = id_field(required=True, allow_none=True, metadata={"description": "Of a call that was sent."})
    version = fields.Integer(
        required=True, metadata={"description": "1, 2, 3 … within the meeting or call.", "example": 1}
    )
    state = fields.String(required=True, metadata={"enum": list(TRANSITIONS), "example": "ready"})
    provider = fields.String(required=True, metadata={"example": "mock"})
    is_mock = fields.Boolean(
        required=True,
        metadata={"description": "Canned: the people are real, nothing of what they said was heard."},
    )
    transcript_text = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "One line a segment.", "example": "Anna Berg: Good morning, everyone."},
    )
    key_points = fields.List(fields.Nested(ClaimOut), required=True, metadata={"description": "Those of the analysis."})
    sentiment = fields.String(required=True, allow_none=True, metadata={"enum": [*TONES, None], "example": "positive"})
    transcript = fields.Nested(TranscriptOut, required=True, allow_none=True)
    analysis = fields.Nested(AnalysisOut, required=True, allow_none=True)
    error = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "Why they failed. A transcript that was made before that stays."},
    )
    error_code = fields.String(required=True, allow_none=True, metadata={"example": "not_analysed"})
    transcript_revision = fields.Integer(
        required=True, metadata={"description": "Raised by corrections; what `If-Match` of one names.", "example": 1}
    )
    language = fields.String(
        required=True, allow_none=True, metadata={"description": "That was asked for, BCP 47.", "example": "en"}
    )
    stages = fields.List(fields.Nested(StageOut), required=True, metadata={"description": "In their order."})
    progress = fields.Float(required=True, metadata={"description": "Of all stages, 0 to 1.", "example": 1.0})
    cost_usd = fields.Float(
        required=True, allow_none=True, metadata={"description": "Of all stages; null: nobody knows.", "example": 0.02}
    )
    created_at = Timestamp(required=True)
    ready_at = Timestamp(required=True, allow_none=True)
