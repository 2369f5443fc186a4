"""Every file on its way to Parley: told when it is begun, handed over when it is closed, deleted when Parley has it.

A file has a task of its own, which waits as long as it takes: for Parley, and for the object store. What is not handed
over when the process ends, the next one finds in the spool.
"""

import asyncio
import hashlib
from collections.abc import Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import structlog

from media_worker.errors import RecordingGone, UploadRefused
from media_worker.recording.spool import Spool, in_step
from media_worker.recording.track_file import Manifest
from media_worker.recording.writer import Writing

_LOOK_EVERY_S = 0.1
_AT_ONCE = 2  # uploads: calls need the network more

log = structlog.get_logger()


class Parley(Protocol):
    """The part of the API client that recordings speak through. All wait while Parley is away."""

    async def put_track(self, recording_id: str, track_file_id: str, told: dict[str, Any]) -> None:
        """Raises `RecordingGone`."""
        ...

    async def report_recording(self, recording_id: str, told: dict[str, Any]) -> None:
        """Raises `RecordingGone`."""
        ...

    async def upload(self, path: Path, media_type: str, sha256: str, ref: str) -> str:
        """The upload's id. `ref` is the same when it is tried again. Raises `UploadRefused`."""
        ...


class Shipping:
    """In the event loop. `stop` ends it."""

    def __init__(self, spool: Spool, parley: Parley) -> None:
        self._spool, self._parley = spool, parley
        self.folder = spool.folder
        self._tasks: set[asyncio.Task[None]] = set()
        self._uploading = asyncio.Semaphore(_AT_ONCE)
        self._manifests: dict[str, list[Manifest]] = {}  # by recording
        self._unannounced: dict[str, set[str]] = {}  # by recording: files that Parley doesn't know as closed

    def sweep(self) -> None:
        """Hand over what processes before this one have left behind."""
        left = self._spool.left_behind()
        for manifest, _ in left:
            self._manifests.setdefault(manifest.recording_id, []).append(manifest)
        for manifest, path in left:
            log.info("recording_found", recording_id=manifest.recording_id, file=manifest.id)
            self._start(self._guarded(manifest, path, self._hand_over(manifest, path, None)))

    def begun(self, recording_id: str, writing: Writing) -> None:
        manifest = writing.file.manifest
        self._manifests.setdefault(recording_id, []).append(manifest)
        self._unannounced.setdefault(recording_id, set()).add(manifest.id)
        self._start(self._guarded(manifest, writing.file.manifest_path, self._see_through(writing)))

    def report(self, recording_id: str, epoch: int, state: str, reason: str | None = None) -> None:
        """Tell Parley what the recording does here: `recording`, `failed`, `stopped` (once all its files are known)."""
        self._start(self._report(recording_id, {"state": state, "epoch": epoch, "reason": reason}))

    async def stop(self, patience_s: float) -> None:
        """Hand over what can be within that time."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=patience_s)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._spool.close()

    # ------------------------------------------------------------------------------------------------------------------

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, manifest: Manifest, path: Path, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except RecordingGone as gone:
            log.warning("recording_not_wanted", recording_id=manifest.recording_id, file=manifest.id, error=str(gone))
            self._spool.forget(path.with_name(manifest.file_name or path.name))
        except Exception:
            log.exception("recording_not_handed_over", file=manifest.id)  # the next process tries again
        finally:
            self._announced(manifest)

    async def _see_through(self, writing: Writing) -> None:
        file = writing.file
        while not file.is_begun and not writing.is_closed:
            await asyncio.sleep(_LOOK_EVERY_S)
        if file.is_begun and not writing.is_closed:
            await self._tell(file.manifest, "recording")
        while not writing.is_closed:
            await asyncio.sleep(_LOOK_EVERY_S)
        if file.is_begun:
            await self._hand_over(file.manifest, file.path, writing.failure)
        else:
            self._spool.forget(file.manifest_path)

    async def _hand_over(self, manifest: Manifest, path: Path, failure: str | None) -> None:
        about: dict[str, Any] = {"bytes": path.stat().st_size, "reason": failure, "recovered": not manifest.is_complete}
        about["sha256"] = await asyncio.to_thread(_sha256, path)
        await self._tell(manifest, "spooled", about)
        self._announced(manifest)
        async with self._uploading:
            try:
                about["upload_id"] = await self._parley.upload(
                    path, manifest.content_type, about["sha256"], manifest.id
                )
            except UploadRefused as refused:
                log.error("recording_not_taken", file=str(path), error=str(refused))
                await self._tell(manifest, "lost", about | {"reason": str(refused)[:200]})
                return
        await self._tell(manifest, "uploaded", about)
        self._spool.forget(path)
        log.info("recording_handed_over", recording_id=manifest.recording_id, file=manifest.id, bytes=about["bytes"])

    async def _tell(self, manifest: Manifest, state: str, more: dict[str, Any] | None = None) -> None:
        beside = self._manifests.get(manifest.recording_id, [])
        told = {
            "epoch": manifest.epoch,
            "participant_id": manifest.participant_id,
            "track_id": manifest.track_id,
            "kind": manifest.kind,
            "source": manifest.source,
            "codec": manifest.codec,
            "content_type": manifest.content_type,
            "state": state,
            "started_at": _rfc3339(in_step(manifest, beside)),
        }
        if state != "recording":
            told |= {
                "duration_s": manifest.duration_s,
                "stats": {
                    "packets": manifest.packets,
                    "lost": manifest.lost,
                    "frames": manifest.frames,
                    "width": manifest.width,
                    "height": manifest.height,
                },
                "gaps": manifest.gaps,
                "mutes": manifest.mutes,
            }
        await self._parley.put_track(manifest.recording_id, manifest.id, told | (more or {}))

    async def _report(self, recording_id: str, told: dict[str, Any]) -> None:
        try:
            while told["state"] == "stopped" and self._unannounced.get(recording_id):
                await asyncio.sleep(_LOOK_EVERY_S)
            await self._parley.report_recording(recording_id, told)
        except RecordingGone as gone:
            log.warning("recording_not_wanted", recording_id=recording_id, error=str(gone))

    def _announced(self, manifest: Manifest) -> None:
        self._unannounced.get(manifest.recording_id, set()).discard(manifest.id)


def _rfc3339(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
