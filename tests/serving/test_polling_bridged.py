"""The suite of polling once more, with the bridge parking the polls: every request of the test client crosses ASGI."""

from collections.abc import Iterator

import pytest

from app.core.flask_app import ParleyApp
from tests.inbox.test_polling import *  # noqa: F403
from tests.serving.bridged import bridged


@pytest.fixture
def app(app: ParleyApp) -> Iterator[ParleyApp]:
    with bridged(app) as app.wsgi_app:  # type: ignore[method-assign]
        yield app
