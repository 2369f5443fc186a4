"""A real uvicorn with the bridge, in a thread of the test's process."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from app.core.flask_app import ParleyApp
from app.serving.bodies import WholeBodies
from app.serving.bridge import Bridge
from app.serving.connections import connections
from tests.support.waiting import LONGEST_S, eventually


@contextmanager
def serving(
    app: ParleyApp, threads: int = 4, in_front: Callable[[Any], Any] = lambda served: served, grace_s: int = 5
) -> Iterator[int]:
    """Serve `app` on a free port of the loopback, behind what `in_front` makes of it; gives the port. At the end
    requests in hand have `grace_s`.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        settings = app.runtime.settings
        served = in_front(WholeBodies(Bridge(app, threads), settings))
        options = {
            "http": connections(settings),
            "log_config": None,
            "lifespan": "on",
            "timeout_graceful_shutdown": grace_s,
        }
        config = uvicorn.Config(served, **options)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])), daemon=True)
        thread.start()
        eventually(lambda: server.started, "uvicorn to listen")
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(LONGEST_S)
