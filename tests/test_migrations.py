"""The migrations make the tables that the models describe, on every database, and take them away again."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import op
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask_migrate import downgrade, upgrade
from sqlalchemy import (
    CheckConstraint,
    Column,
    Engine,
    ForeignKeyConstraint,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    insert,
    inspect,
    select,
)
from sqlalchemy.dialects import mysql, postgresql

from app import create_app
from app.cli import register_commands
from app.core.db import Base
from app.core.flask_app import ParleyApp
from app.core.settings import load_settings
from app.meetings.models import Meeting
from app.notes.search.following import follow
from app.notes.search.models import SearchDocument, SearchPending
from tests.support.databases import DATABASES, fresh_database

MIGRATIONS = Path(__file__).parents[1] / "migrations"
# The longest names of PostgreSQL; MariaDB's are one longer.
LONGEST_NAME = 63


@pytest.fixture(params=DATABASES)
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ParleyApp]:
    """An app on an empty database."""
    with fresh_database(request.param, tmp_path) as url:
        app = create_app(load_settings(storage_dir=tmp_path, database_url=url, _env_file=None))
        register_commands(app)
        with app.app_context():
            yield app
        app.runtime.close()


def tables_of(app: ParleyApp) -> set[str]:
    there = inspect(app.runtime.database.get_engine()).get_table_names()
    return {name for name in there if has_model(name, "table")} - {"alembic_version"}


def test_up_makes_every_table_and_down_takes_each_away(app: ParleyApp) -> None:
    upgrade()
    assert tables_of(app) == set(Base.metadata.tables)
    downgrade(revision="base")
    assert tables_of(app) == set()
    upgrade()
    assert tables_of(app) == set(Base.metadata.tables)


def test_a_session_outlives_the_way_up_and_down(app: ParleyApp) -> None:
    upgrade(revision="0001")
    at = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
    tables = {name: Table(name, MetaData(), *_types_of(name)) for name in ("users", "sessions")}
    user = {"id": "u1", "display_name": "Anna", "locale": "en", "role": "user", "created_at": at, "version": 1}
    session = {"id": "s1", "user_id": "u1", "refresh_jti": "j1", "created_at": at, "last_used_at": at, "expires_at": at}
    engine = app.runtime.database.get_engine()
    with engine.begin() as connection:
        connection.execute(insert(tables["users"]).values(user))
        connection.execute(insert(tables["sessions"]).values(session))
    for move in (upgrade, lambda: downgrade(revision="0001"), upgrade):
        move()
        with engine.connect() as connection:
            assert connection.execute(select(tables["sessions"])).mappings().one().items() >= session.items()


def test_lists_of_old_meetings_are_filled_and_occurrences_outlive_the_way_down(app: ParleyApp) -> None:
    upgrade(revision="0002")
    at = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
    names = ("users", "meetings", "meeting_people", "invitations")
    tables = {name: Table(name, MetaData(), *_types_of(name)) for name in names}
    user = {"id": "u1", "display_name": "Anna", "locale": "en", "role": "user", "created_at": at, "version": 1}
    meeting = {"id": "m1", "owner_id": "u1", "title": "A", "description": "", "state": "ended", "time_zone": "UTC"}
    meeting |= {"sort_at": at, "code": "c", "media_mode": "p2p", "config_version": 0, "record_automatically": False}
    meeting |= {"e2ee": False, "metadata": {}, "created_at": at, "updated_at": at, "version": 1, "series_id": "s1"}
    invitation = {"id": "i1", "meeting_id": "m1", "inviter_id": "u1", "status": "pending", "message": "", "note": ""}
    rows = {
        "users": user,
        "meetings": meeting,
        "meeting_people": {"meeting_id": "m1", "user_id": "u1", "relation": "owner"},
        "invitations": invitation | {"created_at": at},
    }
    engine = app.runtime.database.get_engine()
    with engine.begin() as connection:
        for name, row in rows.items():
            connection.execute(insert(tables[name]).values(row))
    for move in (upgrade, lambda: downgrade(revision="0002"), upgrade):
        move()
        with engine.connect() as connection:
            for name, row in rows.items():
                found = connection.execute(select(*(tables[name].c[column] for column in row))).mappings().one()
                assert dict(found) == row, name
    kept = select(tables["meeting_people"].c.state, tables["meeting_people"].c.sort_at)
    with engine.connect() as connection:
        assert tuple(connection.execute(kept).one()) == ("ended", at)


def test_up_a_second_time_changes_nothing(app: ParleyApp) -> None:
    upgrade()
    upgrade()
    assert tables_of(app) == set(Base.metadata.tables)


def test_processes_that_migrate_at_once_wait_for_each_other(app: ParleyApp, tmp_path: Path) -> None:
    database = app.runtime.database.get_engine().url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "tests.support.migrate_at_once", str(tmp_path), database]
    done = subprocess.run(command, cwd=MIGRATIONS.parent, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    assert tables_of(app) == set(Base.metadata.tables)


@pytest.mark.parametrize("app", ["sqlite", "postgresql"], indirect=True)  # MariaDB commits each table by itself
def test_a_migration_that_fails_half_way_leaves_nothing_behind_and_can_be_repeated(
    app: ParleyApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        tables_to_make = iter(range(5))
        make = op.create_table
        broken.setattr(op, "create_table", lambda *args, **kwargs: (next(tables_to_make), make(*args, **kwargs)))
        with pytest.raises(StopIteration):
            upgrade()
    assert tables_of(app) == set()
    upgrade()
    assert tables_of(app) == set(Base.metadata.tables)


def test_models_and_migrations_agree(app: ParleyApp) -> None:
    upgrade()
    with app.runtime.database.get_engine().connect() as connection:
        compared = {"compare_type": True, "compare_server_default": True, "include_name": has_model}
        context = MigrationContext.configure(connection, opts=compared)
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
        unique_indexes = {str(index.name) for index in table.indexes if index.unique}  # MariaDB shows them as both
        uniques = {str(one["name"]) for one in found.get_unique_constraints(table.name)} - unique_indexes
        assert uniques == named["uq"], table.name
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


def test_a_migration_takes_nothing_from_the_code_of_before_which_serves_while_it_runs(app: ParleyApp) -> None:
    """That code reads every column that it knows, and writes no other: so each stays, and new ones fill themselves.

    What no code uses any more may go a release later; it is named here then.
    """
    scripts = list(ScriptDirectory(str(MIGRATIONS)).walk_revisions(base=_FIRST_TO_KEEP_ALL, head="heads"))[::-1]
    upgrade(revision=str(scripts[0].down_revision))
    before = _columns(app)
    for script in scripts:
        upgrade(revision=script.revision)
        after = _columns(app)
        assert before.keys() - after.keys() <= _UNUSED, f"{script.revision} takes away what may be read"
        tables = {table for table, _ in before}
        needed = {(table, name) for table, name in after.keys() - before.keys() if table in tables}
        needed |= {place for place in after.keys() & before.keys() if not before[place]}
        assert [place for place in sorted(needed) if after[place]] == [], (
            f"{script.revision} asks for what is not written"
        )
        before = after


_FIRST_TO_KEEP_ALL = "0022"  # those before, of which there was no release, may not
_UNUSED: set[tuple[str, str]] = set()


def _columns(app: ParleyApp) -> dict[tuple[str, str], bool]:
    """Of every table; True: who writes a row has to name it."""
    found = inspect(app.runtime.database.get_engine())
    return {
        (table, column["name"]): not (
            column["nullable"] or column["default"] is not None or column.get("autoincrement") is True
        )
        for table in tables_of(app)
        for column in found.get_columns(table)
    }


def test_the_migrations_are_one_line_without_branches() -> None:
    scripts = ScriptDirectory(str(MIGRATIONS))
    assert len(scripts.get_heads()) == 1
    assert len(scripts.get_bases()) == 1


@pytest.mark.parametrize("url", ["postgresql+psycopg://nobody@127.0.0.1:1/x", "mariadb+pymysql://nobody@127.0.0.1:1/x"])
def test_the_sql_can_be_shown_without_a_database(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip(url.partition("+")[2].partition(":")[0])
    app = create_app(load_settings(storage_dir=tmp_path, database_url=url, _env_file=None))
    register_commands(app)
    with app.app_context():
        upgrade(sql=True)
    app.runtime.close()
    shown = capsys.readouterr().out
    assert all(f"CREATE TABLE {table}" in shown for table in Base.metadata.tables)


def has_model(name: str | None, kind: str, *_: Any) -> bool:
    """`search_words`, and what FTS5 keeps of it, is another kind of table in each database."""
    return kind != "table" or not (name or "").startswith("search_words")


def _types_of(table: str) -> list[Column[Any]]:
    """The columns that the first revision has."""
    return [Column(one.name, one.type) for one in Base.metadata.tables[table].columns if one.name not in _LATER]


_LATER = {"previous_refresh_jti"}


def _kind(constraint: Any) -> str:
    kinds = {ForeignKeyConstraint: "fk", UniqueConstraint: "uq", CheckConstraint: "ck", PrimaryKeyConstraint: "pk"}
    return next(kind for cls, kind in kinds.items() if isinstance(constraint, cls))


def _name(constraint: Any, engine: Engine) -> str:
    return str(engine.dialect.identifier_preparer.format_constraint(constraint)).strip('"`')


def test_what_is_older_than_the_search_is_found_too(app: ParleyApp) -> None:
    upgrade(revision="0020")
    at = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
    with app.runtime.database.get_engine().begin() as connection:
        user = {"id": "u1", "display_name": "Anna", "locale": "en", "role": "user", "created_at": at, "version": 1}
        connection.execute(insert(Base.metadata.tables["users"]).values(user))
        meeting = {"id": "m1", "owner_id": "u1", "title": "Old meeting", "code": "c", "media_mode": "p2p"}
        times = {"sort_at": at, "created_at": at, "updated_at": at}
        connection.execute(insert(Meeting).values(**meeting, **times, state="ended", guests_allowed=False))
    upgrade()
    follow(app.runtime, {})
    with app.runtime.reading() as work:
        assert work.scalars(select(SearchDocument.text)).all() == ["Old meeting"]
    downgrade(revision="0020")
    upgrade()
    with app.runtime.reading() as work:
        assert work.scalars(select(SearchPending.source_id)).all() == ["m1"]
