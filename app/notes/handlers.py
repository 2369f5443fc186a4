from app.core.runtime import Work
from app.meetings.events import MeetingErased
from app.notes import pipeline, service
from app.notes.events import NotesFailed, NotesProgressed, NotesReady
from app.notes.models import Notes


def tell_ready(work: Work, event: NotesReady) -> None:
    """Everybody who may read the notes, wherever they are."""
    _tell(work, event.notes_id, "notes.ready", all_of_them=True)


def tell_failed(work: Work, event: NotesFailed) -> None:
    _tell(work, event.notes_id, "notes.failed", all_of_them=True, code=event.code)


def tell_progress(work: Work, event: NotesProgressed) -> None:
    """The one who asked for them: how many stages have ended, of those that are known."""
    stages = pipeline.stages_of(work, event.notes_id)
    ended = [stage for stage in stages if stage.ended_at is not None or stage.state == "skipped"]
    _tell(work, event.notes_id, "notes.progress", all_of_them=False, ended=len(ended), stages=len(stages))


def delete_with_meeting(work: Work, event: MeetingErased) -> None:
    service.delete_objects_of(work, event.meeting_id)


def _tell(work: Work, notes_id: str, type: str, *, all_of_them: bool, **more: object) -> None:
    notes = work.get_one(Notes, notes_id)
    payload = {"notes_id": notes.id, "version": notes.version, **more}
    pipeline.source_of(work, notes).tell(work, pipeline.subject_of(notes), type, payload, all_of_them=all_of_them)
