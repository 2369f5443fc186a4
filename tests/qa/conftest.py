"""A Parley in the QA profile, by the real clock unless it is moved."""

import pytest

from app.core.db import Database
from app.core.settings import Settings
from app.qa.database_mark import MARK


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"profile": "qa"})


@pytest.fixture
def empty_database(empty_database: None, database_url: str) -> None:
    """Without the mark of an earlier test, which no migration made, and so nothing takes away."""
    if database_url:
        database = Database(database_url)
        MARK.drop(database.writer, checkfirst=True)
        database.close()


@pytest.fixture
def clock() -> None:
    """The profile's own."""
