"""Fixtures for everybody: an app on a fresh SQLite file, a clock that is moved, people who are signed in."""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask_migrate import upgrade

from app import create_app
from app.accounts.passwords import Argon2Passwords, PasswordHasher
from app.core.clock import ManualClock
from app.core.flask_app import ParleyApp
from app.core.runtime import Runtime
from app.core.settings import Settings, load_settings
from tests.support.figures import pytest_terminal_summary as pytest_terminal_summary
from tests.support.people import Call, Person, register, start_call

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file as the migrations make it; every test gets a copy."""
    folder = tmp_path_factory.mktemp("migrated")
    app = create_app(load_settings(storage_dir=folder, _env_file=None))
    with app.app_context():
        upgrade()
    app.runtime.close()
    return folder / "meetings.db"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a test; to change some, override this fixture and use `model_copy(update=…)`."""
    return load_settings(storage_dir=tmp_path / "storage", jobs="inline", log_level="WARNING", _env_file=None)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def app(settings: Settings, clock: ManualClock, migrated_database: Path) -> Iterator[ParleyApp]:
    settings.storage_dir.mkdir(parents=True, exist_ok=True)
    shutil.copy(migrated_database, settings.storage_dir / "meetings.db")
    app = create_app(settings, clock)
    app.testing = True
    app.runtime.drivers[PasswordHasher] = Argon2Passwords(time_cost=1, memory_cost_kib=8, parallelism=1)
    yield app
    app.runtime.close()


@pytest.fixture
def runtime(app: ParleyApp) -> Runtime:
    return app.runtime


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
