"""What a refusal means for a file that only the worker has."""

import asyncio
from typing import Any, cast

import pytest

from media_worker.api_client import ApiClient, Refused
from media_worker.errors import RecordingGone, UploadRefused
from media_worker.recordings_client import RecordingsClient


class Refusing:
    """An API that refuses whatever it is told."""

    def __init__(self, status: int, code: str) -> None:
        self._refused = Refused(status, {"code": code, "detail": "No."})

    async def insist(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        raise self._refused


def told(status: int, code: str) -> None:
    async def tell() -> None:
        client = RecordingsClient(cast(ApiClient, Refusing(status, code)))
        try:
            await client.put_track("r1", "f1", {})
        finally:
            await client.close()

    asyncio.run(tell())


@pytest.mark.parametrize(("status", "code"), [(404, "not_found"), (409, "recording_state_conflict")])
def test_a_recording_that_is_no_more_lets_its_files_go(status: int, code: str) -> None:
    with pytest.raises(RecordingGone):
        told(status, code)


@pytest.mark.parametrize(("status", "code"), [(422, "validation_failed"), (403, "forbidden"), (409, "conflict")])
def test_a_misunderstanding_deletes_nothing(status: int, code: str) -> None:
    with pytest.raises(UploadRefused):
        told(status, code)
