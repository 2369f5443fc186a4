"""The suite of polling once more, with the bridge parking the polls: every request of the test client crosses ASGI."""

import pytest
from a2wsgi import ASGIMiddleware

from app.core.flask_app import ParleyApp
from app.serving.bridge import Bridge
from tests.inbox.test_polling import *  # noqa: F403


@pytest.fixture
def app(app: ParleyApp) -> ParleyApp:
    app.wsgi_app = ASGIMiddleware(Bridge(app, threads=4))  # type: ignore[method-assign, assignment, arg-type]
    return app
