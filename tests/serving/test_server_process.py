"""`python -m app.serving` as `make run` starts it: its first line, its end, and several processes of it."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.support.people import PASSWORD
from tests.support.waiting import LONGEST_S, eventually

START_S = 120  # far beyond what it takes; a machine that runs many tests at once is slow
REPOSITORY = Path(__file__).parents[2]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture
def storage(tmp_path: Path, migrated_database: Path) -> Path:
    shutil.copy(migrated_database, tmp_path / "meetings.db")
    return tmp_path


@contextmanager
def server(storage: Path, *arguments: str, **settings: str) -> Iterator[tuple[int, "subprocess.Popen[str]"]]:
    port = free_port()
    own = {"STORAGE_DIR": str(storage), "PORT": str(port), "LOG_LEVEL": "WARNING", **settings}
    process = subprocess.Popen(
        [sys.executable, "-m", "app.serving", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, **own},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        eventually(lambda: answers(port) or process.poll() is not None, "the server to answer", START_S)
        yield port, process
    finally:
        process.terminate()
        try:
            process.communicate(timeout=LONGEST_S)
        finally:
            process.kill()


def answers(port: int) -> bool:
    try:
        return request(port, "GET", "/health/live")[0] == 200
    except OSError:
        return False


def request(port: int, method: str, path: str, body: Any = None, token: str = "") -> tuple[int, Any]:
    connection = HTTPConnection("127.0.0.1", port, timeout=LONGEST_S)
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    text = answer.read()
    return answer.status, json.loads(text) if text else None


def register(port: int, name: str) -> str:
    account = {"email": f"{name}@example.org", "password": PASSWORD, "display_name": name}
    status, answer = request(port, "POST", "/api/v1/auth/register", account)
    assert status == 201, answer
    return str(answer["access_token"])


def open_poll(port: int, token: str) -> HTTPConnection:
    connection = HTTPConnection("127.0.0.1", port, timeout=LONGEST_S)
    connection.request("GET", "/api/v1/rtc/inbox?wait=50", headers={"Authorization": f"Bearer {token}"})
    return connection


def is_parked(storage: Path) -> bool:
    import sqlite3

    with sqlite3.connect(storage / "meetings.db") as database:
        return bool(database.execute("SELECT count(*) FROM inboxes WHERE poll_id IS NOT NULL").fetchone()[0])


def test_it_says_where_it_is_and_ends_with_every_parked_poll_answered(storage: Path) -> None:
    with server(storage) as (port, process):
        poll = open_poll(port, register(port, "anna"))
        eventually(lambda: is_parked(storage), "the poll to be parked")
        process.send_signal(signal.SIGTERM)
        answer = poll.getresponse()
        assert (answer.status, json.load(answer)["messages"]) == (200, [])
        output, _ = process.communicate(timeout=LONGEST_S)
    assert f"Parley is ready: http://127.0.0.1:{port}/" in output
    assert "Traceback" not in output


def test_a_port_that_is_taken_is_told_and_ends_it(storage: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = subprocess.run(
            [sys.executable, "-m", "app.serving"],
            cwd=REPOSITORY,
            env={**os.environ, "STORAGE_DIR": str(storage), "PORT": str(taken.getsockname()[1])},
            capture_output=True,
            text=True,
            timeout=LONGEST_S,
        )
    assert ended.returncode != 0
    assert "address already in use" in ended.stderr.lower()
    assert "ready" not in ended.stdout


@pytest.mark.parametrize(("setting", "arguments"), [("many", []), ("1", ["--workers", "many"]), ("1", ["--workers=0"])])
def test_a_wrong_setting_is_named_without_a_trace(storage: Path, setting: str, arguments: list[str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "app.serving", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "STORAGE_DIR": str(storage), "WORKERS": setting},
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
    )
    assert ended.returncode != 0
    assert "WORKERS" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_several_processes_wake_each_others_polls(storage: Path) -> None:
    """Every request may meet another process: invitations arrive whichever it is that parked the poll."""
    with server(storage, "--workers", "3") as (port, _):
        anna, ben = register(port, "anna"), register(port, "ben")
        for number in range(6):
            after = request(port, "GET", "/api/v1/rtc/inbox?wait=0", token=ben)[1]["head_seq"]
            poll = HTTPConnection("127.0.0.1", port, timeout=LONGEST_S)
            path = f"/api/v1/rtc/inbox?wait=50&after={after}"
            poll.request("GET", path, headers={"Authorization": f"Bearer {ben}"})
            eventually(lambda: is_parked(storage), "the poll to be parked")
            meeting = request(port, "POST", "/api/v1/meetings", {"title": f"No. {number}"}, anna)[1]
            invitees = {"invitees": [{"email": "ben@example.org"}]}
            assert request(port, "POST", f"/api/v1/meetings/{meeting['id']}/invitations", invitees, anna)[0] == 201
            [message] = json.load(poll.getresponse())["messages"]
            assert message["payload"]["invitation"]["meeting"]["title"] == f"No. {number}"
