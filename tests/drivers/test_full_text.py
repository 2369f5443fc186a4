from __future__ import annotations

import pytest

from app.notes.search.mariadb import MariadbFullText
from app.notes.search.postgresql import PostgresqlFullText
from app.notes.search.sqlite import SqliteFullText
from tests.drivers.full_text_suite import FullTextSuite

RUNGS = {"sqlite": SqliteFullText, "postgresql": PostgresqlFullText, "mariadb": MariadbFullText}


class TestFullText(FullTextSuite):
    @pytest.fixture(autouse=True)
    def _of_its_database(self, database_kind: str) -> None:
        self.rung = RUNGS[database_kind]
