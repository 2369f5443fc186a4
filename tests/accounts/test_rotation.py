"""Secrets that change under people who are signed in and have entrusted something."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pydantic import SecretStr
from sqlalchemy import inspect, update

from app import create_app
from app.accounts import integrations
from app.accounts.models import Integration
from app.cli import register_commands
from app.core.clock import ManualClock
from app.core.db import Base
from app.core.flask_app import ParleyApp
from app.core.sealing import SealedColumns, Unsealable
from app.core.settings import Settings
from tests.support.people import Person, ok, problem

OLD, NEW = "o" * 32, "n" * 32


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"jwt_secret": SecretStr(OLD), "data_secret": SecretStr(OLD)})


@contextmanager
def started_anew(app: ParleyApp, clock: ManualClock, **secrets: str) -> Iterator[ParleyApp]:
    """The same installation with other secrets."""
    told = {name: SecretStr(value) for name, value in secrets.items()}
    again = create_app(app.runtime.settings.model_copy(update=told), clock)
    register_commands(again)
    yield again
    again.runtime.close()


def test_who_is_signed_in_stays_so_while_the_former_key_is_named(
    app: ParleyApp, anna: Person, clock: ManualClock
) -> None:
    with started_anew(app, clock, jwt_secret=NEW, jwt_secrets_former=f"x, {OLD}") as anew:
        person = Person(anew, anna.name, anna.email, anna.tokens)
        ok(person.get("/auth/me"))
        refreshed = ok(person.post("/auth/refresh", {"refresh_token": anna.tokens["refresh_token"]}))
    with started_anew(app, clock, jwt_secret=NEW) as later:
        problem(Person(later, anna.name, anna.email, anna.tokens).get("/auth/me"), 401, "token_invalid")
        ok(Person(later, anna.name, anna.email, refreshed).get("/auth/me"))


def test_what_was_entrusted_is_sealed_anew_and_the_former_secret_can_go(
    app: ParleyApp, anna: Person, ben: Person, clock: ManualClock
) -> None:
    for person in (anna, ben):
        ok(person.patch("/auth/me", {"integrations": {"crm": f"key of {person.name}"}}, version=1))
    with started_anew(app, clock, data_secret=NEW, data_secrets_former=OLD) as anew:
        with anew.runtime.reading() as work:
            assert integrations.secrets_of(work, anna.user_id) == {"crm": "key of Anna"}
        ran = anew.test_cli_runner().invoke(args=["secrets", "reseal"])
        assert (ran.exit_code, ran.output) == (0, "2 sealed anew.\n")
        assert anew.test_cli_runner().invoke(args=["secrets", "reseal"]).output == "0 sealed anew.\n"
    with started_anew(app, clock, data_secret=NEW) as later, later.runtime.reading() as work:
        assert integrations.secrets_of(work, anna.user_id) == {"crm": "key of Anna"}
        assert integrations.secrets_of(work, ben.user_id) == {"crm": "key of Ben"}


def test_what_no_secret_opens_is_counted_and_left_as_it_is(app: ParleyApp, anna: Person, clock: ManualClock) -> None:
    ok(anna.patch("/auth/me", {"integrations": {"crm": "a", "wiki": "b"}}, version=1))
    with app.runtime.writing() as work:
        work.execute(update(Integration).where(Integration.name == "crm").values(sealed="changed by somebody"))
    with started_anew(app, clock, data_secret=NEW, data_secrets_former=OLD) as anew:
        ran = anew.test_cli_runner().invoke(args=["secrets", "reseal"])
        assert ran.exit_code == 1
        assert "1 sealed anew." in ran.output
        assert "1 can't be opened" in ran.output
        assert OLD not in ran.output
        with anew.runtime.reading() as work, pytest.raises(Unsealable):
            integrations.secrets_of(work, anna.user_id)


def test_every_column_that_holds_what_is_sealed_is_sealed_anew(app: ParleyApp) -> None:
    known = {(inspect(one.model).local_table.name, one.column) for one in app.runtime.drivers[SealedColumns].columns}
    columns = [column for table in Base.metadata.tables.values() for column in table.columns]
    assert known == {(column.table.name, column.name) for column in columns if "sealed" in column.name}
