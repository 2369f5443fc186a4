"""The migrations make the tables that the models describe, on every database, and take them away again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask_migrate import downgrade, upgrade
from sqlalchemy import CheckConstraint, Engine, ForeignKeyConstraint, PrimaryKeyConstraint, UniqueConstraint, inspect
from sqlalchemy.dialects import mysql, postgresql

from app import create_app
from app.core.db import Base
from app.core.flask_app import ParleyApp
from app.core.settings import load_settings
from tests.support.databases import DATABASES, fresh_database

MIGRATIONS = Path(__file__).parents[1] / "migrations"
# The longest names of PostgreSQL; MariaDB's are one longer.
LONGEST_NAME = 63


@pytest.fixture(params=DATABASES)
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ParleyApp]:
    """An app on an empty database."""
    with fresh_database(request.param, tmp_path) as url:
        app = create_app(load_settings(storage_dir=tmp_path, database_url=url, _env_file=None))
        with app.app_context():
            yield app
        app.runtime.close()


def tables_of(app: ParleyApp) -> set[str]:
    return set(inspect(app.runtime.database.get_engine()).get_table_names()) - {"alembic_version"}


def test_up_makes_every_table_and_down_takes_each_away(app: ParleyApp) -> None:
    upgrade()
    assert tables_of(app) == set(Base.metadata.tables)
    downgrade(revision="base")
    assert tables_of(app) == set()
    upgrade()
    assert tables_of(app) == set(Base.metadata.tables)


def test_up_a_second_time_changes_nothing(app: ParleyApp) -> None:
    upgrade()
    upgrade()
    assert tables_of(app) == set(Base.metadata.tables)


def test_models_and_migrations_agree(app: ParleyApp) -> None:
    upgrade()
    with app.runtime.database.get_engine().connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def test_every_constraint_in_the_database_has_the_name_that_the_convention_gives(app: ParleyApp) -> None:
    upgrade()
    engine = app.runtime.database.get_engine()
    found = inspect(engine)
    for table in Base.metadata.tables.values():
        named: dict[str, set[str]] = {"fk": set(), "uq": set(), "ck": set()}
        for constraint in table.constraints:
            if not isinstance(constraint, PrimaryKeyConstraint):
                named[_kind(constraint)].add(_name(constraint, engine))
        assert {str(key["name"]) for key in found.get_foreign_keys(table.name)} == named["fk"], table.name
        assert {str(one["name"]) for one in found.get_unique_constraints(table.name)} == named["uq"], table.name
        made_by_itself = named["fk"] | named["uq"]  # MariaDB makes indexes of its own for these
        indexes = {str(index["name"]) for index in found.get_indexes(table.name)} - made_by_itself
        assert indexes == {str(index.name) for index in table.indexes}, table.name


def test_every_name_of_the_models_follows_the_convention_and_is_short_enough_everywhere() -> None:
    for table in Base.metadata.tables.values():
        for constraint in table.constraints:
            for dialect in (postgresql.dialect(), mysql.dialect()):
                name = dialect.identifier_preparer.format_constraint(constraint)
                assert name, f"a constraint of {table.name} has no name"
                assert name.strip('"`').startswith(f"{_kind(constraint)}_{table.name}"), name
                assert len(name.strip('"`')) <= LONGEST_NAME, name
        for index in table.indexes:
            assert str(index.name).startswith(f"ix_{table.name}"), index.name
            assert len(str(index.name)) <= LONGEST_NAME, index.name


def test_the_migrations_are_one_line_without_branches() -> None:
    scripts = ScriptDirectory(str(MIGRATIONS))
    assert len(scripts.get_heads()) == 1
    assert len(scripts.get_bases()) == 1


@pytest.mark.parametrize("url", ["postgresql+psycopg://nobody@127.0.0.1:1/x", "mariadb+pymysql://nobody@127.0.0.1:1/x"])
def test_the_sql_can_be_shown_without_a_database(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip(url.partition("+")[2].partition(":")[0])
    app = create_app(load_settings(storage_dir=tmp_path, database_url=url, _env_file=None))
    with app.app_context():
        upgrade(sql=True)
    app.runtime.close()
    shown = capsys.readouterr().out
    assert all(f"CREATE TABLE {table}" in shown for table in Base.metadata.tables)


def _kind(constraint: Any) -> str:
    kinds = {ForeignKeyConstraint: "fk", UniqueConstraint: "uq", CheckConstraint: "ck", PrimaryKeyConstraint: "pk"}
    return next(kind for cls, kind in kinds.items() if isinstance(constraint, cls))


def _name(constraint: Any, engine: Engine) -> str:
    return str(engine.dialect.identifier_preparer.format_constraint(constraint)).strip('"`')
