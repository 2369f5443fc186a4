import hashlib
import shutil
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import select

from app.core import errors
from app.core.objects.base import ObjectStore, StoreFull, StoreUnusable
from app.core.runtime import Runtime
from app.meetings.service import get as get_meeting
from app.recordings import exports, renditions, retention, service, sharing, worker
from app.recordings.models import Recording
from app.recordings.recorders.base import Recorder, RecorderError, RecorderUnusable
from app.recordings.service import Order, StoredFile

log = structlog.get_logger()

BEGIN = "recordings.begin"
SWEEP = "recordings.sweep"
SWEEP_EVERY_S = 60.0
WATCH = "recordings.watch"
WATCH_EVERY_S = 2.0
# From the first try: room is made on a disk, or a store comes back, in minutes or not by itself.
GIVE_UP_AFTER = timedelta(minutes=30)
# A job is there as soon as the recording was stopped; a minute later something has lost it.
LOST_AFTER = timedelta(minutes=1)

TROUBLE: tuple[tuple[type[Exception], str], ...] = (
    (StoreFull, "There is no room left to store the file."),
    (StoreUnusable, "The store of files can't be written."),
    (RecorderUnusable, "The recorder can't work on this server."),
    (RecorderError, "The recorder could not make the file."),
)
OTHER_TROUBLE = "The file could not be made."


class NotStoredWhole(Exception):
    """The object is not the file that was put: other bytes, or not all of them."""


def begin(runtime: Runtime, payload: dict[str, Any]) -> None:
    """Record a meeting that asks for it, where that can be done; where not, it goes on unrecorded. What somebody has
    stopped stays stopped. Where there is too much to do at the moment, it is tried again.
    """
    meeting_id = payload["meeting_id"]
    try:
        with runtime.writing() as work:
            owner_id = get_meeting(work, meeting_id).owner_id
            if not service.was_stopped(work, meeting_id):
                service.start(work, meeting_id, owner_id, mode="composite", audio_only=False)
    except (
        errors.NotFound,
        errors.MeetingStateConflict,
        errors.EndToEndEncrypted,
        errors.RecordingNeedsSfu,
        errors.AlreadyRecording,
        errors.QuotaReached,
        errors.StorageFull,
        errors.TooManyRecordings,
    ) as error:
        log.info("meeting is not recorded automatically", meeting_id=meeting_id, code=error.code)


def produce(runtime: Runtime, payload: dict[str, Any]) -> None:
    """Make the file of a recording that was stopped, and store it."""
    recording_id, meeting_id = payload["recording_id"], payload["meeting_id"]
    with runtime.writing() as work:
        recording = service.hold(work, recording_id)
        order = service.begin_processing(work, recording) if recording else None
    if recording is None:  # deleted, perhaps after an earlier run had stored something and was killed
        _delete(runtime, service.folder_of(meeting_id, recording_id))
    if order is None:
        return
    try:
        file = _make_and_store(runtime, order, service.folder_of(meeting_id, recording_id))
    except Exception as error:
        trouble = next((text for kind, text in TROUBLE if isinstance(error, kind)), OTHER_TROUBLE)
        final = isinstance(error, RecorderUnusable)
        with runtime.writing() as work:
            service.note_trouble(work, recording_id, trouble, final=final)
        if final:
            log.exception("recording failed", recording_id=recording_id)
            return
        raise
    with runtime.writing() as work:
        wanted = service.complete(work, recording_id, file)
    if not wanted:
        _delete(runtime, service.folder_of(meeting_id, recording_id))


def _make_and_store(runtime: Runtime, order: Order, prefix: str) -> StoredFile:
    recorder: Recorder = runtime.drivers[Recorder]
    store: ObjectStore = runtime.drivers[ObjectStore]
    # The same folder every time, so that what a killed run has left goes too.
    folder = runtime.settings.storage_dir / "spool" / order.recording_id
    try:
        made = recorder.produce(order.recording_id, order.names, order.duration_s, order.audio_only, folder)
        sha256 = _sha256(made.path)
        key = prefix + made.path.name
        info = store.put_file(key, made.path, made.content_type)
        if (info.size, info.sha256) != (made.bytes, sha256):
            store.delete(key)
            raise NotStoredWhole(f"{key} has {info.size} bytes of {made.bytes}, or others")
        return StoredFile(key, made.content_type, info.size, info.sha256, round(made.duration_s, 3))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def delete_objects(runtime: Runtime, payload: dict[str, Any]) -> None:
    """Delete every object whose key starts with `prefix`."""
    _delete(runtime, payload["prefix"])


def sweep(runtime: Runtime, _payload: dict[str, Any]) -> None:
    """See to it that no recording stays unfinished for ever: have lost files made, and give up on hopeless ones."""
    with runtime.reading() as work:
        now, mocks = work.now(), Recording.driver != "worker"
        lost = work.scalars(
            select(Recording).where(mocks, Recording.state == "stopping", Recording.ended_at < now - LOST_AFTER)
        ).all()
        hopeless = work.scalars(
            select(Recording).where(
                mocks, Recording.state == "processing", Recording.processing_at < now - GIVE_UP_AFTER
            )
        ).all()
        silent, silent_exports = renditions.silent(work), exports.silent(work)
    _delete_old(runtime)
    with runtime.writing() as work:
        sharing.forget_expired(work)
    for recording in lost:
        with runtime.writing() as work:
            service.order_file(work, recording)
    for recording in hopeless:
        log.error("recording failed: its file was not made in time", recording_id=recording.id)
        with runtime.writing() as work:
            service.note_trouble(work, recording.id, recording.error or OTHER_TROUBLE, final=True)
    for rendition in silent:
        log.error("composition failed: nothing was heard of it", rendition_id=rendition.id)
        with runtime.writing() as work:
            held = service.hold(work, rendition.recording_id)
            renditions.give_up(work, rendition.id, rendition.error or OTHER_TROUBLE, held)
    for export in silent_exports:
        log.error("export failed: nothing was heard of it", export_id=export.id)
        with runtime.writing() as work:
            exports.give_up(work, export.id, OTHER_TROUBLE, service.hold(work, export.recording_id))


def _delete_old(runtime: Runtime) -> None:
    with runtime.reading() as work:
        old = retention.overdue(work)
    for recording_id in old:
        log.info("recording deleted: it was kept as long as it should be", recording_id=recording_id)
        with runtime.writing() as work, suppress(errors.NotFound):  # somebody was quicker
            service.erase(work, recording_id)


def watch(runtime: Runtime, _payload: dict[str, Any]) -> None:
    """Go on where a media worker does not: see `worker.look_after`."""
    with runtime.reading() as work:
        overdue = worker.to_look_at(work)
    for recording_id in overdue:
        with runtime.writing() as work:
            recording = service.hold(work, recording_id)
            if recording is not None:
                worker.look_after(work, recording)


def _delete(runtime: Runtime, prefix: str) -> None:
    store: ObjectStore = runtime.drivers[ObjectStore]
    for info in list(store.list(prefix)):
        store.delete(info.key)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
