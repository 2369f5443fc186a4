"""The world that the contract is tried on, built once and put back before every request."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.clock import ManualClock
from tests.conftest import NOW
from tests.support.world import World, built_world


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Iterator[World]:
    with built_world(tmp_path_factory.mktemp("contract"), migrated_database, ManualClock(NOW)) as built:
        yield built
