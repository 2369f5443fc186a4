"""Files of the page straight to an S3 server of another origin and back: its CORS, its signatures, our policy."""

import os
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.e2e.person import Person
from tests.e2e.server import Server
from tests.e2e.test_page_chat import DOT
from tests.support.ceph import REGION, S3Server, shared_s3_server

pytestmark = pytest.mark.browser

FILM = os.urandom(9_000_000)  # two parts


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with shared_s3_server() as running:
        yield running


@pytest.fixture(scope="module")
def server(s3: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    store = {"S3_ENDPOINT": s3.endpoint, "S3_ACCESS_KEY": s3.access_key, "S3_SECRET_KEY": s3.secret_key}
    folder = tmp_path_factory.mktemp("on-s3")
    with Server(folder, **store, S3_REGION=REGION, S3_BUCKET="parley-page") as running:
        yield running


def test_files_of_the_chat_pass_the_server_by(s3: S3Server, someone: Callable[..., Person]) -> None:
    ada = someone("Ada Lind")
    page = ada.page
    store = urlsplit(s3.endpoint).netloc
    passed: list[str] = []
    page.on(
        "response",
        lambda one: passed.append(f"{one.request.method} {one.status} {urlsplit(one.url).netloc}"),
    )
    ada.create_meeting("Weekly sync")
    files = page.locator(".chat-composer input[type=file]")
    page.get_by_role("button", name="Attach a file").wait_for()
    files.set_input_files([{"name": "film.bin", "mimeType": "application/octet-stream", "buffer": FILM}])
    expect(page.get_by_role("button", name="film.bin")).to_be_visible()
    assert passed.count(f"PUT 200 {store}") == 2
    with page.expect_download() as download:
        page.get_by_role("button", name="film.bin").click()
    assert download.value.path().read_bytes() == FILM
    files.set_input_files([{"name": "dot.png", "mimeType": "image/png", "buffer": DOT}])
    picture = page.get_by_role("img", name="dot.png")
    expect(picture).to_be_visible()
    assert picture.evaluate("(image) => image.naturalWidth") == 1
    assert passed.count(f"GET 200 {store}") == 2
