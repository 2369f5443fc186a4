"""Processes of Parley that are killed and started again, on one storage folder and database."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, create_engine

from tests.support.waiting import eventually

REPOSITORY = Path(__file__).parents[2]
STARTED_WITHIN_S = 60.0  # on a machine that is busy with other tests


class Http:
    """One connection to the API, kept open from request to request as an app keeps it."""

    def __init__(self, port: int, token: str = "") -> None:
        self.connection = HTTPConnection("127.0.0.1", port, timeout=40)
        self._headers = {"Content-Type": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def send(self, method: str, path: str, body: Any = None) -> None:
        self.connection.request(method, f"/api/v1{path}", None if body is None else json.dumps(body), self._headers)

    def request(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and body. Raises OSError or HTTPException when there is no whole answer."""
        try:
            self.send(method, path, body)
            answer = self.connection.getresponse()
            text = answer.read()
        except (OSError, HTTPException):
            self.connection.close()
            raise
        return answer.status, json.loads(text) if text else None

    def ok(self, method: str, path: str, body: Any = None) -> Any:
        status, answer = self.request(method, path, body)
        assert status in (200, 201, 202), (method, path, status, answer)
        return answer


class Parley:
    """`environment`: the settings, for every process. Each writes its output to a file, judged by `complaints`."""

    def __init__(self, storage: Path, **settings: str) -> None:
        self.storage = storage
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port: int = listener.getsockname()[1]
        own = {"STORAGE_DIR": str(storage), "PORT": str(self.port), "LOG_LEVEL": "WARNING", **settings}
        self.environment = {**os.environ, **own}
        self._log = storage / "processes.log"

    def start(self, *command: str, **options: Any) -> "subprocess.Popen[str]":
        with self._log.open("a") as log:
            return subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=REPOSITORY,
                env=self.environment,
                stderr=log,
                text=True,
                **{"stdout": log, **options},
            )

    @contextmanager
    def jobs(self) -> Iterator["subprocess.Popen[str]"]:
        """The jobs process."""
        process = self.start("flask", "jobs", "run")
        try:
            yield process
        finally:
            process.terminate()
            try:
                assert process.wait(timeout=20) == 0
            finally:
                process.kill()

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """To the database, beside the processes."""
        engine = create_engine(self.environment.get("DATABASE_URL") or f"sqlite:///{self.storage / 'meetings.db'}")
        try:
            with engine.begin() as connection:
                yield connection
        finally:
            engine.dispose()

    def answers(self) -> bool:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/health/live")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    def wait_until_it_answers(self) -> None:
        eventually(self.answers, "the API to answer", STARTED_WITHIN_S)

    def complaints(self) -> list[str]:
        """Lines of the processes' logs that should not be there."""
        bad = ("Traceback", "locked", '"exception"', '"level": "error"', '"level": "critical"')
        return [line[:2000] for line in self._log.read_text().splitlines() if any(word in line for word in bad)]


class Forked:
    """One process of a kind (api, jobs; see `fork_server.py`), killed and started again quickly."""

    kind: str

    def __init__(self, parley: Parley) -> None:
        self._parley = parley
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._starter = parley.start("tests.durability.fork_server", self.kind, **pipes)
        self._pid = 0

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self._starter.communicate(timeout=20)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._starter.communicate(timeout=20)

    def start(self) -> None:
        self._pid = int(self._command("start"))

    def kill(self) -> None:
        os.kill(self._pid, signal.SIGKILL)
        assert self._command("wait") == str(-signal.SIGKILL)

    def terminate(self) -> None:
        os.kill(self._pid, signal.SIGTERM)
        assert self._command("wait") in ("0", str(-signal.SIGTERM))

    def _command(self, command: str) -> str:
        assert self._starter.stdin is not None
        assert self._starter.stdout is not None
        self._starter.stdin.write(f"{command}\n")
        self._starter.stdin.flush()
        answer = self._starter.stdout.readline().strip()
        assert answer, "the starter has ended; see processes.log"
        return answer


class Api(Forked):
    kind = "api"

    def start(self) -> None:
        super().start()
        self._parley.wait_until_it_answers()


class Jobs(Forked):
    kind = "jobs"


class SeveralApis:
    """`python -m app.serving` with two processes, and a supervisor that starts anew who has died."""

    def __init__(self, parley: Parley) -> None:
        self._parley = parley
        self._supervisor: subprocess.Popen[str] | None = None

    def __enter__(self) -> "SeveralApis":
        try:
            self.start()
        except BaseException:
            self.kill_all()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kill_all()

    def start(self) -> None:
        self._supervisor = self._parley.start("app.serving", start_new_session=True)
        self.wait_until_complete()

    def kill_one(self, which: int) -> None:
        os.kill(self._servers()[which], signal.SIGKILL)

    def kill_supervisor(self) -> None:
        """Returns when the others have followed it."""
        assert self._supervisor is not None
        self._supervisor.kill()
        self._supervisor.wait(timeout=20)
        eventually(lambda: not self._servers(), "its processes to end with it")

    def kill_all(self) -> None:
        if self._supervisor is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._supervisor.pid, signal.SIGKILL)
            self._supervisor.wait(timeout=20)

    def terminate(self) -> None:
        assert self._supervisor is not None
        self._supervisor.terminate()
        assert self._supervisor.wait(timeout=20) == 0

    def wait_until_complete(self) -> None:
        eventually(lambda: len(self._servers()) == 2, "both processes to be there", STARTED_WITHIN_S)
        self._parley.wait_until_it_answers()

    def _servers(self) -> list[int]:
        assert self._supervisor is not None
        columns = ["ps", "-A", "-ww", "-o", "pid=,pgid=,command="]
        listed = subprocess.run(columns, capture_output=True, text=True, check=True)
        rows = [line.split(None, 2) for line in listed.stdout.splitlines()]
        group = str(self._supervisor.pid)
        return sorted(int(pid) for pid, its_group, command in rows if its_group == group and "spawn_main" in command)
