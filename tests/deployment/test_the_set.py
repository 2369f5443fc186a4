"""The production set, without containers: what people do with it passes the proxy, the store, the brokers."""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.calls.test_calls import wav
from tests.deployment.the_set import TheSet
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def the_set(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TheSet]:
    with TheSet(tmp_path_factory.mktemp("set")) as running:
        yield running


@pytest.fixture
def client(the_set: TheSet) -> Iterator[httpx.Client]:
    with the_set.client as client:
        yield client


class Somebody:
    """Registers, and follows the mailed link."""

    def __init__(self, the_set: TheSet, client: httpx.Client, name: str) -> None:
        self._client = client
        email = f"{name.lower()}@example.org"
        before = len(the_set.mails.received)
        body = {"email": email, "password": PASSWORD, "display_name": name}
        tokens = _ok(client.post("/api/v1/auth/register", json=body), 201)
        self.bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        eventually(lambda: len(the_set.mails.received) > before, "the mail")
        mail = the_set.mails.received[-1].get_body(("plain",)).get_content()  # type: ignore[union-attr]
        assert the_set.address in mail
        [token] = re.findall(r"token=([\w.~-]+)", mail)
        _ok(client.post("/api/v1/auth/verify", json={"token": token}))

    def get(self, path: str, **query: Any) -> Any:
        return _ok(self._client.get(f"/api/v1{path}", params=query, headers=self.bearer))

    def post(self, path: str, body: Any = None, status: int = 201, **more: Any) -> Any:
        return _ok(self._client.post(f"/api/v1{path}", json=body, headers=self.bearer, **more), status)


def _ok(answer: httpx.Response, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


@pytest.fixture(scope="module")
def anna(the_set: TheSet) -> Iterator[Somebody]:
    with the_set.client as client:
        yield Somebody(the_set, client, "Anna")


@pytest.fixture(scope="module")
def live(anna: Somebody) -> dict[str, Any]:
    meeting = anna.post("/meetings", {"title": "Weekly review"})
    joined: dict[str, Any] = anna.post(f"/meetings/{meeting['id']}/join", {"device": "laptop"})
    return {**meeting, "joined": joined}


def test_everything_is_ready(client: httpx.Client, the_set: TheSet) -> None:
    assert _ok(client.get("/health/ready")) == {"status": "ok"}
    assert "media@example.org" not in the_set.run("api", "flask", "jobs", "list")


def test_calls_are_forwarded_by_the_media_worker_and_relayed_by_the_turn_server(live: dict[str, Any]) -> None:
    joined = live["joined"]
    assert joined["meeting"]["effective_media_mode"] == "sfu"
    urls = [url for server in joined["rtc"]["ice_servers"] for url in server["urls"]]
    assert any(url.startswith("turn:") for url in urls)


def test_a_poll_that_waits_behind_the_proxy_is_answered_at_once(anna: Somebody, live: dict[str, Any]) -> None:
    me = live["joined"]["participant"]["id"]
    read = anna.get("/rtc/inbox", participant_id=me, wait=0)["head_seq"]
    heard: list[str] = []

    def listen(seq: int) -> None:
        while "chat.message" not in heard:
            answer = anna.get("/rtc/inbox", participant_id=me, ack=seq, wait=50)
            heard.extend(message["type"] for message in answer["messages"])
            seq = answer["head_seq"]

    listening = threading.Thread(target=listen, args=(read,), daemon=True)
    listening.start()
    anna.post(f"/meetings/{live['id']}/messages", {"text": "Is anybody there?"})
    listening.join(40)  # less than a poll waits by itself
    assert heard.count("chat.message") == 1


def test_a_file_passes_through_the_store_at_its_own_name(
    anna: Somebody, live: dict[str, Any], the_set: TheSet, client: httpx.Client
) -> None:
    content = os.urandom(6_000_000)
    about = {"purpose": "chat_file", "name": "film.bin", "media_type": "application/octet-stream", "size": len(content)}
    begun = anna.post("/uploads", about)
    for part in begun["parts"]:
        assert urlsplit(part["url"]).netloc != urlsplit(the_set.address).netloc
        begin = (part["number"] - 1) * begun["part_size"]
        _ok(client.put(part["url"], content=content[begin : begin + begun["part_size"]]))
    sha256 = hashlib.sha256(content).hexdigest()
    anna.post(f"/uploads/{begun['upload']['id']}/complete", {"sha256": sha256}, 202)
    eventually(lambda: anna.get(f"/uploads/{begun['upload']['id']}")["state"] == "complete", "the file to be verified")
    message = anna.post(f"/meetings/{live['id']}/messages", {"upload_id": begun["upload"]["id"]})
    found = client.get(f"/api/v1/messages/{message['id']}/file", headers=anna.bearer)
    assert found.status_code == 302
    assert client.get(found.headers["Location"]).content == content


def test_celery_workers_make_a_calls_notes(anna: Somebody, the_set: TheSet, client: httpx.Client) -> None:
    call = _ok(
        client.post(
            "/api/v1/calls",
            headers=anna.bearer,
            data={"title": "Renewal with Acme"},
            files={"file": ("call.wav", wav(300, 500), "audio/wav")},
        ),
        201,
    )
    eventually(lambda: anna.get(f"/calls/{call['id']}")["state"] in ("done", "failed"), "the notes", 120)
    assert "notes.transcribe" in the_set.log("workers")
    assert "notes.transcribe" not in the_set.log("jobs")


def test_what_is_stopped_ends_by_itself(the_set: TheSet) -> None:
    for service in ("media", "workers", "jobs", "api"):
        assert the_set.stop(service) == 0, the_set.log(service)[-2000:]
