"""Servers of a test's own, which it may kill and start again: PostgreSQL, MariaDB, Redis and RabbitMQ, as Debian
installs them.

Each keeps its data in a folder of its own and listens on a free port of loopback. Skips the test where the programs are
not there, and fails it where REQUIRE_ALL is 1.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Self

import pytest

from tests.support.waiting import eventually

STARTED_WITHIN_S = 90.0


def program(name: str, *folders: str) -> str:
    """Where a program is: on the path, or else in one of `folders`, which may be patterns."""
    found = shutil.which(name)
    for folder in folders:
        found = found or next((str(path) for path in sorted(Path("/").glob(f"{folder}/{name}"), reverse=True)), None)
    if found is None:
        reason = f"{name} is not installed"
        if os.environ.get("REQUIRE_ALL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


class OwnServer(ABC):
    """`url` is its address, whether it runs or not."""

    user: str  # as whom it runs where the tests run as root
    url: str

    def __init__(self) -> None:
        # Beside pytest's folders, which only their owner may enter.
        self.folder = Path(tempfile.mkdtemp(prefix="parley-own-"))
        self._as: dict[str, Any] = {"user": self.user, "group": self.user} if os.geteuid() == 0 else {}
        if self._as:
            known = pwd.getpwnam(self.user)
            os.chown(self.folder, known.pw_uid, known.pw_gid)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.prepare()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    @abstractmethod
    def prepare(self) -> None:
        """Make its data."""

    @abstractmethod
    def command(self) -> list[str]:
        """What it is started by, in the foreground."""

    def start(self) -> None:
        """Returns once it accepts connections. One that cannot start yet, since parts of its killed predecessor are
        still there, is started again.
        """

        def listens() -> bool:
            if self._process is None or self._process.poll() is not None:
                with (self.folder / "server.log").open("ab") as log:
                    self._process = subprocess.Popen(
                        self.command(), stdout=log, stderr=log, cwd=self.folder, start_new_session=True, **self._as
                    )
            return self.accepts()

        eventually(listens, f"{type(self).__name__} to accept connections", STARTED_WITHIN_S)

    @abstractmethod
    def accepts(self) -> bool:
        """Whether it can be used."""

    def kill(self) -> None:
        """As the kernel does when memory runs out."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """As an administrator does: connections are ended, what is committed is kept."""
        self._end(signal.SIGTERM)

    def _end(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(STARTED_WITHIN_S)
        self._process = None

    def run(self, *command: str) -> None:
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.folder, **self._as)
        assert done.returncode == 0, done.stdout + done.stderr


class OwnPostgresql(OwnServer):
    user = "postgres"

    def prepare(self) -> None:
        self._bin = Path(program("initdb", "usr/lib/postgresql/*/bin", "opt/homebrew/bin")).parent
        options = ("--auth=trust", "--username=parley", "--encoding=UTF8", "--locale=C", "--no-sync")
        self.run(str(self._bin / "initdb"), "-D", str(self.folder / "data"), *options)
        self.url = f"postgresql+psycopg://parley@127.0.0.1:{self.port}/postgres"

    def command(self) -> list[str]:
        # What is committed survives the server's end without fsync, if not the machine's.
        options = ("fsync=off", "listen_addresses=127.0.0.1", f"unix_socket_directories={self.folder}")
        named = [word for option in options for word in ("-c", option)]
        return [str(self._bin / "postgres"), "-D", str(self.folder / "data"), "-p", str(self.port), *named]

    def accepts(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self.url.replace("+psycopg", ""), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        self._end(signal.SIGINT)  # “fast”; SIGTERM would wait for every client


class OwnMariadb(OwnServer):
    user = "mysql"

    def prepare(self) -> None:
        install, data = program("mariadb-install-db"), f"--datadir={self.folder / 'data'}"
        self._server = program("mariadbd", "usr/sbin", "usr/libexec")
        options = ("--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve")
        self.run(install, *options, data)
        self.url = f"mariadb+pymysql://root@127.0.0.1:{self.port}/parley"

    def command(self) -> list[str]:
        return [
            self._server,
            "--no-defaults",
            f"--datadir={self.folder / 'data'}",
            f"--socket={self.folder / 'socket'}",
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            "--innodb-flush-log-at-trx-commit=2",  # what is committed survives the server's end, if not the machine's
            "--innodb-buffer-pool-size=32M",
            "--skip-name-resolve",
            "--character-set-server=utf8mb4",
        ]

    def accepts(self) -> bool:
        import pymysql

        try:
            with pymysql.connect(host="127.0.0.1", port=self.port, user="root", connect_timeout=5) as connection:
                connection.cursor().execute("CREATE DATABASE IF NOT EXISTS parley CHARACTER SET utf8mb4")
        except pymysql.err.OperationalError:
            return False
        return True


class OwnRedis(OwnServer):
    user = "redis"

    def prepare(self) -> None:
        self._server = program("redis-server")
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> list[str]:
        return [self._server, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]

    def accepts(self) -> bool:
        import redis

        try:
            with redis.Redis.from_url(self.url, socket_connect_timeout=3) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


class OwnRabbitMq(OwnServer):
    user = "rabbitmq"

    def prepare(self) -> None:
        # Not the one on the path: that one has to be started by root, and takes the settings of the machine's server.
        folders = sorted(Path("/usr/lib/rabbitmq/lib").glob("*/sbin"), reverse=True)
        self._server = str(folders[0] / "rabbitmq-server") if folders else program("rabbitmq-server")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._nodes_port = free.getsockname()[1]
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def command(self) -> list[str]:
        environment = {
            "HOME": self.folder,
            "RABBITMQ_NODENAME": f"own{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": self.port,
            "RABBITMQ_DIST_PORT": self._nodes_port,
            "RABBITMQ_MNESIA_BASE": self.folder / "data",
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_CONFIG_FILE": self.folder / "rabbitmq",
            "RABBITMQ_ENABLED_PLUGINS_FILE": self.folder / "plugins",
            "RABBITMQ_PID_FILE": self.folder / "pid",
        }
        return ["env", *(f"{name}={value}" for name, value in environment.items()), self._server]

    def accepts(self) -> bool:
        import amqp

        try:
            with amqp.Connection(f"127.0.0.1:{self.port}", "guest", "guest", connect_timeout=3) as connection:
                connection.channel()
        except (OSError, amqp.AMQPError):
            return False
        return True

    def _end(self, number: int) -> None:
        """The script that starts it stays, as its parent."""
        assert self._process is not None
        os.killpg(self._process.pid, number)
        self._process.wait(STARTED_WITHIN_S)
        self._process = None


OWN_DATABASES: dict[str, type[OwnServer]] = {"postgresql": OwnPostgresql, "mariadb": OwnMariadb}
