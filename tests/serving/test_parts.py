"""Parts of uploads over real sockets: past the limits of other bodies, in constant memory, with a stall time."""

from __future__ import annotations

import socket
import tracemalloc
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from app.core.flask_app import ParleyApp
from app.core.settings import Settings
from tests.serving.uvicorn_server import serving
from tests.support.people import Person, ok
from tests.support.waiting import LONGEST_S, eventually
from tests.uploads.sending import PART, begin, complete, read

STALL_S = 0.5
SIZE = 4 * PART  # in four parts, or as one in a test of memory


@pytest.fixture
def settings(settings: Settings, request: pytest.FixtureRequest) -> Settings:
    some = {"upload_part_bytes": PART, "request_body_s": 0.2, **getattr(request, "param", {})}
    return settings.model_copy(update=some)


@pytest.fixture
def port(app: ParleyApp) -> Iterator[int]:
    with serving(app) as port:
        yield port


def incoming(app: ParleyApp) -> list[Path]:
    """What is being written."""
    return list((app.runtime.settings.storage_dir / "objects" / ".incoming").glob("*"))


def path_of(url: str) -> str:
    return f"{urlsplit(url).path}?{urlsplit(url).query}"


@pytest.mark.parametrize("settings", [{"upload_part_bytes": SIZE}], indirect=True)
def test_a_part_is_stored_in_constant_memory_and_its_file_is_verified(anna: Person, port: int) -> None:
    content = bytes(range(256)) * (SIZE // 256)
    begun = begin(anna, SIZE, media_type="application/x-data")
    connection = HTTPConnection("127.0.0.1", port, timeout=LONGEST_S)
    tracemalloc.start()
    try:
        connection.request("PUT", path_of(begun["parts"][0]["url"]), content)
        answer = connection.getresponse()
        assert (answer.status, answer.read()[:10]) == (200, b'{"number":')
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()
        connection.close()
    ok(complete(anna, begun, content), 202)
    assert read(anna, begun)["state"] == "complete"


@pytest.mark.parametrize("settings", [{"upload_stall_s": LONGEST_S}], indirect=True)
def test_a_slow_part_may_take_longer_than_other_bodies_as_long_as_it_comes(
    anna: Person, port: int, app: ParleyApp, settings: Settings
) -> None:
    begun = begin(anna, 100)
    with sending(port, begun, 100) as sender:
        sender.sendall(b"x" * 99)
        eventually(lambda: incoming(app) != [], "the part to be begun")
        socket.create_connection(("127.0.0.1", port)).close()
        assert not is_answered(sender, settings.request_body_s * 3)
        sender.sendall(b"x")
        assert answer_of(sender).status == 200


@pytest.mark.parametrize("settings", [{"upload_stall_s": STALL_S}], indirect=True)
def test_a_part_that_stalls_is_408_and_leaves_nothing(anna: Person, port: int, app: ParleyApp) -> None:
    begun = begin(anna, 100)
    with sending(port, begun, 100) as sender:
        sender.sendall(b"x" * 50)
        answer = answer_of(sender)
        assert (answer.status, b"request_timeout" in answer.read()) == (408, True)
    eventually(lambda: incoming(app) == [], "what had come to be deleted")
    assert read(anna, begun)["arrived"] == []


def test_a_part_whose_sender_hangs_up_leaves_nothing(anna: Person, port: int, app: ParleyApp) -> None:
    begun = begin(anna, 100)
    with sending(port, begun, 100) as sender:
        sender.sendall(b"x" * 50)
        eventually(lambda: incoming(app) != [], "the part to be begun")
    eventually(lambda: incoming(app) == [], "what had come to be deleted")
    assert read(anna, begun)["arrived"] == []


def test_without_a_signature_not_a_byte_is_written(anna: Person, port: int, app: ParleyApp) -> None:
    begun = begin(anna, SIZE)
    connection = HTTPConnection("127.0.0.1", port, timeout=LONGEST_S)
    connection.request("PUT", path_of(begun["parts"][0]["url"])[:-4] + "AAAA", b"x" * PART)
    answer = connection.getresponse()
    assert (answer.status, b"url_not_signed" in answer.read()) == (403, True)
    assert incoming(app) == []
    connection.close()


def sending(port: int, begun: dict[str, Any], length: int) -> socket.socket:
    head = f"PUT {path_of(begun['parts'][0]['url'])} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n"
    sender = socket.create_connection(("127.0.0.1", port), timeout=LONGEST_S)
    sender.sendall(head.encode())
    return sender


def is_answered(sender: socket.socket, within_s: float) -> bool:
    sender.settimeout(within_s)
    try:
        return bool(sender.recv(1, socket.MSG_PEEK))
    except TimeoutError:
        return False
    finally:
        sender.settimeout(LONGEST_S)


def answer_of(sender: socket.socket) -> HTTPResponse:
    answer = HTTPResponse(sender, method="PUT")
    answer.begin()
    return answer
