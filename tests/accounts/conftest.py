"""On top of everybody's fixtures: mail that is kept, visitors without a token, and an ear for events."""

from typing import Any

import pytest

from app.accounts import events
from app.accounts.mail.base import Mailer
from app.accounts.mail.memory import MemoryMailer
from app.core.flask_app import ParleyApp
from app.core.runtime import Runtime
from app.core.settings import Settings
from tests.accounts.visitors import ADDRESS, Visitor


@pytest.fixture
def overrides() -> dict[str, Any]:
    """Settings of the tests that override this."""
    return {}


@pytest.fixture
def settings(settings: Settings, overrides: dict[str, Any]) -> Settings:
    return settings.model_copy(update={"public_url": ADDRESS, **overrides})


@pytest.fixture(autouse=True)
def mailer(runtime: Runtime) -> MemoryMailer:
    mailer = MemoryMailer()
    runtime.drivers[Mailer] = mailer
    return mailer


@pytest.fixture
def visitor(app: ParleyApp) -> Visitor:
    return Visitor(app)


@pytest.fixture
def heard(runtime: Runtime) -> list[object]:
    """Every event of accounts, in the order in which they were emitted."""
    heard: list[object] = []
    for kind in vars(events).values():
        if isinstance(kind, type) and kind.__module__ == events.__name__:
            runtime.bus.on(kind, lambda _work, event: heard.append(event))
    return heard
