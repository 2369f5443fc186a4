"""A client that asks until it is answered, as docs/mobile.md has one ask: with one key for all repeats of a request."""

import hashlib
import random
import threading
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from tests.durability.network import FIRST_PAUSE_S, LONGEST_PAUSE_S, NOT_NOW
from tests.durability.processes import LONGEST_S, Http


class GaveUp(Exception):
    """The soak was ended before there was an answer."""


class Patient:
    """One person's. `refusals`: answers that no client should get, for all clients in one list."""

    def __init__(self, port: int, token: str, refusals: list[str], ended: threading.Event) -> None:
        self._http = Http(port, token)
        self._refusals = refusals
        self._ended = ended
        self._chance = random.Random(token)

    def ask(self, method: str, path: str, body: Any = None, allowed: tuple[int, ...] = ()) -> tuple[int, Any]:
        """Status and body of the first answer that is one. `allowed`: statuses, beside success, that may come.

        :raises GaveUp:
        """
        key = "" if method == "GET" else str(uuid4())
        failures = 0
        while not self._ended.is_set():
            try:
                status, answer = self._http.request(method, path, body, key)
            except (OSError, HTTPException):
                status, answer = 0, None
            if 200 <= status < 300 or status in allowed:
                return status, answer
            if status and status not in NOT_NOW and not _is_still_running(status, answer):
                self._refusals.append(f"{method} {path} {status} {answer}")
                return status, answer
            failures += 1
            self._ended.wait(self._chance.uniform(0, min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**failures)))
        raise GaveUp

    def upload(self, purpose: str, name: str, media_type: str, content: bytes) -> str:
        """The id of the upload, once it is verified. :raises GaveUp:"""
        wanted = {"purpose": purpose, "name": name, "size": len(content), "media_type": media_type}
        begun = self.ask("POST", "/uploads", wanted)[1]
        start = 0
        for part in begun["parts"]:
            self._put(part["url"], content[start : start + part["size"]])
            start += part["size"]
        path = f"/uploads/{begun['upload']['id']}"
        self.ask("POST", f"{path}/complete", {"sha256": hashlib.sha256(content).hexdigest()}, allowed=(409,))
        while self.ask("GET", path)[1]["state"] == "completing":
            self._ended.wait(0.2)
        return str(begun["upload"]["id"])

    def download(self, path: str) -> bytes:
        """What lies at `path`, asked for without a key."""
        return self._raw("GET", f"/api/v1{path}", {"Authorization": self._http.authorization})

    def _put(self, url: str, content: bytes) -> None:
        parts = urlsplit(url)
        self._raw("PUT", f"{parts.path}?{parts.query}", {}, content)

    def _raw(self, method: str, target: str, headers: dict[str, str], content: bytes | None = None) -> bytes:
        while not self._ended.is_set():
            connection = HTTPConnection("127.0.0.1", self._http.port, timeout=LONGEST_S)
            try:
                connection.request(method, target, content, headers)
                answer = connection.getresponse()
                body = answer.read()
                if answer.status == 200:
                    return body
                if answer.status not in NOT_NOW:
                    self._refusals.append(f"{method} {target.partition('?')[0]} {answer.status} {body[:300]!r}")
                    return body
            except (OSError, HTTPException):
                pass
            finally:
                connection.close()
            self._ended.wait(self._chance.uniform(0, LONGEST_PAUSE_S))
        raise GaveUp


def _is_still_running(status: int, answer: Any) -> bool:
    """The first request with this key came through, and is in hand; or its process was killed, and the key is kept
    until its lease is over."""
    return status == 409 and isinstance(answer, dict) and answer.get("code") == "idempotency_key_running"
