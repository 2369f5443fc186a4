"""An API process whose safety net catches nothing: what its parked polls learn, wake-ups have told them.

Started with settings as JSON. It prints its port once it hears other processes, and then a line when a poll is parked,
is woken, and leaves its place for whatever reason.
"""

import json
import socket
import sys
import threading
from collections.abc import Sequence
from typing import Any

import uvicorn

from app.core.wakeups import base

base.SAFETY_NET_S = 3600.0  # before anybody imports it

from app import create_app  # noqa: E402
from app.core.flask_app import ParleyApp  # noqa: E402
from app.core.settings import load_settings  # noqa: E402
from app.core.wakeups.base import Wakeups, topic_of  # noqa: E402
from app.inbox.parking import Parked, Parking  # noqa: E402
from app.inbox.service import topic  # noqa: E402
from app.serving.bridge import Bridge  # noqa: E402
from tests.drivers.wakeups_suite import listening  # noqa: E402


def main() -> None:
    settings = load_settings(_env_file=None, log_level="WARNING", jobs="inline", **json.loads(sys.argv[1]))
    app = create_app(settings)
    tell_of_parking(app.runtime.drivers[Parking], app.runtime.wakeups)
    door = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=tell_when_ready, args=(app, door.getsockname()[1]), daemon=True).start()
    server = uvicorn.Server(uvicorn.Config(Bridge(app, threads=8), log_config=None, lifespan="on"))
    server.run(sockets=[door])


def tell_when_ready(app: ParleyApp, port: int) -> None:
    listening(app.runtime.wakeups)
    print(port, flush=True)


def tell_of_parking(parking: Any, wakeups: Wakeups) -> None:
    claim, release = parking.claim, parking.release

    def claim_and_tell(poll: Parked) -> bool:
        granted: bool = claim(poll)
        if granted:
            print("parked", flush=True)
        return granted

    def release_and_tell(poll: Parked) -> None:
        if poll in parking.parked:
            print("left", flush=True)
        release(poll)

    def tell_of_waking(nudges: Sequence[str] | None) -> None:
        topics = {topic_of(nudge) for nudge in nudges or ()}
        if any(topic(poll.inbox_id) in topics for poll in parking.parked):
            print("woken", flush=True)

    parking.claim, parking.release = claim_and_tell, release_and_tell
    wakeups.listen(tell_of_waking)


if __name__ == "__main__":
    main()
