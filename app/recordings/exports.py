"""Exports of a recording: all its tracks as one ZIP, for editors. `exports_task.py` makes it.

Asking again for the same gives the same, as long as it is made of the same tracks; one of other tracks, or one that
failed, is replaced. A run is known by its number, as those of compositions are (`renditions.py`).
"""

import hashlib
from collections.abc import Collection
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from app.core import errors
from app.core.downloads import Download
from app.core.file_urls import FileUrls
from app.core.ids import new_id
from app.core.jobs import backlog
from app.core.pagination import paginate
from app.core.runtime import Work
from app.inbox.service import Message, deliver_to_person
from app.meetings import service as meetings
from app.recordings import service, shapes
from app.recordings.exports_schemas import ExportOut
from app.recordings.models import Export, Recording, RecordingTrack

EXPORT = "recordings.export"
OPEN = ("queued", "processing")
SILENT_FOR = timedelta(hours=2)  # without progress or another try; longer than the pauses between the tries


def order(work: Work, recording: Recording, *, format: str, clean: str) -> dict[str, Any]:
    """Have one made in the background, unless there is such a one.

    :raises RecordingStateConflict: it is not stopped yet, or has no tracks, or for WAVs no sound.
    :raises Overloaded:
    """
    if recording.state not in ("processing", "ready", "failed"):
        raise errors.RecordingStateConflict("Only what was stopped can be exported.", state=recording.state)
    tracks = tracks_for(work, recording.id, format)
    if not tracks:
        missing = "sound" if format == "wav" else "tracks"
        raise errors.RecordingStateConflict(f"There is no {missing} to export.", state=recording.state)
    made_of = hashlib.sha256("\n".join(sorted(f"{one.id} {one.sha256}" for one in tracks)).encode()).hexdigest()
    alike = select(Export).where(Export.recording_id == recording.id, Export.format == format, Export.clean == clean)
    for export in work.scalars(alike).all():
        if export.made_of == made_of and export.state != "failed":
            return view(work, recording, export)
        forget(work, recording, export)
    backlog.check(work)
    export = Export(
        id=new_id(),
        recording_id=recording.id,
        format=format,
        clean=clean,
        made_of=made_of,
        state="queued",
        progress=0.0,
        attempts=0,
        warnings=[],
        heard_at=work.now(),
        created_at=work.now(),
    )
    work.add(export)
    work.flush()
    payload = {"export_id": export.id, "recording_id": recording.id, "meeting_id": recording.meeting_id}
    work.enqueue(EXPORT, payload, key=f"{EXPORT}:{export.id}")
    return view(work, recording, export)


def tracks_for(work: Work, recording_id: str, format: str) -> list[RecordingTrack]:
    """Those whose files are there, and that belong into an export of this format."""
    tracks = [track for track in shapes.tracks_of(work, recording_id) if track.state == "uploaded"]
    return [track for track in tracks if format == "original" or track.kind == "audio"]


def get(work: Work, recording: Recording, export_id: str) -> Export:
    export = work.get(Export, export_id, populate_existing=True)
    if export is None or export.recording_id != recording.id:
        raise errors.NotFound()
    return export


def page(work: Work, recording: Recording, *, limit: int, cursor: str | None) -> dict[str, Any]:
    """The newest first."""
    theirs = select(Export).where(Export.recording_id == recording.id)
    return paginate(
        work,
        theirs,
        (Export.id,),
        limit=limit,
        cursor=cursor,
        descending=True,
        show=lambda export: view(work, recording, export),
    )


def forget(work: Work, recording: Recording, export: Export) -> None:
    """Delete it, and its file once that is committed. A run that is at it notices."""
    work.enqueue(service.DELETE_OBJECTS, {"prefix": folder_of(recording.meeting_id, recording.id, export.id)})
    work.delete(export)
    work.flush()


def folder_of(meeting_id: str, recording_id: str, export_id: str) -> str:
    return f"{service.folder_of(meeting_id, recording_id)}exports/{export_id}/"


def download_of(work: Work, recording: Recording, export_id: str) -> Download:
    """:raises NotFound: :raises RecordingStateConflict: it is not ready."""
    export = get(work, recording, export_id)
    if export.state != "ready" or not (export.file_path and export.bytes and export.sha256):
        raise errors.RecordingStateConflict(f"The export is {export.state}.", state=export.state)
    what = {"wav": "sound", "original": "tracks"}[export.format]
    more = f" – {what}" + ("" if export.clean == "none" else f", {export.clean}")
    name = service.name_of(work, recording, ".zip", more)
    return Download(export.file_path, "application/zip", export.bytes, export.sha256, name)


def view(work: Work, recording: Recording, export: Export) -> dict[str, Any]:
    """As `ExportOut` takes it."""
    row = {column.key: getattr(export, column.key) for column in Export.__table__.columns}
    base = f"{work.settings.address}/api/v1/recordings/{recording.id}/exports/{export.id}"
    is_ready = export.state == "ready"
    return row | {
        "download_url": f"{base}/download" if is_ready else None,
        "signed_url": work.driver(FileUrls).sign(work, f"recordings/{recording.id}", f"export:{export.id}")
        if is_ready
        else None,
    }


def progress_of(work: Work, export_ids: Collection[str]) -> dict[str, float]:
    """By id; those that are gone are left out."""
    rows = work.execute(select(Export.id, Export.progress).where(Export.id.in_(export_ids)))
    return {row.id: row.progress for row in rows}


# A run


def begin(work: Work, export_id: str) -> Export | None:
    """A run begins; `attempts` is its number. None: there is nothing to make (any more)."""
    export = work.get(Export, export_id, populate_existing=True)
    if export is None or export.state not in OPEN:
        return None
    export.state, export.progress = "processing", 0.0
    export.attempts += 1
    export.heard_at = work.now()
    return export


def wait(work: Work, export_id: str) -> bool:
    """Others come first; it is not forgotten. False: it is not wanted any more."""
    export = work.get(Export, export_id, populate_existing=True)
    if export is None or export.state not in OPEN:
        return False
    export.heard_at = work.now()
    return True


def change(work: Work, recording: Recording | None, export_id: str, attempt: int, **values: Any) -> bool:
    """What a run says of itself, told to the owner. False: it is for nothing any more."""
    export = work.get(Export, export_id, populate_existing=True)
    if recording is None or export is None or (export.state, export.attempts) != ("processing", attempt):
        return False
    for name, value in values.items():
        setattr(export, name, value)
    export.heard_at = work.now()
    if export.state in ("ready", "failed"):
        export.finished_at = work.now()
    _tell(work, recording, export)
    return True


def give_up(work: Work, export_id: str, error: str, recording: Recording | None) -> None:
    """Nothing was heard of it for too long."""
    export = work.get(Export, export_id, populate_existing=True)
    if recording is None or export is None or export.state not in OPEN or not _is_silent(work, export):
        return
    export.state, export.error, export.finished_at = "failed", export.error or error, work.now()
    _tell(work, recording, export)


def silent(work: Work) -> list[Export]:
    """Those that are nobody's any more: no try, and no progress, for long."""
    over = select(Export).where(Export.state.in_(OPEN), Export.heard_at < work.now() - SILENT_FOR)
    return list(work.scalars(over))


def _is_silent(work: Work, export: Export) -> bool:
    return export.heard_at is not None and export.heard_at < work.now() - SILENT_FOR


def _tell(work: Work, recording: Recording, export: Export) -> None:
    """The owner alone, in place of what was told of it before."""
    work.flush()
    payload = {"export": ExportOut().dump(view(work, recording, export))}
    message = Message("recording.export", payload, recording.meeting_id, subject=f"export:{export.id}")
    deliver_to_person(work, meetings.get(work, recording.meeting_id).owner_id, message)
