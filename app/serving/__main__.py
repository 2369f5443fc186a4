"""`python -m app.serving [--workers N]`: the API under uvicorn, at HOST and PORT, in WORKERS processes."""

import argparse
import os
import resource
import socket
import sys
from typing import Any

import uvicorn

from app.core.settings import Settings, SettingsError, load_settings
from app.serving.connections import connections

BACKLOG = 8192  # connections that the kernel queues: phones come back all at once after an outage
KEEP_ALIVE_S = 75  # proxies keep theirs for 60 s, so that it is never this side that hangs up first
FILES_BESIDE_POLLS = 1_000  # other connections, the database's, logs, recordings that are downloaded
GRACE_S = 3  # for requests that run; `make run` kills what is left 5 s after Ctrl-C


class _Server(uvicorn.Server):
    """Tells where it is once it listens."""

    def __init__(self, config: uvicorn.Config, settings: Settings) -> None:
        super().__init__(config)
        self._settings = settings

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            _tell(self._settings, "is ready")


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m app.serving", description="Serve Parley's API.")
    arguments.add_argument("--workers", metavar="N", help="how many processes, whatever WORKERS says")
    workers = arguments.parse_args().workers
    if workers is not None:
        os.environ["WORKERS"] = workers
    try:
        settings = load_settings()
    except SettingsError as error:
        sys.exit(f"Parley cannot start with these settings:\n{error}")
    allow_connections(settings)
    options: dict[str, Any] = {
        "factory": True,
        "http": connections(settings),
        "host": settings.host,
        "port": settings.port,
        "backlog": BACKLOG,
        "timeout_keep_alive": KEEP_ALIVE_S,
        "timeout_graceful_shutdown": GRACE_S,
        "access_log": False,  # requests are logged by the app, with their ids
        "log_config": None,
        "log_level": "warning",
        "proxy_headers": False,
        "server_header": False,
        "lifespan": "on",
        "ws": "none",
    }
    if settings.debug or settings.workers > 1:
        _tell(settings, "starts")
        watched = ["app"] if settings.debug else None
        uvicorn.run("asgi:create", **options, workers=settings.workers, reload=settings.debug, reload_dirs=watched)
    else:
        server = _Server(uvicorn.Config("asgi:create", **options), settings)
        server.run()
        sys.exit(0 if server.started else 3)  # 3: the port is taken, or the app could not be made


def allow_connections(settings: Settings) -> None:
    """Let this process, and those that it starts, open as many sockets as polls may be parked: a shell's usual 1,024
    files would end that early. Says so where the system's own limit is lower."""
    wanted = settings.poll_max_parked + FILES_BESIDE_POLLS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    if most < wanted:
        print(
            f"Parley may open {most} files here (ulimit -Hn), too few for POLL_MAX_PARKED={settings.poll_max_parked}.",
            file=sys.stderr,
            flush=True,
        )


def _tell(settings: Settings, what: str) -> None:
    print(f"Parley {what}: {settings.address}/  (explorer: {settings.address}/docs)", flush=True)


if __name__ == "__main__":
    main()
