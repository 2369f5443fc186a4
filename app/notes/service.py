"""Notes of a meeting or a call, in versions. How they are made stands in `pipeline.py`; what is asked of them, here."""

import math
from contextlib import suppress
from typing import Any, cast

from sqlalchemy import ColumnElement, Select, delete, func, select

from app.core import errors
from app.core.actor import Actor
from app.core.ids import new_id
from app.core.jobs import backlog
from app.core.runtime import Work
from app.meetings import service as meetings
from app.notes import corrections, deleting, pipeline, spending
from app.notes.meeting_source import begins_of
from app.notes.merging import moved
from app.notes.models import Correction, Notes, Stage
from app.notes.providers import chosen_for
from app.notes.search import index
from app.notes.shapes import Transcript
from app.notes.sources import Sources, StillArriving

COSTLY = ("transcribe", "analyse")
SHOWN_OF_STAGE = (
    *("name", "state", "attempts", "progress", "provider", "model", "is_taken_over"),
    *("error", "error_code", "cost_usd", "started_at", "ended_at"),
)


def of_meeting(meeting_id: str) -> ColumnElement[bool]:
    return Notes.meeting_id == meeting_id


def ask(work: Work, meeting_id: str, *, language: str | None = None) -> dict[str, Any]:
    """Have the next version of a meeting's notes written in the background.

    :raises EndToEndEncrypted: :raises NothingToTranscribe: it has not begun, nothing of it was recorded, or nobody
        wants to be transcribed. :raises BudgetReached: :raises TranscriptionLimitReached: :raises Overloaded:
    """
    meeting = meetings.hold(work, meeting_id)
    if meeting.e2ee:
        raise errors.EndToEndEncrypted()
    backlog.check(work)
    if meeting.started_at is None:
        raise errors.NothingToTranscribe("The meeting has not begun.", state=meeting.state)
    source = work.driver(Sources).meetings
    source.heard(work, meeting_id)
    transcriber = chosen_for(work, is_mocked=source.is_mocked(work, meeting_id))
    if not transcriber.is_mock:
        spending.check(work, meeting.owner_id)
        spending.check_minutes(work, meeting.owner_id)
        with suppress(StillArriving):
            source.parts(work, meeting_id)
    return view(work, order(work, transcriber.name, language, meeting_id=meeting_id))


def order(work: Work, provider: str, language: str | None, **whose: str) -> Notes:
    """The next version, whose stages begin. `whose`: its meeting's or call's id; that is held."""
    newest = work.scalar(select(func.max(Notes.version)).filter_by(**whose)) or 0
    notes = Notes(
        id=new_id(),
        version=newest + 1,
        state="pending",
        provider=provider,
        language=language,
        key_points=[],
        transcript_revision=1,
        created_at=work.now(),
        **whose,
    )
    work.add(notes)
    work.flush()
    pipeline.begin(work, notes)
    return notes


def retry(work: Work, of: ColumnElement[bool], *, analyse: bool) -> dict[str, Any]:
    """Go on with the newest version where it failed; with `analyse`, analyse it anew too.

    :raises NotesMissing: :raises NotesStateConflict: it is pending, or nothing of it has failed. :raises Overloaded:
    """
    backlog.check(work)
    notes = pipeline.hold(work, newest(work, of).id)
    if notes is None:
        raise errors.NotesMissing()
    pipeline.again(work, notes, analyse=analyse)
    return view(work, notes)


def erase(work: Work, meeting_id: str) -> None:
    """Delete all versions of a meeting, what is stored of them, and what was corrected. None there is fine."""
    meetings.hold(work, meeting_id)
    for notes in work.scalars(select(Notes).where(of_meeting(meeting_id))).all():
        work.delete(notes)
    work.execute(delete(Correction).where(Correction.meeting_id == meeting_id))
    delete_objects_of(work, meeting_id)
    index.forget_of(work, meeting_id, *index.OF_NOTES)
    work.flush()


def delete_objects_of(work: Work, meeting_id: str) -> None:
    deleting.delete_objects(work, work.driver(Sources).meetings.folder_of(meeting_id))


def correct(work: Work, actor: Actor, notes_id: str, **corrected: Any) -> Notes:
    """See `corrections.correct`. :raises NotesMissing: they were deleted, or have no transcript (any more)."""
    notes = pipeline.hold(work, notes_id)
    if notes is None or notes.transcript is None:
        raise errors.NotesMissing()
    corrections.correct(work, actor, notes, **corrected)
    work.flush()
    return notes


def newest(work: Work, of: ColumnElement[bool]) -> Notes:
    """The newest version, whatever its state. :raises NotesMissing: nobody has asked for any."""
    notes = work.scalar(_by_version(of))
    if notes is None:
        raise errors.NotesMissing()
    return notes


def with_transcript(work: Work, of: ColumnElement[bool]) -> Notes:
    """The newest version that has one. :raises NotesMissing: none has."""
    notes = work.scalar(_by_version(of).where(Notes.transcript.is_not(None)))
    if notes is None:
        raise errors.NotesMissing("There is no transcript yet.")
    return notes


def transcript_of(work: Work, notes: Notes, recording_id: str | None = None) -> Transcript:
    """All of it, or what was said in one recording, in seconds from that one's start.

    :raises NotFound: nothing of such a recording was transcribed.
    """
    transcript = cast(Transcript, notes.transcript)
    if recording_id is None:
        return transcript
    inputs = [stage.input for stage in pipeline.stages_of(work, notes.id) if stage.name == "transcribe" and stage.input]
    offsets = {one["id"]: one["offset_s"] for one in inputs if one["more"].get("recording_id") == recording_id}
    if not offsets:
        return _canned_of(work, notes, recording_id)
    segments = [one for one in transcript["segments"] if one["track_id"] in offsets]
    return {**transcript, "segments": [moved(one, -offsets[one["track_id"] or ""]) for one in segments]}


def _canned_of(work: Work, notes: Notes, recording_id: str) -> Transcript:
    """Canned talk is of no track: what falls into the recording. :raises NotFound: as above."""
    transcript = cast(Transcript, notes.transcript)
    begins = begins_of(work, notes.meeting_id) if notes.provider == "mock" and notes.meeting_id else {}
    if recording_id not in begins:
        raise errors.NotFound("Nothing of such a recording was transcribed.")
    begin = begins[recording_id]
    end = min((other for other in begins.values() if other > begin), default=math.inf)
    said = [moved(one, -begin) for one in transcript["segments"] if begin <= one["start_s"] < end]
    return {**transcript, "segments": said}


def _by_version(of: ColumnElement[bool]) -> Select[Notes]:
    return select(Notes).where(of).order_by(Notes.version.desc()).limit(1)


def view(work: Work, notes: Notes) -> dict[str, Any]:
    """Notes as `NotesOut` takes them."""
    work.flush()
    stages = pipeline.stages_of(work, notes.id)
    row = {column.key: getattr(notes, column.key) for column in Notes.__table__.columns}
    known = [stage.cost_usd for stage in stages if stage.state == "done" and stage.name in COSTLY]
    return row | {
        "is_mock": notes.provider == "mock",
        "stages": [_stage(stage) for stage in stages],
        "progress": round(sum(stage.progress for stage in stages) / len(stages), 3) if stages else 1.0,
        "cost_usd": None if None in known else round(sum(cost or 0.0 for cost in known), 6),
    }


def _stage(stage: Stage) -> dict[str, Any]:
    speaker = (stage.input or {}).get("speaker")
    return {name: getattr(stage, name) for name in SHOWN_OF_STAGE} | {
        "part": stage.part or None,
        "speaker": speaker["label"] if speaker else None,
        "duration_s": round((stage.ended_at - stage.started_at).total_seconds(), 3)
        if stage.ended_at and stage.started_at
        else None,
    }
