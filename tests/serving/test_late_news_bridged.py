"""News that come late once more, with polls that are answered before Flask."""

import pytest
from a2wsgi import ASGIMiddleware

from app.core.flask_app import ParleyApp
from app.serving.bridge import Bridge
from tests.inbox.test_late_news import *  # noqa: F403


@pytest.fixture
def app(app: ParleyApp) -> ParleyApp:
    app.wsgi_app = ASGIMiddleware(Bridge(app, threads=4))  # type: ignore[method-assign, assignment, arg-type]
    return app
