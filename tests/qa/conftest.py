"""A Parley in the QA profile, by the real clock unless it is moved."""

import pytest

from app.core.settings import Settings


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"profile": "qa"})


@pytest.fixture
def clock() -> None:
    """The profile's own."""
