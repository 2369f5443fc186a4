"""Compositions of a recording: each is a row with a life of its own. `composing_task.py` makes their files.

A run is known by its number: what it stores lies in a folder of that number, and only the last run that was begun may
say what became of it. So whatever is killed, taken over or run twice, one run's files are the composition's, and no
file is ever replaced.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from app.core import errors
from app.core.ids import new_id
from app.core.jobs import backlog
from app.core.runtime import Work
from app.recordings.events import RecordingCompleted, RecordingGivenUp
from app.recordings.models import Recording, RecordingTrack, Rendition
from app.recordings.telling import become, tell, tell_progress

COMPOSE = "recordings.compose"
OPEN = ("queued", "processing")
NOTHING_CAME = "Nothing was recorded: nobody sent sound or pictures, or none of it has arrived."
LATE_PAUSE = timedelta(seconds=20)  # tracks that come late come together: one composition for them all
SILENT_FOR = timedelta(hours=2)  # without progress or another try; longer than the pauses between the tries


@dataclass(frozen=True)
class Made:
    """What a run has stored; `duration_s` is how long it plays."""

    duration_s: float
    width: int | None
    height: int | None
    file_path: str
    poster_path: str | None
    waveform_path: str | None
    content_type: str
    bytes: int
    sha256: str
    chapters: list[dict[str, Any]]
    warnings: list[str]


def settle(work: Work, recording: Recording) -> None:
    """All of it is there that will be: have it composed, if that was asked for."""
    recording.outcome = _outcome(work, recording)
    recording.started_at = recording.started_at or recording.created_at
    if not _has_tracks(work, recording):
        _conclude(work, recording, "failed", NOTHING_CAME)
    elif recording.mode == "tracks":
        _conclude(work, recording, "ready", recording.error)
    else:
        become(recording, "processing")
        recording.processing_at = work.now()
        _order(work, recording, "grid", recording.audio_only)
        tell(work, recording)


def compose_again(work: Work, recording: Recording, *, layout: str, audio_only: bool, clean: str) -> Rendition:
    """Another composition, as somebody wants it.

    :raises RecordingStateConflict: it is not stopped yet, or has no tracks. :raises TooManyRenditions:
    :raises Overloaded:
    """
    if recording.state not in ("processing", "ready", "failed"):
        raise errors.RecordingStateConflict("Only what was stopped can be composed.", state=recording.state)
    if not _has_tracks(work, recording):
        raise errors.RecordingStateConflict("There are no tracks to compose.", state=recording.state)
    made = select(func.count()).where(Rendition.recording_id == recording.id)
    if (work.scalar(made) or 0) >= work.settings.recording_renditions_max:
        raise errors.TooManyRenditions(f"At most {work.settings.recording_renditions_max} compositions.")
    backlog.check(work)
    rendition = _order(work, recording, layout, audio_only, clean=clean)
    _revive(work, recording)
    return rendition


def order_late(work: Work, recording: Recording) -> None:
    """Tracks have come after it was composed, or while it is: soon there is another composition, with them."""
    recording.outcome = "recovered"
    if recording.mode == "tracks":
        if recording.state == "failed":
            become(recording, "processing")
            _conclude(work, recording, "ready", None)
        return
    waiting = select(Rendition.id).where(Rendition.recording_id == recording.id, Rendition.state == "queued")
    if work.scalar(waiting.limit(1)) is None:
        _order(work, recording, "grid", recording.audio_only, after=LATE_PAUSE)
    _revive(work, recording)


def _revive(work: Work, recording: Recording) -> None:
    if recording.state == "failed":
        become(recording, "processing")
        recording.processing_at, recording.error = work.now(), None
        recording.outcome = _outcome(work, recording)
        tell(work, recording)


def _order(
    work: Work,
    recording: Recording,
    layout: str,
    audio_only: bool,
    *,
    clean: str = "none",
    after: timedelta = timedelta(0),
) -> Rendition:
    rendition = Rendition(
        id=new_id(),
        recording_id=recording.id,
        state="queued",
        layout=layout,
        audio_only=audio_only,
        clean=clean,
        progress=0.0,
        attempts=0,
        chapters=[],
        warnings=[],
        heard_at=work.now(),
        created_at=work.now(),
    )
    work.add(rendition)
    work.flush()
    enqueue(work, recording, rendition, after=after)
    return rendition


def enqueue(work: Work, recording: Recording, rendition: Rendition, *, after: timedelta = timedelta(0)) -> None:
    """Once: a repeat is no second job."""
    payload = {"rendition_id": rendition.id, "recording_id": recording.id, "meeting_id": recording.meeting_id}
    key = f"{COMPOSE}:{rendition.id}"
    work.enqueue(COMPOSE, payload, key=key, at=work.now() + after if after else None)


# A run


def begin(work: Work, rendition_id: str, recording: Recording) -> Rendition | None:
    """A run begins; `attempts` is its number. None: there is nothing to make (any more)."""
    rendition = work.get(Rendition, rendition_id, populate_existing=True)
    if rendition is None or rendition.state not in OPEN:
        return None
    rendition.state, rendition.progress = "processing", 0.0
    rendition.attempts += 1
    rendition.begun_at = rendition.heard_at = work.now()
    if rendition.attempts == 1:
        tell_progress(work, recording)
    return rendition


def wait(work: Work, rendition_id: str) -> bool:
    """Others come first; it is not forgotten. False: it is not wanted any more."""
    rendition = work.get(Rendition, rendition_id, populate_existing=True)
    if rendition is None or rendition.state not in OPEN:
        return False
    rendition.heard_at = work.now()
    return True


def note_progress(work: Work, rendition_id: str, attempt: int, progress: float, recording: Recording | None) -> bool:
    """False: this run is for nothing any more."""
    rendition = work.get(Rendition, rendition_id, populate_existing=True)
    if recording is None or rendition is None or not _is_run(rendition, attempt):
        return False
    rendition.progress, rendition.heard_at = round(min(max(progress, 0.0), 1.0), 3), work.now()
    tell_progress(work, recording)
    return True


def complete(work: Work, rendition_id: str, attempt: int, made: Made, recording: Recording | None) -> bool:
    """Its files are there. False: nobody wants them any more, so that whoever stored them takes them away."""
    rendition = work.get(Rendition, rendition_id, populate_existing=True)
    if recording is None or rendition is None or not _is_run(rendition, attempt):
        return False
    for name, value in vars(made).items():
        setattr(rendition, name, value)
    rendition.state, rendition.progress, rendition.error, rendition.finished_at = "ready", 1.0, None, work.now()
    for name in ("file_path", "content_type", "bytes", "sha256", "duration_s"):
        setattr(recording, name, getattr(made, name))
    recording.rendition_id = rendition.id
    if recording.state == "processing":
        _conclude(work, recording, "ready", None)
    else:
        tell(work, recording)
    return True


def fail(work: Work, rendition_id: str, attempt: int, error: str, recording: Recording | None, *, final: bool) -> None:
    """A run has failed. Not `final`: it is tried again, and clients see why it takes so long."""
    rendition = work.get(Rendition, rendition_id, populate_existing=True)
    if recording is None or rendition is None or not _is_run(rendition, attempt):
        return
    rendition.error, rendition.heard_at = error, work.now()
    if final:
        _end(work, rendition, error, recording)
    elif recording.state == "processing" and recording.error != error:
        recording.error = error
        tell(work, recording)


def give_up(work: Work, rendition_id: str, error: str, recording: Recording | None) -> None:
    """Nothing was heard of it for too long."""
    rendition = work.get(Rendition, rendition_id, populate_existing=True)
    if recording is None or rendition is None or rendition.state not in OPEN:
        return
    if rendition.heard_at is not None and rendition.heard_at >= work.now() - SILENT_FOR:
        return
    _end(work, rendition, error, recording)


def _end(work: Work, rendition: Rendition, error: str, recording: Recording) -> None:
    rendition.state, rendition.error, rendition.finished_at = "failed", error, work.now()
    work.flush()
    if recording.state == "processing" and not _is_composed(work, recording):
        _conclude(work, recording, "failed", error)


def _is_run(rendition: Rendition, attempt: int) -> bool:
    return rendition.state == "processing" and rendition.attempts == attempt


def _is_composed(work: Work, recording: Recording) -> bool:
    """Whether another composition is on its way."""
    others = select(Rendition.id).where(Rendition.recording_id == recording.id, Rendition.state.in_(OPEN))
    return work.scalar(others.limit(1)) is not None


def _conclude(work: Work, recording: Recording, state: str, error: str | None) -> None:
    become(recording, state)
    recording.error = error
    if state == "failed":
        recording.outcome = "failed"
    elif recording.outcome in (None, "failed"):
        recording.outcome = _outcome(work, recording)
    tell(work, recording)
    if state == "ready":
        work.emit(RecordingCompleted(recording.meeting_id, recording.id))
    else:
        work.emit(RecordingGivenUp(recording.meeting_id, recording.id))


def _outcome(work: Work, recording: Recording) -> str:
    """`recovered`: something is missing, or was found later."""
    doubtful = select(RecordingTrack.id).where(
        RecordingTrack.recording_id == recording.id,
        (RecordingTrack.state != "uploaded") | RecordingTrack.recovered.is_(True),
    )
    broken_off = (recording.driver == "worker" and recording.written_at is None) or recording.error is not None
    return "recovered" if broken_off or work.scalar(doubtful.limit(1)) is not None else "complete"


def _has_tracks(work: Work, recording: Recording) -> bool:
    there = select(RecordingTrack.id).where(
        RecordingTrack.recording_id == recording.id, RecordingTrack.state == "uploaded"
    )
    return work.scalar(there.limit(1)) is not None


def progress_of(work: Work, rendition_ids: Collection[str]) -> dict[str, float]:
    """By id; those that are gone are left out."""
    rows = work.execute(select(Rendition.id, Rendition.progress).where(Rendition.id.in_(rendition_ids)))
    return {row.id: row.progress for row in rows}


def silent(work: Work) -> list[Rendition]:
    """Compositions that are nobody's any more: no try, and no progress, for long."""
    over = select(Rendition).where(Rendition.state.in_(OPEN), Rendition.heard_at < work.now() - SILENT_FOR)
    return list(work.scalars(over))
