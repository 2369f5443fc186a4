"""Entry point for uvicorn: `uvicorn --factory asgi:create`. `make run` starts it as `python -m app.serving`."""

import gc
from typing import TYPE_CHECKING

from app import create_app
from app.serving.supervisor import end_with_supervisor

if TYPE_CHECKING:
    from app.qa.faults import Faulty
    from app.serving.bodies import WholeBodies


def create() -> "WholeBodies | Faulty":
    end_with_supervisor()
    app = create_app()

    from app.serving.bodies import WholeBodies
    from app.serving.bridge import Bridge  # not before: create_app is quicker at importing what this needs

    gc.freeze()  # all of it stays: no garbage collection need look through it again
    settings = app.runtime.settings
    front = WholeBodies(Bridge(app, threads=settings.web_threads), settings)
    if settings.profile == "qa":
        from app.qa.faults import Faulty

        return Faulty(front, app.runtime)
    return front
