"""What is said of recordings over Parley's REST API, and how their files get there (docs/media-workers.md)."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import structlog

from media_worker.api_client import ApiClient, Refused
from media_worker.errors import RecordingGone, UploadRefused

_BLOCK = 256 * 1024  # bytes of a file in memory
_PART_TIMEOUT_S = 60.0  # without a byte going through
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 30.0  # while the object store is away
_LOOK_EVERY_S = 0.5  # whether Parley has verified the whole
_ATTEMPTS = 3  # uploads of one file; a wrong checksum ends an upload
_PARTS_AT_ONCE = 20  # that are signed
# Other files of this account come first; or an object store that does not answer keeps the request before this one.
_WAITED_OUT = ("too_many_uploads", "idempotency_key_running")

log = structlog.get_logger()


class RecordingsClient:
    """Waits as long as Parley, or its object store, is away."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api
        # To the object store: its addresses are credentials themselves, and no header of ours belongs there.
        self._store = httpx.AsyncClient(timeout=_PART_TIMEOUT_S, trust_env=False)

    async def close(self) -> None:
        await self._store.aclose()

    async def put_track(self, recording_id: str, track_file_id: str, told: dict[str, Any]) -> None:
        """:raises RecordingGone: :raises UploadRefused:"""
        await self._say("PUT", f"/recordings/{recording_id}/tracks/{track_file_id}", json=told)

    async def report_recording(self, recording_id: str, told: dict[str, Any]) -> None:
        """:raises RecordingGone:"""
        await self._say("POST", f"/recordings/{recording_id}/reports", json=told)

    async def upload(self, path: Path, media_type: str, sha256: str, ref: str) -> str:
        """The upload's id, once Parley has verified the whole. `ref` makes it the same one after a crash.

        :raises UploadRefused:
        """
        asked: dict[str, Any] = {"purpose": "recording_track", "name": path.name, "media_type": media_type}
        asked["size"] = path.stat().st_size
        failures = 0
        for attempt in count():
            upload_id = str((await self._begin(f"{ref}-{attempt}", asked))["upload"]["id"])
            try:
                error = await self._carry(upload_id, path, sha256)
            except _UploadForgotten:
                log.warning("upload_forgotten", file=path.name, upload_id=upload_id)
                continue
            if not error:
                return upload_id
            failures += 1
            log.warning("upload_failed", file=path.name, upload_id=upload_id, error=error)
            if failures == _ATTEMPTS:
                raise UploadRefused(error)
        raise AssertionError("unreachable")

    async def _begin(self, key: str, asked: dict[str, Any]) -> dict[str, Any]:
        """:raises UploadRefused:"""
        for failures in count():
            try:
                return await self._api.insist("POST", "/uploads", json=asked, headers={"Idempotency-Key": key})
            except Refused as refused:
                if refused.code not in _WAITED_OUT:
                    raise UploadRefused(str(refused)) from None
                log.warning("upload_has_to_wait", error=str(refused))
                await asyncio.sleep(_pause_s(failures))
        raise AssertionError("unreachable")

    async def _carry(self, upload_id: str, path: Path, sha256: str) -> str:
        """Whatever is still to be done of an upload; what went wrong, or nothing.

        :raises _UploadForgotten: :raises UploadRefused:
        """
        failures = 0
        while True:
            upload = await self._ask("GET", f"/uploads/{upload_id}")
            if upload["state"] in ("complete", "taken"):
                return ""
            if upload["state"] == "failed":
                return str((upload["error"] or {}).get("code"))
            if upload["state"] == "completing":
                await asyncio.sleep(_LOOK_EVERY_S)
                continue
            there = {part["number"] for part in upload["arrived"]}
            missing = [number for number in range(1, upload["part_count"] + 1) if number not in there]
            try:
                await self._send(upload, missing[:_PARTS_AT_ONCE], path)
                failures = 0
            except (httpx.HTTPError, _StoreRefused) as error:
                pause_s = _pause_s(failures)
                failures += 1
                log.warning("part_not_sent", file=path.name, error=repr(error), again_s=pause_s)
                await asyncio.sleep(pause_s)
                continue
            if len(missing) <= _PARTS_AT_ONCE:
                try:
                    await self._ask("POST", f"/uploads/{upload_id}/complete", json={"sha256": sha256})
                except UploadRefused as refused:  # a part got lost on the way: it is asked for again
                    log.warning("upload_not_complete", file=path.name, error=str(refused))
                    await asyncio.sleep(_FIRST_PAUSE_S)

    async def _send(self, upload: dict[str, Any], numbers: list[int], path: Path) -> None:
        """Signed anew each time: addresses expire. :raises httpx.HTTPError: :raises _StoreRefused:"""
        if not numbers:
            return
        signed = await self._ask("POST", f"/uploads/{upload['id']}/parts", json={"numbers": numbers})
        for part in signed["parts"]:
            begins = (part["number"] - 1) * upload["part_size"]
            headers = {"Content-Length": str(part["size"])}
            content = _blocks(path, begins, part["size"])
            answer = await self._store.put(part["url"], content=content, headers=headers)
            if not answer.is_success:
                raise _StoreRefused(f"{answer.status_code} to part {part['number']}")

    async def _say(self, method: str, path: str, **request: Any) -> None:
        try:
            await self._api.insist(method, path, **request)
        except Refused as refused:
            if refused.status == 404 or refused.code == "recording_state_conflict":
                raise RecordingGone(str(refused)) from None
            raise UploadRefused(str(refused)) from None  # a misunderstanding: no reason to lose anything

    async def _ask(self, method: str, path: str, json: dict[str, Any] | None = None) -> dict[str, Any]:
        """Of an upload. :raises _UploadForgotten: :raises UploadRefused:"""
        try:
            return await self._api.insist(method, path, json=json)
        except Refused as refused:
            if refused.status == 404:
                raise _UploadForgotten from None
            raise UploadRefused(str(refused)) from None


def _pause_s(failures: int) -> float:
    longer: float = _FIRST_PAUSE_S * 2 ** min(failures, 10)
    return min(longer, _LONGEST_PAUSE_S)


class _StoreRefused(Exception):
    """The object store has answered, and not with success: an address has expired, or the store is unwell."""


class _UploadForgotten(Exception):
    """Nothing was heard of it for too long, so that Parley has swept it."""


async def _blocks(path: Path, begins: int, size: int) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        file.seek(begins)
        while size > 0:
            block = await asyncio.to_thread(file.read, min(size, _BLOCK))
            if not block:
                return
            size -= len(block)
            yield block
