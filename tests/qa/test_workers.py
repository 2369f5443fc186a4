"""The death of a media worker, on purpose."""

import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from flask.testing import FlaskClient

from app.core.flask_app import ParleyApp
from tests.media.rest_worker import RestWorker, service_key
from tests.support.people import ok, problem

Start = Callable[[str], "subprocess.Popen[bytes]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a process that does nothing, and is called so."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(name: str) -> "subprocess.Popen[bytes]":
        started.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", name]))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.wait()


def worker_that_is(app: ParleyApp, process: "subprocess.Popen[bytes]", host: str = "") -> RestWorker:
    worker = RestWorker(app, service_key(app), f"{host or socket.gethostname()}/1")
    told = {"load": 0, "participants": 0, "tracks": 0, "stats": {"pid": process.pid}}
    ok(worker.request("PUT", f"/media/workers/{worker.id}", told))
    return worker


def test_a_worker_of_this_machine_is_killed_at_once(app: ParleyApp, client: FlaskClient, start: Start) -> None:
    process = start("media_worker")
    worker_that_is(app, process)
    fault = ok(client.post("/api/v1/qa/faults", json={"kind": "kill_worker"}), 201)
    assert (fault["times"], fault["happened"]) == (0, 1)
    assert process.wait(60) == -signal.SIGKILL


@pytest.mark.parametrize(("name", "host"), [("something_else", ""), ("media_worker", "another-host")])
def test_no_other_process_is_killed(app: ParleyApp, client: FlaskClient, start: Start, name: str, host: str) -> None:
    process = start(name)
    worker_that_is(app, process, host)
    problem(client.post("/api/v1/qa/faults", json={"kind": "kill_worker"}), 503, "no_media_worker")
    assert process.poll() is None


def test_a_worker_is_chosen_by_its_meeting_and_killed_once(client: FlaskClient) -> None:
    elsewhere = {"kind": "kill_worker", "meeting_id": "01980a3e-7b6c-7d4e-8f00-1a2b3c4d5e6f"}
    problem(client.post("/api/v1/qa/faults", json=elsewhere), 503, "no_media_worker")
    for wrong in ({"times": 2}, {"upload_id": elsewhere["meeting_id"]}):
        problem(client.post("/api/v1/qa/faults", json={"kind": "kill_worker", **wrong}), 422, "validation_failed")
