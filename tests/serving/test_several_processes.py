"""Two API processes, as under WORKERS=2 or on two machines: who polls at one hears what happens at the other."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.databases import migrated_server_database
from tests.support.redis_server import redis_url
from tests.support.waiting import LONG_S, LONGEST_S

ROOT = Path(__file__).parents[2]
PASSWORD = "correct horse battery"


class Process:
    """An API process whose safety net catches nothing."""

    def __init__(self, settings: dict[str, str]) -> None:
        command = [sys.executable, "-m", "tests.serving.process_without_net", json.dumps(settings)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        told = self.next_line()
        assert told.isdigit(), "the process did not start"
        self._url = f"http://127.0.0.1:{told}/api/v1"

    def post(self, path: str, body: Any, token: str = "") -> Any:
        answer = requests.post(self._url + path, json=body, headers=_bearer(token), timeout=LONGEST_S)
        assert answer.ok, answer.text
        return answer.json()

    def poll(self, token: str) -> Any:
        answer = requests.get(
            self._url + "/rtc/inbox", params={"wait": LONG_S}, headers=_bearer(token), timeout=LONGEST_S
        )
        assert answer.ok, answer.text
        return answer.json()

    def end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(LONGEST_S)
        finally:
            self._process.kill()
            self._process.communicate()

    def next_line(self) -> str:
        """What it tells next of its polls."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


@contextmanager
def one_machine(folder: Path) -> Iterator[list[dict[str, str]]]:
    """SQLite, and one folder."""
    yield [{"storage_dir": str(folder)}] * 2


@contextmanager
def one_machine_with_redis(folder: Path) -> Iterator[list[dict[str, str]]]:
    yield [{"storage_dir": str(folder), "redis_url": redis_url()}] * 2


@contextmanager
def two_machines_with_postgresql(folder: Path) -> Iterator[list[dict[str, str]]]:
    """They share nothing but the database, and the key of the tokens."""
    with migrated_server_database("postgresql", folder) as database:
        shared = {"database_url": database.url, "jwt_secret": "k" * 32}
        yield [shared | {"storage_dir": str(folder / name)} for name in ("one", "two")]


@pytest.mark.sqlite
@pytest.mark.parametrize("way", [one_machine, one_machine_with_redis, two_machines_with_postgresql])
def test_a_poll_parked_in_one_process_is_woken_by_what_happens_in_the_other(
    tmp_path: Path, migrated_database: Path, way: Callable[[Path], Any]
) -> None:
    (tmp_path / "meetings.db").write_bytes(migrated_database.read_bytes())
    with ExitStack() as stack:
        here, there = [started(stack, settings) for settings in stack.enter_context(way(tmp_path))]
        anna, ben = account(here, "anna"), account(there, "ben")
        replies: list[Any] = []
        polling = threading.Thread(target=lambda: replies.append(here.poll(anna)))
        polling.start()
        assert here.next_line() == "parked"
        meeting = there.post("/meetings", {"title": "Weekly review"}, ben)
        there.post(f"/meetings/{meeting['id']}/invitations", {"invitees": [{"email": "anna@example.org"}]}, ben)
        assert here.next_line() == "woken"
        polling.join()
    assert [message["type"] for message in replies[0]["messages"]] == ["invitation.received"]


def started(stack: ExitStack, settings: dict[str, str]) -> Process:
    process = Process(settings)
    stack.callback(process.end)
    return process


def account(process: Process, name: str) -> str:
    """The access token of somebody new."""
    body = {"email": f"{name}@example.org", "password": PASSWORD, "display_name": name.capitalize()}
    return str(process.post("/auth/register", body)["access_token"])
