from collections.abc import Callable

import pytest

from app.core.flask_app import ParleyApp
from tests.media.rest_worker import RestWorker, service_key


@pytest.fixture
def key(app: ParleyApp) -> str:
    return service_key(app)


@pytest.fixture
def worker(app: ParleyApp, key: str) -> Callable[..., RestWorker]:
    """`worker("host-a/1", capacity=10)` is a media worker that has registered; all have one key."""
    return lambda name="host-a/1", **more: RestWorker(app, key, name, **more)
