"""Processes of Parley that are killed and started again, on one storage folder and database."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

from sqlalchemy import Connection, create_engine, text

from app import create_app
from app.core.settings import load_settings
from app.media.own_key import own_key
from tests.support.limits import OFF_IN_ENVIRONMENT
from tests.support.waiting import eventually

REPOSITORY = Path(__file__).parents[2]
LONGEST_S = 90.0  # of an answer; longer than any poll waits
STARTED_WITHIN_S = 90.0  # on a machine that is busy with other tests


class Http:
    """One connection to the API, kept open from request to request as an app keeps it."""

    def __init__(self, port: int, token: str = "") -> None:
        self.port = port
        self.connection = HTTPConnection("127.0.0.1", port, timeout=LONGEST_S)
        self.retry_after: str | None = None  # of the last answer
        self._headers = {"Content-Type": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    @property
    def authorization(self) -> str:
        return self._headers.get("Authorization", "")

    def send(self, method: str, path: str, body: Any = None, key: str = "") -> None:
        headers = {**self._headers, "Idempotency-Key": key} if key else self._headers
        self.connection.request(method, f"/api/v1{path}", None if body is None else json.dumps(body), headers)

    def request(self, method: str, path: str, body: Any = None, key: str = "") -> tuple[int, Any]:
        """Status and body. Raises OSError or HTTPException when there is no whole answer.

        `key`: of all repeats of this request (`Idempotency-Key`).
        """
        try:
            self.send(method, path, body, key)
            answer = self.connection.getresponse()
            text = answer.read()
            self.retry_after = answer.getheader("Retry-After")
        except (OSError, HTTPException):
            self.connection.close()
            raise
        return answer.status, json.loads(text) if text else None

    def ok(self, method: str, path: str, body: Any = None) -> Any:
        status, answer = self.request(method, path, body)
        assert status in (200, 201, 202), (method, path, status, answer)
        return answer


class ForkServer:
    """See `fork_server.py`."""

    def __init__(self, log: Path) -> None:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with log.open("w") as complaints:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.durability.fork_server"],
                cwd=REPOSITORY,
                stderr=complaints,
                text=True,
                **pipes,
            )

    def start(self, kind: str, environment: dict[str, str], log: Path) -> int:
        return self._command({"start": kind, "environment": environment, "log": str(log)})

    def wait(self, pid: int) -> int:
        """The exit code of a process that was started; minus the signal that has killed it."""
        return self._command({"wait": pid})

    def close(self) -> None:
        self._process.communicate(timeout=LONGEST_S)

    def _command(self, command: dict[str, Any]) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline().strip()
        assert answer, "the fork server has ended"
        return int(answer)


class Parley:
    """`environment`: the settings, for every process. Each writes its output to a file, judged by `complaints`."""

    def __init__(self, forks: ForkServer, storage: Path, **settings: str) -> None:
        self.storage = storage
        self.spool = storage / "spool" / "tracks"
        self.forks = forks
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port: int = listener.getsockname()[1]
        own = (
            {"STORAGE_DIR": str(storage), "PORT": str(self.port), "LOG_LEVEL": "WARNING"}
            | {"PRESENCE_RECONNECTING_S": "300", "PRESENCE_LEFT_S": "600"}  # a machine may stand still for a while
            | OFF_IN_ENVIRONMENT
            | settings
        )
        self.environment = {**os.environ, **own}
        self.log = storage / "processes.log"
        self.log.touch()
        self.expects_outages = False
        self.may_tell: tuple[str, ...] = ()

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
        """Lines of the processes' logs that should not be there. Where outages of the database are expected, they may
        be told of; and so may lines with a word of `may_tell`.
        """
        bad = ("Traceback", "locked", '"exception"', '"level": "error"', '"level": "critical"')
        found = [line for line in self.log.read_text().splitlines() if any(word in line for word in bad)]
        found = [line for line in found if not any(word in line for word in self.may_tell)]
        return [line[:3000] for line in found if not (self.expects_outages and _tells_of_outage(line))]


def _tells_of_outage(line: str) -> bool:
    try:
        told = json.loads(line)
    except ValueError:
        return False
    raised = {one["exc_type"] for one in told.get("exception", [])[:1]}
    return told.get("code") != "internal_error" and raised == {"OperationalError"}


class Forked:
    """One process of a kind (api, jobs), killed and started again quickly."""

    kind: str
    settings: Mapping[str, str] = MappingProxyType({})  # of its own

    def __init__(self, parley: Parley) -> None:
        self._parley = parley
        self.pid = 0

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self._kill_group()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._kill_group()

    def start(self) -> None:
        environment = {**self._parley.environment, **self.settings}
        self.pid = self._parley.forks.start(self.kind, environment, self._parley.log)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        assert self._end() == -signal.SIGKILL

    def terminate(self) -> None:
        os.kill(self.pid, signal.SIGTERM)
        assert self._end() in (0, -signal.SIGTERM)

    def _end(self) -> int:
        status = self._parley.forks.wait(self.pid)
        self.pid = 0
        return status

    def _kill_group(self) -> None:
        if self.pid:
            os.killpg(self.pid, signal.SIGKILL)
            self._end()


class Api(Forked):
    kind = "api"

    def start(self) -> None:
        super().start()
        self._parley.wait_until_it_answers()


class Jobs(Forked):
    kind = "jobs"


class CeleryWorker(Forked):
    """With two processes, which die with it. It takes all queues, or one."""

    kind = "celery"

    def __init__(self, parley: Parley, name: str, queue: str = "") -> None:
        super().__init__(parley)
        self.settings = {"CELERY_ARGUMENTS": f"-n {name}@%h --without-mingle {f'-Q {queue}' if queue else ''}"}


class Worker(Forked):
    """The media worker, as `make run` starts it, once it has registered; its spool is `parley.spool`."""

    kind = "worker"

    def start(self) -> None:
        self.settings = self.settings or self._own_settings()
        before = self._registered()
        super().start()
        eventually(lambda: self._registered() - before, "the worker to register", STARTED_WITHIN_S)

    def _own_settings(self) -> dict[str, str]:
        parley = self._parley
        database = {"database_url": url} if (url := parley.environment.get("DATABASE_URL")) else {}
        runtime = create_app(load_settings(storage_dir=parley.storage, _env_file=None, **database)).runtime
        try:
            key = own_key(runtime)
        finally:
            runtime.close()
        return {
            "PARLEY_URL": f"http://127.0.0.1:{parley.port}",
            "MEDIA_SERVICE_KEY": key,
            "MEDIA_WORKER_NAME": "here/1",
            "MEDIA_ADDRESSES": "127.0.0.1",
            "MEDIA_SPOOL_DIR": str(parley.spool),
            "MEDIA_SPOOL_RESERVE_MB": "1",
        }

    def _registered(self) -> set[str]:
        with self._parley.connection() as connection:
            return set(connection.execute(text("SELECT id FROM media_workers WHERE state = 'active'")).scalars())


class SeveralApis(Api):
    """The API with WORKERS=2: two processes, and a supervisor that starts anew who has died."""

    settings = MappingProxyType({"WORKERS": "2"})

    def start(self) -> None:
        super().start()
        self.wait_until_complete()

    def kill_one(self, which: int) -> None:
        os.kill(self._servers()[which], signal.SIGKILL)

    def kill(self) -> None:
        """The supervisor. Returns when the others have followed it."""
        group = self.pid
        super().kill()
        eventually(lambda: not group_of(group), "its processes to end with it")

    def wait_until_complete(self) -> None:
        eventually(lambda: len(self._servers()) == 2, "both processes to be there", STARTED_WITHIN_S)
        self._parley.wait_until_it_answers()

    def _servers(self) -> list[int]:
        return [pid for pid in group_of(self.pid) if pid != self.pid]


def group_of(leader: int) -> list[int]:
    """The processes of a group."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,pgid=,stat="], capture_output=True, text=True, check=True)
    rows = [line.split() for line in listed.stdout.splitlines()]
    return sorted(int(pid) for pid, group, state in rows if int(group) == leader and not state.startswith("Z"))
