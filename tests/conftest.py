"""Fixtures for everybody: an app on a fresh database, a clock that is moved, people who are signed in.

The database is a SQLite file, or with TEST_DATABASE=postgresql or mariadb one on that server; then only what touches a
database and speaks to no browser is run, and of a test with many cases the first.
"""

import io
import logging
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog
from flask_migrate import upgrade

from app import create_app
from app.accounts.passwords import Argon2Passwords, PasswordHasher
from app.cli import register_commands
from app.core.clock import ManualClock
from app.core.flask_app import ParleyApp
from app.core.runtime import Runtime
from app.core.settings import Settings, load_settings
from tests.support import limits
from tests.support.databases import CHOSEN, DATABASES, MigratedDatabase, migrated_server_database
from tests.support.figures import pytest_terminal_summary as pytest_terminal_summary
from tests.support.people import Call, Person, register, start_call

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


def pytest_report_header() -> str:
    return f"database: {CHOSEN}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if CHOSEN not in DATABASES:
        raise pytest.UsageError(f"TEST_DATABASE must be one of {', '.join(DATABASES)}")
    kept = [item for item in items if _is_run_here(item)]
    if len(kept) < len(items):
        config.hook.pytest_deselected(items=[item for item in items if not _is_run_here(item)])
        items[:] = kept


_TESTS = Path(__file__).parent
# Of the chosen database; those of durability choose theirs themselves.
_NEVER_ASK_IT = {_TESTS / name for name in ("contract", "docs", "durability", "e2e", "web")}
# Only to have an app.
_ASK_NOTHING_OF_IT = ("tests/core/test_headers.py", "tests/core/test_strictness.py")


# What differs from case to case is elsewhere a field or a code, judged before any database is asked.
_EVERY_CASE_ASKS_IT = ("tests/inbox/", "tests/drivers/", "tests/core/test_retries.py", "tests/core/test_pagination.py")


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Spares a server's run the time to import what is not run there."""
    return True if CHOSEN != "sqlite" and collection_path in _NEVER_ASK_IT else None


def _is_run_here(item: pytest.Item) -> bool:
    marks = {mark.name for mark in item.iter_markers()}
    if CHOSEN == "sqlite":
        return "server" not in marks
    if marks & {"browser", "sqlite"} or item.nodeid.startswith(_ASK_NOTHING_OF_IT):
        return False
    if not _is_first_case(item) and "server" not in marks and not item.nodeid.startswith(_EVERY_CASE_ASKS_IT):
        return False
    return "empty_database" in getattr(item, "fixturenames", ())


def _is_first_case(item: pytest.Item) -> bool:
    call = getattr(item, "callspec", None)
    return call is None or not any(call.indices.values())


@pytest.fixture(scope="session")
def server_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MigratedDatabase | None]:
    """The database of this worker on the chosen server; None: SQLite."""
    if CHOSEN == "sqlite":
        yield None
    else:
        with migrated_server_database(CHOSEN, tmp_path_factory.mktemp("server")) as database:
            yield database


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    """DATABASE_URL of a test: empty for SQLite in its STORAGE_DIR."""
    if CHOSEN == "sqlite":
        return ""
    database: MigratedDatabase = request.getfixturevalue("server_database")
    return database.url


@pytest.fixture
def empty_database(settings: Settings, server_database: MigratedDatabase | None, migrated_database: Path) -> None:
    """Parley's tables, with nothing in them."""
    if server_database is not None:
        server_database.empty()
    else:
        settings.storage_dir.mkdir(parents=True, exist_ok=True)
        shutil.copy(migrated_database, settings.storage_dir / "meetings.db")


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file as the migrations make it; every test gets a copy."""
    folder = tmp_path_factory.mktemp("migrated")
    app = create_app(load_settings(storage_dir=folder, _env_file=None))
    register_commands(app)
    with app.app_context():
        upgrade()
    app.runtime.close()
    return folder / "meetings.db"


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    """Settings of a test; to change some, override this fixture and use `model_copy(update=…)`."""
    return load_settings(
        storage_dir=tmp_path / "storage",
        database_url=database_url,
        jobs="inline",
        log_level="WARNING",
        _env_file=None,
        **limits.OFF,
    )


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def app(settings: Settings, clock: ManualClock, empty_database: None) -> Iterator[ParleyApp]:
    app = create_app(settings, clock)
    register_commands(app)
    app.testing = True
    app.runtime.drivers[PasswordHasher] = Argon2Passwords(time_cost=1, memory_cost_kib=8, parallelism=1)
    yield app
    app.runtime.close()


@pytest.fixture
def runtime(app: ParleyApp) -> Runtime:
    return app.runtime


@pytest.fixture
def log(app: ParleyApp) -> io.StringIO:
    """What the process writes from now on."""
    written = io.StringIO()
    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, structlog.stdlib.ProcessorFormatter):
            handler.setStream(written)  # type: ignore[attr-defined]
    return written


@pytest.fixture
def client(app: ParleyApp):  # type: ignore[no-untyped-def]
    return app.test_client()


@pytest.fixture
def person(app: ParleyApp) -> Callable[[str], Person]:
    """`person("Anna")` is a registered, signed-in person; each call makes one."""
    return lambda name: register(app, name)


@pytest.fixture
def anna(person: Callable[[str], Person]) -> Person:
    return person("Anna")


@pytest.fixture
def ben(person: Callable[[str], Person]) -> Person:
    return person("Ben")


@pytest.fixture
def cleo(person: Callable[[str], Person]) -> Person:
    return person("Cleo")


@pytest.fixture
def call(anna: Person, ben: Person) -> Call:
    """Anna's meeting, live and peer to peer, with Ben in it."""
    return start_call(anna, ben)
