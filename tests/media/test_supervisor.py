"""The media workers that `make run` starts: with a key of their own, started anew, ended with who started them."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.flask_app import ParleyApp
from app.core.runtime import Runtime
from app.media.own_key import EMAIL, NotAService, own_key
from tests.media.rest_worker import RestWorker
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[2]
STARTED_WITHIN_S = 120.0


def test_the_key_of_this_machines_workers_is_made_once_and_is_good(app: ParleyApp, runtime: Runtime) -> None:
    key = own_key(runtime)
    assert own_key(runtime) == key
    assert RestWorker(app, key).state["state"] == "active"
    kept = runtime.settings.storage_dir / "secrets" / "media_workers_key"
    assert kept.stat().st_mode & 0o077 == 0
    printed = app.test_cli_runner().invoke(args=["media", "key"])
    assert printed.stdout.strip() == key


def test_a_role_that_was_taken_is_not_taken_back(app: ParleyApp, runtime: Runtime) -> None:
    own_key(runtime)
    app.test_cli_runner().invoke(args=["users", "revoke", EMAIL, "service"])
    with pytest.raises(NotAService):
        own_key(runtime)
    refused = app.test_cli_runner().invoke(args=["media", "key"])
    assert refused.exit_code == 1
    assert f"flask users grant {EMAIL} service" in refused.stderr
    app.test_cli_runner().invoke(args=["users", "grant", EMAIL, "service"])
    assert RestWorker(app, own_key(runtime)).state["state"] == "active"


def test_workers_are_listed_for_whoever_runs_parley(app: ParleyApp, runtime: Runtime) -> None:
    runner = app.test_cli_runner()
    assert "no media workers" in runner.invoke(args=["media", "list"]).stdout
    RestWorker(app, own_key(runtime), "host-a/1", capacity=12)
    assert "host-a/1" in runner.invoke(args=["media", "list"]).stdout


@pytest.fixture
def listening() -> Iterator[int]:
    """A port that looks like the API's, and answers nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def children_of(pid: int) -> dict[str, int]:
    """Media workers by their names."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            status = (folder / "stat").read_text().rpartition(")")[2].split()
            if status[1] == str(pid) and status[0] != "Z" and b"media_worker" in (folder / "cmdline").read_bytes():
                environment = dict(line.partition("=")[::2] for line in (folder / "environ").read_text().split("\0"))
                found[environment["MEDIA_WORKER_NAME"].rpartition("/")[2]] = int(folder.name)
        except (OSError, KeyError):
            continue  # it has ended meanwhile
    return found


@pytest.mark.slow
@pytest.mark.sqlite
def test_workers_are_started_anew_and_end_with_their_supervisor(
    tmp_path: Path, listening: int, migrated_database: Path
) -> None:
    shutil.copy(migrated_database, tmp_path / "meetings.db")
    own = {"STORAGE_DIR": str(tmp_path), "PORT": str(listening), "MEDIA_WORKERS": "2", "PROFILE": "embedded"}
    supervisor = subprocess.Popen(
        [sys.executable, "-m", "app.media"], cwd=ROOT, env={**os.environ, **own}, start_new_session=True
    )
    try:

        def all_there() -> dict[str, int] | None:
            assert supervisor.poll() is None
            there = children_of(supervisor.pid)
            return there if set(there) == {"1", "2"} else None

        before = eventually(all_there, "two media workers", STARTED_WITHIN_S)
        os.kill(before["1"], signal.SIGKILL)
        after = eventually(
            lambda: (there := all_there()) and there["1"] != before["1"] and there, "another first", STARTED_WITHIN_S
        )
        assert after["2"] == before["2"]
        supervisor.kill()
        supervisor.wait()
        for pid in after.values():
            eventually(lambda pid=pid: not is_alive(pid), "the worker to end with its supervisor", STARTED_WITHIN_S)
    finally:
        if supervisor.poll() is None:
            os.killpg(supervisor.pid, signal.SIGKILL)
            supervisor.wait()


def is_alive(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
