"""Notes of a meeting, in versions. How they are made stands in `pipeline.py`; what is asked of them, here."""

from contextlib import suppress
from typing import Any

from sqlalchemy import Select, func, select

from app.core import errors
from app.core.ids import new_id
from app.core.runtime import Work
from app.meetings import service as meetings
from app.notes import deleting, pipeline
from app.notes.models import Notes, Stage
from app.notes.providers import chosen_for
from app.notes.sources import Source, StillArriving

COSTLY = ("transcribe", "analyse")
SHOWN_OF_STAGE = (
    *("name", "state", "attempts", "progress", "provider", "model", "is_taken_over"),
    *("error", "error_code", "cost_usd", "started_at", "ended_at"),
)


def ask(work: Work, meeting_id: str, *, language: str | None = None) -> dict[str, Any]:
    """Have the next version of a meeting's notes written in the background.

    :raises EndToEndEncrypted: :raises NothingToTranscribe: it has not begun, nothing of it was recorded, or nobody
        wants to be transcribed.
    """
    meeting = meetings.hold(work, meeting_id)
    if meeting.e2ee:
        raise errors.EndToEndEncrypted()
    if meeting.started_at is None:
        raise errors.NothingToTranscribe("The meeting has not begun.", state=meeting.state)
    source = work.driver(Source)
    source.heard(work, meeting_id)
    transcriber = chosen_for(work, is_mocked=source.is_mocked(work, meeting_id))
    if not transcriber.is_mock:
        check_parts(work, source, meeting_id)
    newest = work.scalar(select(func.max(Notes.version)).where(Notes.meeting_id == meeting_id)) or 0
    notes = Notes(
        id=new_id(),
        meeting_id=meeting_id,
        version=newest + 1,
        state="pending",
        provider=transcriber.name,
        language=language,
        key_points=[],
        created_at=work.now(),
    )
    work.add(notes)
    work.flush()
    pipeline.begin(work, notes)
    return view(work, notes)


def check_parts(work: Work, source: Source, subject_id: str) -> None:
    """:raises NothingToTranscribe:"""
    with suppress(StillArriving):
        source.parts(work, subject_id)


def retry(work: Work, meeting_id: str, *, analyse: bool) -> dict[str, Any]:
    """Go on with the newest version where it failed; with `analyse`, analyse it anew too.

    :raises NotesMissing: :raises NotesStateConflict: it is pending, or nothing of it has failed.
    """
    meetings.hold(work, meeting_id)
    notes = _newest(work, meeting_id)
    pipeline.again(work, notes, analyse=analyse)
    return view(work, notes)


def erase(work: Work, meeting_id: str) -> None:
    """Delete all versions, and what is stored of them. None there is fine."""
    meetings.hold(work, meeting_id)
    for notes in work.scalars(select(Notes).where(Notes.meeting_id == meeting_id)).all():
        work.delete(notes)
    delete_objects_of(work, meeting_id)
    work.flush()


def delete_objects_of(work: Work, meeting_id: str) -> None:
    deleting.delete_objects(work, work.driver(Source).folder_of(meeting_id))


def newest(work: Work, meeting_id: str) -> dict[str, Any]:
    """The newest version, whatever its state. :raises NotesMissing: nobody has asked for any."""
    return view(work, _newest(work, meeting_id))


def newest_transcript(work: Work, meeting_id: str) -> dict[str, Any]:
    """Of the newest version that has one. :raises NotesMissing: none has."""
    notes = work.scalar(_by_version(meeting_id).where(Notes.transcript.is_not(None)))
    if notes is None or notes.transcript is None:
        raise errors.NotesMissing("There is no transcript of this meeting yet.")
    return notes.transcript


def _newest(work: Work, meeting_id: str) -> Notes:
    notes = work.scalar(_by_version(meeting_id))
    if notes is None:
        raise errors.NotesMissing()
    return notes


def _by_version(meeting_id: str) -> Select[Notes]:
    return select(Notes).where(Notes.meeting_id == meeting_id).order_by(Notes.version.desc()).limit(1)


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
