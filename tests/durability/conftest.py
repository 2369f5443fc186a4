import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.durability.processes import Parley
from tests.support.databases import migrated_server_database


@pytest.fixture
def parley(request: pytest.FixtureRequest, tmp_path: Path, migrated_database: Path) -> Iterator[Callable[..., Parley]]:
    """`parley(kind, **settings)`: processes can be started on a migrated database of that kind. Afterwards their logs
    must be without a complaint.
    """
    made: list[Parley] = []

    def make(kind: str = "sqlite", **settings: str) -> Parley:
        if kind == "sqlite":
            shutil.copy(migrated_database, tmp_path / "meetings.db")
        else:
            database = migrated_server_database(kind, tmp_path / "migrations")
            settings["DATABASE_URL"] = database.__enter__().url
            request.addfinalizer(lambda: database.__exit__(None, None, None))
        made.append(Parley(tmp_path, **settings))
        return made[-1]

    yield make
    for one in made:
        assert one.complaints() == []
