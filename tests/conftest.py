"""Fixtures for everybody: an app on a fresh database, a clock that is moved, people who are signed in.

The database is a SQLite file, or with TEST_DATABASE=postgresql or mariadb one on that server; then only what touches a
database and speaks to no browser is run, and of a test with many cases the first. TEST_DATABASE=all is all that in one
run.
"""

import io
import logging
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import structlog
from _pytest.nodeid import coerce_node_id
from flask_migrate import upgrade
from sqlalchemy import URL, Engine, event
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule

from app import create_app
from app.accounts.passwords import Argon2Passwords, PasswordHasher
from app.cli import register_commands
from app.core import db, retries
from app.core.clock import ManualClock
from app.core.flask_app import ParleyApp
from app.core.runtime import Runtime
from app.core.settings import Settings, load_settings
from app.events.models import Event
from tests.events.schemas import check_payload
from tests.support import limits
from tests.support.databases import CHOSEN, DATABASES, KINDS, MigratedDatabase, ServerDatabases
from tests.support.figures import pytest_terminal_summary as pytest_terminal_summary
from tests.support.people import Call, Person, register, start_call

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


def pytest_report_header() -> str:
    return f"database: {CHOSEN}"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if CHOSEN == "all" and "database_kind" in metafunc.fixturenames and not _never_asks_it(metafunc.module.__file__):
        metafunc.parametrize("database_kind", DATABASES)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not set(KINDS) <= set(DATABASES):
        raise pytest.UsageError(f"TEST_DATABASE must be all or one of {', '.join(DATABASES)}")
    first_cases: set[object] = set()
    kept, left = [], []
    for item in items:
        function = (item.parent, getattr(item, "originalname", item.name), _kind_of(item))
        (kept if _is_run_here(item, is_first_case=function not in first_cases) else left).append(item)
        first_cases.add(function)
    if left:
        config.hook.pytest_deselected(items=left)
    _check_ids(kept)
    items[:] = _longest_first(kept) if hasattr(config, "workerinput") else kept  # where several work


def _check_ids(items: list[pytest.Item]) -> None:
    """Where several work, one test is run for each id: those that share theirs would be left out, and nobody told."""
    for item in items:
        if item.name not in item.nodeid and item.parent is not None:
            # pytest takes no brackets from a name any more, and schemathesis has the operation only there.
            item._id = coerce_node_id(f"{item.parent.nodeid}::{item.name}")
    doubled = [node_id for node_id, count in Counter(item.nodeid for item in items).items() if count > 1]
    if doubled:
        raise pytest.UsageError(f"Several tests have the id {doubled[0]}.")


def _longest_first(items: list[pytest.Item]) -> list[pytest.Item]:
    """Files with most of what is slow, so that none is left when all others are done. Within a file as they stand."""
    weights: Counter[Path] = Counter()
    for item in items:
        marks = {mark.name for mark in item.iter_markers()}
        weights[item.path] += 10 * ("slow" in marks) + ("browser" in marks)
    return sorted(items, key=lambda item: (-weights[item.path], item.path))


_TESTS = Path(__file__).parent
# Of the chosen database; those of durability choose theirs themselves.
_NEVER_ASK_IT = {_TESTS / name for name in ("contract", "docs", "durability", "e2e", "web")}
# Only to have an app.
_ASK_NOTHING_OF_IT = ("tests/core/test_headers.py", "tests/core/test_strictness.py")


# What differs from case to case is elsewhere a field or a code, judged before any database is asked.
_EVERY_CASE_ASKS_IT = ("tests/inbox/", "tests/drivers/", "tests/core/test_retries.py", "tests/core/test_pagination.py")


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Spares a server's run the time to import what is not run there."""
    return True if "sqlite" not in KINDS and collection_path in _NEVER_ASK_IT else None


def _never_asks_it(file: str | None) -> bool:
    return file is not None and not _NEVER_ASK_IT.isdisjoint(Path(file).parents)


def _kind_of(item: pytest.Item) -> str:
    """The database that a test is run on; one that touches none is run with those on SQLite."""
    call = getattr(item, "callspec", None)
    return str(call.params.get("database_kind", KINDS[0])) if call is not None else KINDS[0]


def _is_run_here(item: pytest.Item, *, is_first_case: bool) -> bool:
    marks = {mark.name for mark in item.iter_markers()}
    if _kind_of(item) == "sqlite":
        return "server" not in marks
    if marks & {"browser", "sqlite"} or item.nodeid.startswith(_ASK_NOTHING_OF_IT):
        return False
    if not is_first_case and "server" not in marks and not item.nodeid.startswith(_EVERY_CASE_ASKS_IT):
        return False
    return "empty_database" in getattr(item, "fixturenames", ())


@pytest.fixture(scope="session", autouse=True)
def _patience() -> Iterator[None]:
    """Who waits for a row's lock, because the machine stood still, is not taken for the loser of a race."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(db, "LOCK_WAIT_S", 60)
        patch.setattr(retries, "LONGEST_S", 120.0)
        yield


@pytest.fixture(autouse=True)
def _nothing_is_kept_quiet() -> None:
    """An app that another test made may have set this process to log nothing but errors."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.NOTSET))


@pytest.fixture(scope="session", autouse=True)
def _events_fit_their_schemas() -> Iterator[None]:
    """Whatever any test has recorded in the log of events is what the catalogue says."""

    def check(_mapper: object, _connection: object, recorded: Event) -> None:
        check_payload(recorded.name, recorded.payload)

    event.listen(Event, "before_insert", check)
    yield
    event.remove(Event, "before_insert", check)


@pytest.fixture(scope="session", autouse=True)
def _quick_apps() -> Iterator[None]:
    """What makes addresses is compiled for the few rules that a test makes one of: else most of what an app costs."""
    compile_now = Rule._compile_builder

    def compile_when_asked(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        compiled = cache(lambda: compile_now(rule, append_unknown))
        return lambda _rule, *args, **kwargs: compiled()(_rule, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "_compile_builder", compile_when_asked)
        yield


@pytest.fixture(scope="session", autouse=True)
def _quick_engines() -> Iterator[None]:
    """Engines alike share what they have compiled: a third of what a test takes is to say the same statements in SQL
    again."""
    make, known = db._engine, dict[str, Engine]()
    statements: LRUCache[Any, Any] = LRUCache(10_000)

    def made(url: URL, options: dict[str, Any]) -> Engine:
        engine = make(url, options)
        database = None if url.get_backend_name() == "sqlite" else url.database  # a dialect knows its server's schema
        alike = f"{url.drivername} {database} {url.query} {options}"
        first = known.setdefault(alike, engine)
        if first.dialect.server_version_info is None:  # nobody has connected yet; what a server can do is asked then
            known[alike] = engine
        else:
            engine.dialect = first.dialect
        engine._compiled_cache = statements
        return engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(db, "_engine", made)
        yield


@pytest.fixture(scope="session")
def server_databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerDatabases]:
    databases = ServerDatabases(tmp_path_factory.mktemp("servers"))
    yield databases
    databases.close()


@pytest.fixture
def database_kind() -> str:
    """One of `DATABASES`."""
    return KINDS[0]


@pytest.fixture
def server_database(database_kind: str, server_databases: ServerDatabases) -> MigratedDatabase | None:
    """The database of this worker on the chosen server; None: SQLite."""
    return None if database_kind == "sqlite" else server_databases.of(database_kind)


@pytest.fixture
def database_url(server_database: MigratedDatabase | None) -> str:
    """DATABASE_URL of a test: empty for SQLite in its STORAGE_DIR."""
    return "" if server_database is None else server_database.url


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


@pytest.fixture(scope="session")
def usual_settings() -> Settings:
    """Read and checked once: that takes longer than to make an app of them."""
    return load_settings(
        jobs="inline", log_level="WARNING", transcriber="mock", analyst="mock", _env_file=None, **limits.OFF
    )


@pytest.fixture
def settings(usual_settings: Settings, tmp_path: Path, database_url: str) -> Settings:
    """Settings of a test; to change some, override this fixture and use `model_copy(update=…)`."""
    return usual_settings.model_copy(update={"storage_dir": tmp_path / "storage", "database_url": database_url})


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
