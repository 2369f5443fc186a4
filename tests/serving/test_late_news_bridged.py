"""News that come late once more, with polls that are answered before Flask."""

from collections.abc import Iterator

import pytest

from app.core.flask_app import ParleyApp
from tests.inbox.test_late_news import *  # noqa: F403
from tests.serving.bridged import bridged


@pytest.fixture
def app(app: ParleyApp) -> Iterator[ParleyApp]:
    with bridged(app) as app.wsgi_app:  # type: ignore[method-assign]
        yield app
