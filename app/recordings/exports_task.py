"""Makes an export's ZIP: fetches the tracks, has them put together, stores what comes out. Heavy work: it belongs into
the jobs process.
"""

import hashlib
import shutil
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog

from app.core.objects.base import ObjectNotFound, ObjectStore, ObjectStoreError, StoreFull, StoreUnusable
from app.core.runtime import Runtime
from app.recordings import exports, service, shapes
from app.recordings.fetching import fetch, ran_s, track_file
from app.recordings.models import Export, Recording
from app.recordings.recorders.base import NoRoom, RecorderError

log = structlog.get_logger()

PROGRESS_EVERY_S = 2.0
BUSY_PAUSE = timedelta(seconds=10)
FETCHED = 0.2  # of the progress: that the tracks are there
MADE = 0.95

NO_ROOM = "There is no room left to make the file, or the disk can't be written."
TROUBLE: tuple[tuple[type[Exception], str], ...] = (
    (StoreFull, "There is no room left to store the file."),
    (StoreUnusable, "The store of files can't be read or written."),
    (ObjectNotFound, "A track is not in the store any more."),
    (NoRoom, NO_ROOM),
    (RecorderError, "The tracks could not be exported."),
    (OSError, NO_ROOM),
)
OTHER_TROUBLE = "The file could not be made."

_one_at_a_time = threading.Lock()  # in each process: it takes a core, and others do their jobs beside it


class Cancelled(Exception):
    """It was deleted, or another run has taken over."""


def export(runtime: Runtime, payload: dict[str, Any]) -> None:
    """Make one export. Twice does no harm: see `exports`."""
    if not _one_at_a_time.acquire(blocking=False):
        with runtime.writing() as work:
            if exports.wait(work, payload["export_id"]):
                work.enqueue(exports.EXPORT, payload, at=work.now() + BUSY_PAUSE)
        return
    try:
        _Run(runtime, payload).run()
    finally:
        _one_at_a_time.release()


class _Run:
    """One try at an export."""

    def __init__(self, runtime: Runtime, payload: dict[str, Any]) -> None:
        self._runtime = runtime
        self._store: ObjectStore = runtime.drivers[ObjectStore]
        self._id: str = payload["export_id"]
        self._recording_id: str = payload["recording_id"]
        self._folder = exports.folder_of(payload["meeting_id"], self._recording_id, self._id)  # in the store
        self._attempt = 0
        self._told_at = 0.0

    def run(self) -> None:
        with self._runtime.writing() as work:
            recording = service.hold(work, self._recording_id)
            begun = exports.begin(work, self._id) if recording else None
        if recording is None or begun is None:
            return
        self._attempt = begun.attempts
        spool = self._runtime.settings.storage_dir / "spool" / f"{self._id}-{self._attempt}"
        for left in spool.parent.glob(f"{self._id}-*"):  # of a run that was killed
            shutil.rmtree(left, ignore_errors=True)
        try:
            made = self._made(recording, begun, spool)
            self._clean(keep=made["file_path"] if self._change(state="ready", progress=1.0, error=None, **made) else "")
        except Cancelled:
            log.info("export is not wanted any more", export_id=self._id)
            self._clean(keep="")
        except Exception as error:
            with suppress(ObjectStoreError):  # the store may be what fails; what counts in the end cleans up for all
                self._clean(keep="")
            if self._note(error):
                log.exception("export failed", export_id=self._id)
                return
            raise
        finally:
            shutil.rmtree(spool, ignore_errors=True)

    def _made(self, recording: Recording, begun: Export, spool: Path) -> dict[str, Any]:
        from app.recordings.composing.export import export_files, export_sound  # here: they bring FFmpeg and numpy
        from app.recordings.composing.preferring import preferred

        spool.mkdir(parents=True, exist_ok=True)
        with self._runtime.reading() as work:
            tracks = exports.tracks_for(work, self._recording_id, begun.format)
            people = shapes.people_of_tracks(work, tracks)
        files = []
        for number, track in enumerate(tracks):
            person = people.get(track.participant_id)
            path = fetch(self._runtime, track, spool)
            files.append(track_file(recording, track, person.display_name if person else "", path))
            self._progress(FETCHED * (number + 1) / len(tracks))
        path, warnings = spool / "export.zip", list[str]()
        if begun.format == "original":
            export_files(files, path, self._making)
        else:
            warnings += export_sound(
                preferred(files),
                ran_s(recording),
                path,
                self._making,
                normalise_loudness=begun.clean == "loudness",
                reduce_noise=begun.clean == "denoise",
            )
        return self._stored(path, warnings)

    def _stored(self, path: Path, warnings: Sequence[str]) -> dict[str, Any]:
        """:raises StoreUnusable: what is stored is another file."""
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        info = self._store.put_file(f"{self._folder}{self._attempt}/{path.name}", path, "application/zip")
        if info.sha256 != sha256:
            raise StoreUnusable(f"{info.key} is not the file that was put")
        told = [text[:500] for text in warnings]
        return {"file_path": info.key, "bytes": info.size, "sha256": sha256, "warnings": told}

    def _clean(self, keep: str) -> None:
        """Take away what this run has stored, and if it is the one that counts, what others have."""
        prefix = self._folder if keep else f"{self._folder}{self._attempt}/"
        for info in list(self._store.list(prefix)):
            if info.key != keep:
                self._store.delete(info.key)

    def _note(self, error: Exception) -> bool:
        """Whether that was the last try."""
        trouble = next((text for kind, text in TROUBLE if isinstance(error, kind)), OTHER_TROUBLE)
        final = self._attempt >= self._runtime.settings.recording_compose_attempts
        self._change(error=trouble, **({"state": "failed"} if final else {}))
        return final

    def _making(self, done: float) -> None:
        self._progress(FETCHED + done * (MADE - FETCHED))

    def _progress(self, done: float) -> None:
        """:raises Cancelled:"""
        if time.monotonic() - self._told_at < PROGRESS_EVERY_S:
            return
        self._told_at = time.monotonic()
        if not self._change(progress=round(done, 3)):
            raise Cancelled

    def _change(self, **values: Any) -> bool:
        with self._runtime.writing() as work:
            held = service.hold(work, self._recording_id)
            return exports.change(work, held, self._id, self._attempt, **values)
