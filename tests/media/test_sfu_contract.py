"""The mock media server and a real worker do the same by the contract."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.e2e.server import START_S, Server
from tests.media.sfu_suite import SfuSuite
from tests.support.limits import OFF_IN_ENVIRONMENT
from tests.support.people import Call, Person, start_call
from tests.support.remote_people import RemotePerson
from tests.support.waiting import eventually


@pytest.mark.sqlite  # what it answers is no matter of the database
class TestMock(SfuSuite):
    @pytest.fixture
    def call(self, anna: Person, ben: Person) -> Call:
        return start_call(anna, ben, media_mode="mock")


@pytest.fixture(scope="module")
def couple(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RemotePerson, RemotePerson]]:
    """Anna and Ben, at a server with a worker that is a process of its own."""
    with Server(tmp_path_factory.mktemp("sfu"), MEDIA_WORKERS="1", **OFF_IN_ENVIRONMENT) as server:

        def has_worker() -> bool:
            with closing(sqlite3.connect(server.folder / "meetings.db", timeout=START_S)) as database:
                return bool(database.execute("SELECT 1 FROM media_workers WHERE state = 'active'").fetchall())

        eventually(has_worker, "the media worker to register", START_S)
        yield RemotePerson(server.port, "Anna"), RemotePerson(server.port, "Ben")


@pytest.mark.slow
class TestWorker(SfuSuite):
    @pytest.fixture
    def call(self, couple: tuple[RemotePerson, RemotePerson]) -> Call:
        return start_call(*couple, media_mode="sfu")
