"""An API process whose safety net catches nothing: what its parked polls learn, wake-ups have told them.

Started with settings as JSON. It prints its port once it hears other processes, and then a line when a poll is parked,
is woken, and leaves its place for whatever reason.
"""

import json
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

import uvicorn

from app.core.wakeups import base

base.SAFETY_NET_S = 3600.0  # before anybody imports it

from app import create_app  # noqa: E402
from app.core.flask_app import ParleyApp  # noqa: E402
from app.core.settings import load_settings  # noqa: E402
from app.core.wakeups.base import Parked, Wakeups  # noqa: E402
from app.serving.bridge import Bridge  # noqa: E402
from tests.drivers.wakeups_suite import listening  # noqa: E402


def main() -> None:
    settings = load_settings(_env_file=None, log_level="WARNING", jobs="inline", **json.loads(sys.argv[1]))
    app = create_app(settings)
    tell_of_parking(app.runtime.wakeups)
    door = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=tell_when_ready, args=(app, door.getsockname()[1]), daemon=True).start()
    server = uvicorn.Server(uvicorn.Config(Bridge(app, threads=8), log_config=None, lifespan="on"))
    server.run(sockets=[door])


def tell_when_ready(app: ParleyApp, port: int) -> None:
    listening(app.runtime.wakeups)
    print(port, flush=True)


class ToldParked:
    def __init__(self, parked: Parked) -> None:
        self._parked = parked

    def cancel(self) -> None:
        self._parked.cancel()
        print("left", flush=True)


def tell_of_parking(wakeups: Wakeups) -> None:
    park = wakeups.park

    def park_and_tell(topic: str, ticket: int, wake: Callable[[], None]) -> Parked | None:
        def wake_and_tell() -> None:
            print("woken", flush=True)
            wake()

        parked = park(topic, ticket, wake_and_tell)
        if parked is None:
            return None
        print("parked", flush=True)
        return ToldParked(parked)

    told: Any = wakeups
    told.park = park_and_tell


if __name__ == "__main__":
    main()
