import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.durability.processes import ForkServer, Parley
from tests.support.databases import MigratedDatabase, migrated_server_database
from tests.support.own_servers import OwnServer


@pytest.fixture(scope="session")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkServer]:
    server = ForkServer(tmp_path_factory.mktemp("forks") / "complaints.log")
    yield server
    server.close()


@pytest.fixture
def parley(
    request: pytest.FixtureRequest, tmp_path: Path, migrated_database: Path, forks: ForkServer
) -> Iterator[Callable[..., Parley]]:
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
        made.append(Parley(forks, tmp_path, **settings))
        return made[-1]

    yield make
    for one in made:
        assert one.complaints() == []


@pytest.fixture
def parley_at(tmp_path: Path, forks: ForkServer) -> Iterator[Callable[[OwnServer], Parley]]:
    """`parley_at(server)`: the same, on a database server of the test's own, which may go away meanwhile."""
    made: list[Parley] = []

    def make(server: OwnServer) -> Parley:
        MigratedDatabase(server.url, tmp_path / "migrations").empty()
        made.append(Parley(forks, tmp_path, DATABASE_URL=server.url))
        made[-1].expects_outages = True
        return made[-1]

    yield make
    for one in made:
        assert one.complaints() == []
