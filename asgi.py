"""Entry point for uvicorn: `uvicorn --factory asgi:create`. `make run` starts it as `python -m app.serving`."""

from app import create_app
from app.serving.bridge import Bridge
from app.serving.supervisor import end_with_supervisor


def create() -> Bridge:
    end_with_supervisor()
    app = create_app()
    return Bridge(app, threads=app.runtime.settings.web_threads)
