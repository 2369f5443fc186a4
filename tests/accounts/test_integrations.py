"""What people entrust for other services: taken, kept sealed, shown to nobody."""

import io
import json
from typing import Any

import pytest
from sqlalchemy import update

from app.accounts import integrations
from app.accounts.models import Integration
from app.core.clock import ManualClock
from app.core.runtime import Runtime
from app.core.sealing import Unsealable
from app.core.settings import Settings
from tests.accounts.visitors import faulty_fields
from tests.support.databases import stored_rows
from tests.support.people import PASSWORD, Person, ok

TOKEN = "pat-eu1-very-secret"
HOOK = "https://hooks.example.org/T0/very-secret"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"integrations_max": 3, "log_level": "DEBUG"})


def entrust(person: Person, **given: str | None) -> Any:
    version = ok(person.get("/auth/me"))["version"]
    return person.patch("/auth/me", {"integrations": given}, version=version)


def names(me: dict[str, Any]) -> list[str]:
    return [one["name"] for one in me["integrations"]]


def kept(runtime: Runtime, person: Person) -> dict[str, str]:
    with runtime.reading() as work:
        return integrations.secrets_of(work, person.user_id)


def test_only_names_and_when_they_were_set_are_told(anna: Person, runtime: Runtime, clock: ManualClock) -> None:
    before = ok(anna.get("/auth/me"))
    assert before["integrations"] == []
    response = entrust(anna, slack=HOOK, crm=TOKEN)
    me = ok(response)
    set_at = clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert me["integrations"] == [{"name": "crm", "set_at": set_at}, {"name": "slack", "set_at": set_at}]
    assert (me["version"], response.headers["ETag"]) == (before["version"] + 1, f'"{before["version"] + 1}"')
    assert ok(anna.get("/auth/me")) == me
    assert "very-secret" not in response.get_data(as_text=True)
    assert kept(runtime, anna) == {"crm": TOKEN, "slack": HOOK}


def test_the_database_holds_nothing_that_can_be_read_or_used_as_somebody_elses(
    anna: Person, ben: Person, runtime: Runtime
) -> None:
    ok(entrust(anna, crm=TOKEN))
    assert "secret" not in json.dumps(stored_rows(runtime.database, "integrations", "events", "users"), default=str)
    with runtime.writing() as work:
        work.execute(update(Integration).values(user_id=ben.user_id))
    with pytest.raises(Unsealable):
        kept(runtime, ben)


def test_each_is_set_anew_or_forgotten_by_itself(anna: Person, runtime: Runtime) -> None:
    ok(entrust(anna, crm=TOKEN, slack=HOOK))
    assert names(ok(entrust(anna, crm="another", slack=None, never=None))) == ["crm"]
    assert kept(runtime, anna) == {"crm": "another"}
    unchanged = ok(anna.get("/auth/me"))
    assert ok(entrust(anna, never=None)) == unchanged


def test_there_are_only_so_many(anna: Person, runtime: Runtime) -> None:
    ok(entrust(anna, a="1", b="2", c="3"))
    refused = entrust(anna, d="4")
    assert faulty_fields(refused) == ["integrations"]
    assert refused.json["errors"][0]["message"] == "At most 3 integrations."
    assert kept(runtime, anna) == {"a": "1", "b": "2", "c": "3"}
    assert names(ok(entrust(anna, a=None, d="4"))) == ["b", "c", "d"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"CRM": "x"}, "integrations.CRM.key"),
        ({"": "x"}, "integrations.key"),
        ({"x" * 65: "x"}, f"integrations.{'x' * 65}.key"),
        ({"crm": ""}, "integrations.crm.value"),
        ({"crm": "x" * 4097}, "integrations.crm.value"),
        ({"crm": {"token": "x"}}, "integrations.crm.value"),
        ("crm", "integrations"),
    ],
)
def test_what_is_no_name_or_no_text_is_refused(anna: Person, given: Any, field: str) -> None:
    assert faulty_fields(anna.patch("/auth/me", {"integrations": given}, version=1)) == [field]


def test_joining_takes_them_too_and_nobody_in_the_room_hears_of_it(anna: Person, ben: Person, runtime: Runtime) -> None:
    meeting = anna.create_meeting()
    ben.accept(anna.invite(meeting, ben)[0])
    annas = anna.join(meeting)["participant"]
    joined = ben.join(meeting, integrations={"crm": TOKEN})
    assert kept(runtime, ben) == {"crm": TOKEN}
    assert kept(runtime, anna) == {}
    assert "secret" not in json.dumps([joined, anna.poll(annas)])


def test_they_are_never_logged(anna: Person, log: io.StringIO) -> None:
    ok(entrust(anna, crm=TOKEN))
    entrust(anna, UPPER=TOKEN)
    assert "very-secret" not in log.getvalue()
    assert "PATCH" in log.getvalue()


def test_they_are_gone_with_the_account(anna: Person, ben: Person, runtime: Runtime) -> None:
    for person in (anna, ben):
        ok(entrust(person, crm=TOKEN))
    ok(anna.delete("/auth/me", {"password": PASSWORD}), 204)
    with runtime.reading() as work:
        assert [one.user_id for one in work.query(Integration)] == [ben.user_id]
