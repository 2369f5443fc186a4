"""`python -m app.serving`: the API under uvicorn, at HOST and PORT, in WORKERS processes."""

import socket
import sys
from typing import Any

import uvicorn

from app.core.settings import Settings, SettingsError, load_settings

BACKLOG = 8192  # connections that the kernel queues: phones come back all at once after an outage
KEEP_ALIVE_S = 75  # proxies keep theirs for 60 s, so that it is never this side that hangs up first
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
    try:
        settings = load_settings()
    except SettingsError as error:
        sys.exit(f"Parley cannot start with these settings:\n{error}")
    options: dict[str, Any] = {
        "factory": True,
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


def _tell(settings: Settings, what: str) -> None:
    print(f"Parley {what}: {settings.address}/  (explorer: {settings.address}/docs)", flush=True)


if __name__ == "__main__":
    main()
