"""What compose.yaml describes, started without containers: Debian's programs, and Parley's own services by the commands
of their images, each in a folder with what its image is made of.

What differs: names lead to loopback and ports are free ones; RabbitMQ is the one that the tests share, with queues of
its own; Ceph's gateway stands where MinIO does.
"""

from __future__ import annotations

import json
import os
import secrets
import shlex
import signal
import socket
import ssl
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import httpx
import psycopg

from tests.deployment.files import compose, copied, filled, stages, variables
from tests.support.brokers import broker
from tests.support.ceph import REGION, shared_s3_server
from tests.support.limits import OFF_IN_ENVIRONMENT
from tests.support.mail_server import MailServer
from tests.support.own_servers import OwnPostgresql, OwnRedis, program
from tests.support.turn_server import TurnServer
from tests.support.waiting import eventually

READY_WITHIN_S = 120.0
ENDS_WITHIN_S = 15.0
VENV = Path(sys.executable).parent


class RedisOfTheSet(OwnRedis):
    """Started by the command that its container has."""

    def __init__(self, command: str) -> None:
        super().__init__()
        self._command = shlex.split(command)

    def command(self) -> list[str]:
        return [*self._command, "--port", str(self.port), "--bind", "127.0.0.1"]

    def accepts(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=3).close()
        except OSError:
            return False
        return True


class TheSet:
    """`with TheSet(folder) as it`: all services run. `it.client` speaks to the proxy, and trusts it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open = ExitStack()
        self._ports = {name: _free_port() for name in ("proxy", "files", "api", "media")}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.address = f"https://localhost:{self._ports['proxy']}"

    def __enter__(self) -> Self:
        with ExitStack() as cleaning:
            cleaning.push(self._open)
            self._start_all()
            cleaning.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @property
    def client(self) -> httpx.Client:
        root = self._folder / "caddy" / "caddy" / "pki" / "authorities" / "local" / "root.crt"
        return httpx.Client(base_url=self.address, verify=ssl.create_default_context(cafile=root), timeout=70)

    def log(self, service: str) -> str:
        return (self._folder / f"{service}.log").read_text(errors="replace")

    def stop(self, service: str) -> int:
        """As a container is stopped; its exit code."""
        process = self._running.pop(service)
        process.send_signal(signal.SIGTERM)
        return process.wait(ENDS_WITHIN_S)

    def run(self, service: str, *command: str) -> str:
        """`docker compose run`: what it prints."""
        done = subprocess.run(
            _of_venv(command), **self._way(service), capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def _start_all(self) -> None:
        enter = self._open.enter_context
        self.mails = enter(MailServer())
        s3, rabbitmq = enter(shared_s3_server()), enter(broker("rabbitmq"))
        turn = enter(TurnServer(_made(self._folder / "turn")))
        secrets_ = {name: secrets.token_hex(32) for name in variables()}
        self._told = secrets_ | {
            "PARLEY_HOST": f"localhost:{self._ports['proxy']}",
            "FILES_HOST": f"localhost:{self._ports['files']}",
            "PUBLIC_ADDRESS": "127.0.0.1",
            "SMTP_URL": f"smtp://127.0.0.1:{self.mails.port}",
            "MAIL_FROM": "Parley <parley@example.org>",
            "WORKERS": "2",
        }
        redis = RedisOfTheSet(filled(compose()["services"]["redis"]["command"], self._told))
        postgres = enter(OwnPostgresql())
        enter(redis)
        with psycopg.connect(postgres.url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute("CREATE DATABASE parley ENCODING 'UTF8' TEMPLATE template0")
        self._places = {
            "@postgres:5432/": f"@127.0.0.1:{postgres.port}/",
            "@redis:6379/": f"@127.0.0.1:{redis.port}/",
            f"amqp://parley:{self._told['RABBITMQ_PASSWORD']}@rabbitmq:5672//": rabbitmq.url,
            "http://minio:9000": s3.endpoint,
            "http://api:8080": f"http://127.0.0.1:{self._ports['api']}",
        }
        self._differs = {
            "CELERY_QUEUE_PREFIX": rabbitmq.prefix,
            "S3_REGION": REGION,
            "S3_BUCKET": f"parley-{secrets.token_hex(4)}",
            "S3_ACCESS_KEY": s3.access_key,
            "S3_SECRET_KEY": s3.secret_key,
            "STUN_URLS": f"stun:127.0.0.1:{turn.port}",
            "TURN_URLS": ",".join(turn.urls[:2]),
            "TURN_SECRET": turn.secret,
            **OFF_IN_ENVIRONMENT,
        }
        self._folders = {target: copied(stages()[target], self._folder / target) for target in ("api", "jobs", "media")}
        self.run("migrate", *shlex.split(compose()["services"]["migrate"]["command"]))
        created = self.run("api", "flask", "users", "create", "media@example.org", "--service")
        self._told["MEDIA_SERVICE_KEY"] = next(word for word in created.split() if word.startswith("parley_sk_"))
        self._start_proxy(s3.endpoint)
        for service in ("api", "jobs", "workers", "media"):
            self.start(service)
        eventually(self._is_ready, "the set to be ready", READY_WITHIN_S)

    def start(self, service: str) -> None:
        command = compose()["services"][service].get("command")
        self._start(service, _of_venv(shlex.split(command) if command else self._command(service)), self._way(service))

    def _start_proxy(self, files: str) -> None:
        """By its Caddyfile; on ports of its own, with certificates of its own making."""
        own = f"{{\n\thttp_port {_free_port()}\n\tadmin off\n\tskip_install_trust\n\tlocal_certs\n}}\n"
        text = filled(compose()["configs"]["caddyfile"]["content"], self._told)
        text = text.replace("api:8080", f"127.0.0.1:{self._ports['api']}")
        caddyfile = self._folder / "Caddyfile"
        caddyfile.write_text(own + text.replace("minio:9000", files.removeprefix("http://")))
        environment = filled(compose()["services"]["proxy"]["environment"], self._told)
        data = {"XDG_DATA_HOME": str(self._folder / "caddy"), "HOME": str(self._folder), "PATH": os.environ["PATH"]}
        command = [program("caddy"), "run", "--config", str(caddyfile), "--adapter", "caddyfile"]
        self._start("proxy", command, {"cwd": self._folder, "env": environment | data})

    def _start(self, service: str, command: list[str], way: dict[str, Any]) -> None:
        with (self._folder / f"{service}.log").open("ab") as log:
            process = subprocess.Popen(command, **way, stdout=log, stderr=log, start_new_session=True)
        self._running[service] = process
        self._open.callback(_kill, process)

    def _way(self, service: str) -> dict[str, Any]:
        told = compose()["services"][service]
        environment = dict(one.text.split("=", 1) for one in self._defaults(told["build"]["target"]))
        environment |= filled(told["environment"], self._told)
        for name, value in environment.items():
            for place, instead in self._places.items():
                environment[name] = value = value.replace(place, instead)
        own = {"STORAGE_DIR": str(self._folder / "work"), "MEDIA_SPOOL_DIR": str(self._folder / "tracks")}
        own |= {"HOST": "127.0.0.1", "PORT": str(self._ports["api"]), "MEDIA_PORT": str(self._ports["media"])}
        own |= {"PATH": f"{VENV}:{os.environ['PATH']}", "LOG_LEVEL": "INFO", "PYTHONUNBUFFERED": "1"}
        cwd = self._folders[told["build"]["target"]]
        return {"cwd": cwd, "env": environment | self._differs | own}

    def _defaults(self, target: str) -> list[Any]:
        """ENV of the image, split into one setting each."""
        lines = [one for one in stages()[target] if one.name == "ENV"]
        return [one._replace(text=word) for one in lines for word in one.text.split() if not word.startswith("PATH=")]

    def _command(self, service: str) -> list[str]:
        target = compose()["services"][service]["build"]["target"]
        command: list[str] = json.loads([one.text for one in stages()[target] if one.name == "CMD"][-1])
        return command

    def _is_ready(self) -> bool:
        for service, process in self._running.items():
            assert process.poll() is None, f"{service} has ended: {self.log(service)[-3000:]}"
        try:
            with self.client as client:
                ready = client.get("/health/ready")
                return ready.status_code == 200 and ready.json() == {"status": "ok"} and "ready" in self.log("workers")
        except (httpx.TransportError, OSError, ValueError):
            return False


def _of_venv(command: tuple[str, ...] | list[str]) -> list[str]:
    return [str(VENV / command[0]), *command[1:]]


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port
