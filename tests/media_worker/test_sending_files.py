"""A file on its way from a media worker to a real API, whatever happens on the way."""

import asyncio
import hashlib
import socket
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.core.clock import ManualClock
from app.core.flask_app import ParleyApp
from app.core.objects.base import ObjectStore
from app.core.settings import Settings
from app.uploads import tasks as upload_tasks
from media_worker import api_client, recordings_client
from media_worker.api_client import ApiClient
from media_worker.errors import UploadRefused
from media_worker.recordings_client import RecordingsClient
from tests.media.rest_worker import service_key
from tests.serving.uvicorn_server import serving
from tests.support.cut_link import CutLink
from tests.support.waiting import LONGEST_S

PART_BYTES = 5 * 1024 * 1024
WEBM = b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82\x84webm"
FILE = WEBM + bytes(range(256)) * (2 * PART_BYTES // 256 + 100)  # three parts
SHA256 = hashlib.sha256(FILE).hexdigest()

Trouble = Callable[[Any, Any, Any], Coroutine[Any, Any, None]]


class Front:
    """An ASGI application in front of Parley: each request for a part meets the next of `troubles`, if there is one.

    `parts` are the numbers of those that were sent, as often as they were.
    """

    def __init__(self) -> None:
        self.troubles: list[Trouble | None] = []
        self.parts: list[int] = []

    def __call__(self, served: Any) -> Any:
        async def front(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http" and scope["method"] == "PUT" and "/parts/" in scope["path"]:
                self.parts.append(int(scope["path"].rpartition("/")[2]))
                trouble = self.troubles.pop(0) if self.troubles else None
                if trouble is not None:
                    await trouble(scope, receive, send)
                    return
            await served(scope, receive, send)

        self.served = served
        return front

    async def unwell(self, scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["more_body"]:
            pass
        await send({"type": "http.response.start", "status": 500, "headers": []})
        await send({"type": "http.response.body", "body": b"The store is on fire."})

    async def garbled(self, scope: Any, receive: Any, send: Any) -> None:
        async def receive_garbled() -> Any:
            message = await receive()
            return message | {"body": b"\0" * len(message["body"])} if message.get("body") else message

        await self.served(scope, receive_garbled, send)

    def late(self, clock: ManualClock) -> Trouble:
        async def late(scope: Any, receive: Any, send: Any) -> None:
            clock.advance(hours=2)
            await self.served(scope, receive, send)

        return late

    def cut(self, link: CutLink) -> Trouble:
        async def cut(scope: Any, receive: Any, send: Any) -> None:
            await receive()  # the beginning of it
            link.cut()
            link.mend()

        return cut


@pytest.fixture
def settings(settings: Settings) -> Settings:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    return settings.model_copy(update={"public_url": address, "upload_part_bytes": PART_BYTES})


@pytest.fixture
def front() -> Front:
    return Front()


@pytest.fixture
def link(app: ParleyApp, front: Front) -> Iterator[CutLink]:
    """To the API; its address is Parley's own."""
    with serving(app, in_front=front) as port:
        link = CutLink("127.0.0.1", port, int(app.runtime.settings.address.rpartition(":")[2]))
        yield link
        link.cut()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "track.webm"
    path.write_bytes(FILE)
    return path


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordings_client, "_FIRST_PAUSE_S", 0.05)
    monkeypatch.setattr(recordings_client, "_LOOK_EVERY_S", 0.05)


@asynccontextmanager
async def opened(app: ParleyApp, key: str) -> AsyncIterator[RecordingsClient]:
    api = ApiClient(app.runtime.settings.address, key, name="w", engine="e", version="1", capacity=1)
    client = RecordingsClient(api)
    try:
        yield client
    finally:
        await client.close()
        await api.close()


def sent(app: ParleyApp, file: Path, sha256: str = SHA256) -> str:
    async def send() -> str:
        async with opened(app, service_key(app)) as client:
            return await client.upload(file, "audio/webm", sha256, "f1")

    return asyncio.run(send())


def stored(app: ParleyApp) -> list[tuple[str, str]]:
    """Key and checksum of all objects."""
    store: ObjectStore = app.runtime.drivers[ObjectStore]
    return [(info.key.rpartition("/")[2], info.sha256) for info in store.list()]


@pytest.mark.parametrize("trouble", ["unwell", "late", "cut"])
def test_a_part_that_does_not_arrive_is_sent_again_and_no_other(
    app: ParleyApp, link: CutLink, front: Front, file: Path, clock: ManualClock, trouble: str
) -> None:
    met = {"unwell": front.unwell, "late": front.late(clock), "cut": front.cut(link)}[trouble]
    front.troubles = [None, met]
    upload_id = sent(app, file)
    assert stored(app) == [(upload_id, SHA256)]
    assert front.parts == [1, 2, 2, 3]


def test_what_was_garbled_on_the_way_is_sent_anew_and_what_is_another_file_is_refused(
    app: ParleyApp, link: CutLink, front: Front, file: Path
) -> None:
    front.troubles = [None, front.garbled]
    upload_id = sent(app, file)
    assert stored(app) == [(upload_id, SHA256)]
    assert front.parts == [1, 2, 3] * 2


def test_a_file_whose_checksum_is_refused_again_and_again_stays_with_the_worker(
    app: ParleyApp, link: CutLink, front: Front, tmp_path: Path
) -> None:
    (tmp_path / "short.webm").write_bytes(WEBM)
    with pytest.raises(UploadRefused, match="checksum_mismatch"):
        sent(app, tmp_path / "short.webm", sha256="0" * 64)
    assert (stored(app), front.parts) == ([], [1] * 3)


def test_a_worker_that_comes_back_sends_only_what_is_missing(
    app: ParleyApp, link: CutLink, front: Front, file: Path
) -> None:
    reached = asyncio.Event()

    async def stuck(scope: Any, receive: Any, send: Any) -> None:
        loop.call_soon_threadsafe(reached.set)
        await receive()

    async def send() -> str:
        nonlocal loop
        loop, key = asyncio.get_running_loop(), service_key(app)
        front.troubles = [None, stuck]
        async with opened(app, key) as client:
            first = asyncio.create_task(client.upload(file, "audio/webm", SHA256, "f1"))
            await reached.wait()
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
        async with opened(app, key) as client:
            return await client.upload(file, "audio/webm", SHA256, "f1")

    loop: asyncio.AbstractEventLoop
    upload_id = asyncio.run(send())
    assert stored(app) == [(upload_id, SHA256)]
    assert front.parts == [1, 2, 2, 3]


def test_while_parley_is_away_nothing_is_given_up(app: ParleyApp, link: CutLink, front: Front, file: Path) -> None:
    async def send() -> str:
        key = service_key(app)
        link.cut()
        async with opened(app, key) as client:
            sending = asyncio.create_task(client.upload(file, "audio/webm", SHA256, "f1"))
            with capture_logs() as logged:
                while sum(one["event"] == "parley_does_not_answer" for one in logged) < 2:
                    await asyncio.sleep(0.01)
            link.mend()
            return await sending

    upload_id = asyncio.run(send())
    assert stored(app) == [(upload_id, SHA256)]


def test_a_store_that_is_slower_than_the_worker_is_patient_is_waited_for(
    app: ParleyApp, link: CutLink, front: Front, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, answers = app.runtime.drivers[ObjectStore], threading.Event()
    begin = store.begin_upload

    def slow(*args: Any) -> str:
        answers.wait(LONGEST_S)
        return str(begin(*args))

    async def send() -> str:
        monkeypatch.setattr(store, "begin_upload", slow)
        monkeypatch.setattr(api_client, "PATIENCE_S", 0.3)
        key = service_key(app)
        async with opened(app, key) as client:
            sending = asyncio.create_task(client.upload(file, "audio/webm", SHA256, "f1"))
            with capture_logs() as logged:
                while not any(one["event"] == "upload_has_to_wait" for one in logged):
                    await asyncio.sleep(0.01)
                answers.set()
                return await sending

    upload_id = asyncio.run(send())
    assert stored(app) == [(upload_id, SHA256)]


def test_an_upload_that_was_forgotten_meanwhile_is_begun_anew(
    app: ParleyApp, link: CutLink, front: Front, file: Path, clock: ManualClock
) -> None:
    async def forgotten(scope: Any, receive: Any, send: Any) -> None:
        clock.advance(hours=49)
        await asyncio.to_thread(upload_tasks.sweep, app.runtime, {})
        await front.unwell(scope, receive, send)

    front.troubles = [None, forgotten]
    upload_id = sent(app, file)
    assert stored(app) == [(upload_id, SHA256)]
    assert front.parts == [1, 2, 1, 2, 3]


def test_other_files_of_the_account_are_waited_for(
    app: ParleyApp, link: CutLink, front: Front, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def send() -> str:
        monkeypatch.setattr(
            app.runtime, "settings", app.runtime.settings.model_copy(update={"worker_uploads_open_max": 1})
        )
        key = service_key(app)
        async with opened(app, key) as client:
            await client.upload(file, "audio/webm", SHA256, "f1")  # nobody takes it
            second = asyncio.create_task(client.upload(file, "audio/webm", SHA256, "f2"))
            with capture_logs() as logged:
                while not any(one["event"] == "upload_has_to_wait" for one in logged):
                    await asyncio.sleep(0.01)
            monkeypatch.undo()
            return await second

    asyncio.run(send())
    assert [sha256 for _, sha256 in stored(app)] == [SHA256] * 2
