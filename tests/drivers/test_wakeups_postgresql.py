from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from sqlalchemy import Engine, create_engine, text

from app.core.wakeups.base import Wakeups
from app.core.wakeups.postgresql import PostgresqlWakeups
from tests.drivers.wakeups_suite import LinkedWakeupsSuite, Listener, closed_port, trouble
from tests.support.databases import fresh_database
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with fresh_database("postgresql", tmp_path_factory.mktemp("wakeups")) as url:
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        yield engine
        engine.dispose()


class TestPostgresqlWakeups(LinkedWakeupsSuite):
    @pytest.fixture
    def make(self, engine: Engine) -> Callable[[], Wakeups]:
        return lambda: PostgresqlWakeups(engine)

    @pytest.fixture
    def cut(self, engine: Engine) -> Callable[[Wakeups], None]:
        def terminate_listeners(_wakeups: Wakeups) -> None:
            ours = "datname = current_database() AND application_name = 'parley wake-ups'"
            with engine.connect() as connection:
                ended = connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {ours}"))
                assert ended.scalars().all() == [True, True]

        return terminate_listeners

    @pytest.fixture
    def garble(self, engine: Engine) -> Callable[[bytes], None]:
        def notify(garbage: bytes) -> None:
            with engine.connect() as connection:
                payload = {"payload": garbage.decode("latin-1")}
                connection.execute(text("SELECT pg_notify('parley_wakeups', :payload)"), payload)

        return notify

    def test_other_channels_are_not_heard(self, engine: Engine, wakeups: Wakeups) -> None:
        asleep = wakeups.ticket("a")
        PostgresqlWakeups(engine, f"other_{uuid4().hex}").wake(["a"])
        listener = Listener(wakeups)
        PostgresqlWakeups(engine).wake(["b"])
        assert listener.hears("b")
        assert not wakeups.woken_since("a", asleep)


def test_without_postgresql_wake_ups_within_the_process_still_work() -> None:
    engine = create_engine(f"postgresql+psycopg://anna:a-password@127.0.0.1:{closed_port()}/parley")
    wakeups = PostgresqlWakeups(engine)
    wakeups.ticket("a")
    eventually(lambda: "OperationalError" in trouble(wakeups), "the failed connection")
    assert "a-password" not in trouble(wakeups)
    listener = Listener(wakeups)
    wakeups.wake(["a"])
    assert listener.heard == ["a"]
    wakeups.close()
