"""DATABASE_URL, as people write it."""

from pathlib import Path

import pytest
from flask.testing import FlaskCliRunner

from app import create_app
from app.cli import register_commands
from app.core.database_url import read_database_url
from app.core.settings import SettingsError, load_settings
from tests.support.databases import fresh_database

SECRET = "s3cret"


@pytest.mark.parametrize(
    ("text", "driver"),
    [
        ("sqlite:////var/lib/parley/meetings.db", "sqlite"),
        ("postgresql://parley:pw@db/parley", "postgresql+psycopg"),
        ("postgres://parley:pw@db/parley", "postgresql+psycopg"),
        ("postgresql+psycopg://parley@db/parley", "postgresql+psycopg"),
        ("postgresql:///parley?host=/run/postgresql", "postgresql+psycopg"),
        ("mysql://parley:pw@db/parley", "mysql+pymysql"),
        ("mariadb://parley:pw@db:3307/parley", "mariadb+pymysql"),
        ("mariadb+pymysql://parley@db/parley?charset=utf8", "mariadb+pymysql"),
    ],
)
def test_a_plain_scheme_is_enough_and_picks_the_driver(text: str, driver: str) -> None:
    url = read_database_url(text)
    assert url.drivername == driver
    assert "pymysql" not in driver or url.query["charset"] == "utf8mb4"


@pytest.mark.parametrize("password", ["p%40ss%2Fw%3Aord%25", "%C3%BCber"])
def test_a_password_may_hold_anything_percent_encoded(password: str) -> None:
    url = read_database_url(f"postgresql://parley:{password}@db/parley")
    assert (url.host, url.database) == ("db", "parley")


@pytest.mark.parametrize(
    "text",
    [
        f"oracle://parley:{SECRET}@db/parley",
        f"postgresql+psycopg2://parley:{SECRET}@db/parley",
        f"postgresql://parley:{SECRET}@db",
        f"mysql://parley:{SECRET}@db/",
        f"postgresql://parley:p@{SECRET}@db/parley",
        f"postgresql://parley:{SECRET}@db:port/parley",
        SECRET,
    ],
)
def test_what_names_no_database_stops_the_start_in_one_line_without_the_password(text: str) -> None:
    with pytest.raises(SettingsError) as failure:
        load_settings(database_url=text, _env_file=None)
    told = str(failure.value)
    assert told.startswith("DATABASE_URL: ")
    assert "\n" not in told
    assert SECRET not in told


@pytest.mark.parametrize("scheme", ["postgresql", "mysql", "mariadb"])
def test_a_server_that_cannot_be_reached_is_told_in_one_line(scheme: str, tmp_path: Path) -> None:
    told = _upgrade(f"{scheme}://parley:{SECRET}@127.0.0.1:1/parley", tmp_path)
    assert told.startswith("DATABASE_URL: the database cannot be reached. ")
    assert "\n" not in told
    assert SECRET not in told


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_database_that_is_not_there_is_told_in_one_line(kind: str, tmp_path: Path) -> None:
    with fresh_database(kind, tmp_path) as url:  # the server is there at least
        told = _upgrade(url + "_not", tmp_path)
    assert told.startswith("DATABASE_URL: the database cannot be reached. ")
    assert "\n" not in told
    assert "_not" in told


@pytest.mark.parametrize(("kind", "charset"), [("postgresql", "SQL_ASCII"), ("mariadb", "latin1")])
def test_a_database_that_does_not_hold_every_text_is_refused(kind: str, charset: str, tmp_path: Path) -> None:
    with fresh_database(kind, tmp_path, charset=charset) as url:
        told = _upgrade(url, tmp_path)
    assert f"character set is {charset}" in told


@pytest.mark.parametrize(("kind", "scheme"), [("postgresql", "postgresql"), ("mariadb", "mysql")])
def test_the_plain_scheme_is_enough_to_migrate(kind: str, scheme: str, tmp_path: Path) -> None:
    with fresh_database(kind, tmp_path) as url:
        assert _upgrade(f"{scheme}://{url.partition('://')[2]}", tmp_path) == ""


def _upgrade(url: str, folder: Path) -> str:
    """What `flask db upgrade` says when it fails; empty if it does not."""
    app = create_app(load_settings(storage_dir=folder, database_url=url, log_level="ERROR", _env_file=None))
    register_commands(app)
    result = FlaskCliRunner(app).invoke(args=["db", "upgrade"])
    app.runtime.close()
    if result.exit_code == 0:
        return ""
    assert isinstance(result.exception, SystemExit)
    return str(result.exception.code) if isinstance(result.exception.code, str) else result.output.strip()
