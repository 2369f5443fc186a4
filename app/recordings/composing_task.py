"""Makes a composition's files: fetches the tracks, has them composed, stores what comes out. Heavy work: it belongs
into the jobs process.
"""

import hashlib
import os
import shutil
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import select

from app.core.objects.base import ObjectNotFound, ObjectStore, ObjectStoreError, StoreFull, StoreUnusable
from app.core.runtime import Runtime, Work
from app.participants.models import Participant
from app.recordings import renditions, service, shapes
from app.recordings.composing import apart
from app.recordings.composing.plan import Composition, Plan
from app.recordings.fetching import fetch, ran_s, track_file
from app.recordings.models import Recording, RecordingTrack, Rendition
from app.recordings.recorders.base import NoRoom, RecorderError
from app.recordings.renditions import Made
from app.uploads import service as uploads

log = structlog.get_logger()

PROGRESS_EVERY_S = 2.0
BUSY_PAUSE = timedelta(seconds=10)
FETCHED = 0.05  # of the progress: that the tracks are there
COMPOSED = 0.95

NO_ROOM = "There is no room left to compose the file, or the disk can't be written."
TROUBLE: tuple[tuple[type[Exception], str], ...] = (
    (StoreFull, "There is no room left to store the file."),
    (StoreUnusable, "The store of files can't be read or written."),
    (ObjectNotFound, "A track is not in the store any more."),
    (NoRoom, NO_ROOM),
    (RecorderError, "The tracks could not be composed."),
    (OSError, NO_ROOM),
)
OTHER_TROUBLE = "The file could not be made."

_one_at_a_time = threading.Lock()  # in each process: it takes a core, and others do their jobs beside it


class Cancelled(Exception):
    """The recording was deleted, or another run has taken over."""


def compose(runtime: Runtime, payload: dict[str, Any]) -> None:
    """Make one composition. Twice does no harm: see `renditions`."""
    if not _one_at_a_time.acquire(blocking=False):
        with runtime.writing() as work:
            if renditions.wait(work, payload["rendition_id"]):
                work.enqueue(renditions.COMPOSE, payload, at=work.now() + BUSY_PAUSE)
        return
    try:
        _Run(runtime, payload).run()
    finally:
        _one_at_a_time.release()


def place_track(runtime: Runtime, payload: dict[str, Any]) -> None:
    """Bring a track's file from where it was uploaded to where its recording's files are."""
    store: ObjectStore = runtime.drivers[ObjectStore]
    with runtime.reading() as work:
        track = work.get(RecordingTrack, payload["track_id"])
    prefix = service.folder_of(payload["meeting_id"], payload["recording_id"])
    if track is None:  # deleted, perhaps after an earlier run had copied it and was killed
        for info in list(store.list(f"{prefix}tracks/{payload['track_id']}.")):
            store.delete(info.key)
        return
    if track.file_path is None or track.file_path.startswith(prefix):
        return
    old, new = track.file_path, f"{prefix}tracks/{track.id}{shapes.suffix_of(track)}"
    info = store.copy(old, new)
    if (info.size, info.sha256) != (track.bytes, track.sha256):
        store.delete(new)
        raise StoreUnusable(f"{new} has {info.size} bytes of {track.bytes}, or others")
    with runtime.writing() as work:
        recording = service.hold(work, payload["recording_id"])
        placed = work.get(RecordingTrack, track.id, populate_existing=True) if recording else None
        if placed is not None:
            placed.file_path = new
        if placed is not None and placed.upload_id is not None:
            uploads.release(work, placed.upload_id)
    if placed is None:  # deleted meanwhile
        store.delete(new)


class _Run:
    """One try at a composition."""

    def __init__(self, runtime: Runtime, payload: dict[str, Any]) -> None:
        self._runtime = runtime
        self._store: ObjectStore = runtime.drivers[ObjectStore]
        self._id: str = payload["rendition_id"]
        self._recording_id: str = payload["recording_id"]
        self._meeting_id: str = payload["meeting_id"]
        self._attempt = 0
        self._told_at = 0.0

    def run(self) -> None:
        with self._runtime.writing() as work:
            recording = service.hold(work, self._recording_id)
            rendition = renditions.begin(work, self._id, recording) if recording else None
        if recording is None or rendition is None:
            return
        self._attempt = rendition.attempts
        folder = self._runtime.settings.storage_dir / "spool" / f"{self._id}-{self._attempt}"
        for left in folder.parent.glob(f"{self._id}-*"):  # of a run that was killed
            shutil.rmtree(left, ignore_errors=True)
        try:
            made = self._compose(recording, folder, rendition)
            with self._runtime.writing() as work:
                held = service.hold(work, self._recording_id)
                wanted = renditions.complete(work, self._id, self._attempt, made, held)
            self._clean(keep=self._prefix if wanted else None)
        except Cancelled:
            log.info("composition is not wanted any more", rendition_id=self._id)
            self._clean(keep=None)
        except Exception as error:
            with suppress(ObjectStoreError):  # the store may be what fails; what counts in the end cleans up for all
                self._clean(keep=None)
            if self._note(error):
                log.exception("composition failed", rendition_id=self._id)
                return
            raise
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def _prefix(self) -> str:
        return f"{service.folder_of(self._meeting_id, self._recording_id)}renditions/{self._id}/{self._attempt}/"

    def _clean(self, keep: str | None) -> None:
        """Take away what this run has stored, and if it is the one that counts, what others have."""
        own = self._prefix
        prefix = own if keep is None else own[: -len(f"{self._attempt}/")]
        for info in list(self._store.list(prefix)):
            if keep is None or not info.key.startswith(keep):
                self._store.delete(info.key)

    def _note(self, error: Exception) -> bool:
        """Whether that was the last try."""
        trouble = next((text for kind, text in TROUBLE if isinstance(error, kind)), OTHER_TROUBLE)
        final = self._attempt >= self._runtime.settings.recording_compose_attempts
        with self._runtime.writing() as work:
            held = service.hold(work, self._recording_id)
            renditions.fail(work, self._id, self._attempt, trouble, held, final=final)
        return final

    def _compose(self, recording: Recording, folder: Path, rendition: Rendition) -> Made:
        from app.recordings.composing.preferring import preferred  # here: it brings FFmpeg and numpy

        folder.mkdir(parents=True, exist_ok=True)
        with self._runtime.reading() as work:
            tracks = [track for track in shapes.tracks_of(work, recording.id) if track.state == "uploaded"]
            people = shapes.people_of_tracks(work, tracks)
            present = _present(work, recording)
        names = {one: person.display_name for one, person in people.items()}
        files = [
            track_file(recording, track, names.get(track.participant_id, ""), fetch(self._runtime, track, folder))
            for track in tracks
            if track.kind == "audio" or not rendition.audio_only
        ]
        self._progress(FETCHED)
        plan = Plan(
            tracks=preferred(files),
            duration_s=ran_s(recording),
            layout=rendition.layout,
            audio_only=rendition.audio_only,
            title=recording.title,
            present=present,
            normalise_loudness=rendition.clean == "loudness",
            reduce_noise=rendition.clean == "denoise",
            threads=self._runtime.settings.recording_compose_threads or os.cpu_count() or 1,
        )
        made = apart.compose(plan, folder / "made", lambda done: self._progress(FETCHED + done * (COMPOSED - FETCHED)))
        return self._stored(made)

    def _stored(self, made: Composition) -> Made:
        is_video = made.path.suffix == ".mp4"
        file_path, sha256 = self._put(made.path, "video/mp4" if is_video else "audio/mp4")
        return Made(
            duration_s=round(made.duration_s, 3),
            width=made.width,
            height=made.height,
            file_path=file_path,
            poster_path=self._put(made.poster, "image/jpeg")[0] if made.poster else None,
            waveform_path=self._put(made.waveform, "application/json")[0],
            content_type="video/mp4" if is_video else "audio/mp4",
            bytes=made.bytes,
            sha256=sha256,
            chapters=[{"start_s": one.start_s, "title": one.title} for one in made.chapters],
            warnings=[text[:500] for text in made.warnings],
        )

    def _put(self, path: Path, content_type: str) -> tuple[str, str]:
        """Key and SHA-256. :raises StoreUnusable: what is stored is another file."""
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        info = self._store.put_file(self._prefix + path.name, path, content_type)
        if info.sha256 != sha256:
            raise StoreUnusable(f"{info.key} is not the file that was put")
        return info.key, sha256

    def _progress(self, done: float) -> None:
        """:raises Cancelled:"""
        if time.monotonic() - self._told_at < PROGRESS_EVERY_S:
            return
        self._told_at = time.monotonic()
        with self._runtime.writing() as work:
            held = service.hold(work, self._recording_id)
            if not renditions.note_progress(work, self._id, self._attempt, done, held):
                raise Cancelled


def _present(work: Work, recording: Recording) -> Sequence[tuple[str, str, float, float]]:
    """Whose stay was when, in the recording's time."""
    began, ended = recording.started_at, recording.ended_at
    if began is None or ended is None:
        return []
    stays = work.scalars(
        select(Participant)
        .where(Participant.meeting_id == recording.meeting_id, Participant.kind == "user")
        .where(Participant.admitted_at.is_not(None), Participant.joined_at < ended)
        .where(Participant.left_at.is_(None) | (Participant.left_at > began))
        .order_by(Participant.joined_at, Participant.id)
    )
    return [
        (
            one.id,
            one.display_name,
            max((one.joined_at - began).total_seconds(), 0.0),
            (min(one.left_at or ended, ended) - began).total_seconds(),
        )
        for one in stays
    ]
