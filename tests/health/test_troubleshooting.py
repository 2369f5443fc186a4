"""Each part that health looks at is broken once, and what is told then leads to the section that says what to do."""

import socket
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pydantic import SecretStr
from sqlalchemy import text, update

from app.accounts.models import User
from app.core.clock import ManualClock
from app.core.flask_app import ParleyApp
from app.core.settings import Settings
from app.health import service
from app.meetings.models import Meeting
from tests.docs.pages import ROOT, anchors
from tests.support.people import Person


class World(NamedTuple):
    app: ParleyApp
    anna: Person
    clock: ManualClock
    patch: pytest.MonkeyPatch


def nothing(_world: World) -> None:
    """The settings alone are wrong."""


def forget_migrations(world: World) -> None:
    with world.app.runtime.writing() as work:
        work.execute(text("DELETE FROM alembic_version"))


def make_the_store_a_file(world: World) -> None:
    objects = world.app.runtime.settings.storage_dir / "objects"
    objects.write_text("")


def let_a_job_wait(world: World) -> None:
    with world.app.runtime.writing() as work:
        work.enqueue("notes.analyse", {})
    world.clock.advance(minutes=5)


def let_an_event_wait(world: World) -> None:
    world.anna.create_meeting()
    world.clock.advance(seconds=61)


def nudge_somebody(world: World) -> None:
    world.app.runtime.wakeups.wake(["somebody"])


def lose_a_package(world: World) -> None:
    world.patch.setitem(sys.modules, "av.codec", None)


def insist_on_a_worker(world: World) -> None:
    meeting = world.anna.create_meeting()
    with world.app.runtime.writing() as work:
        values = {"state": "live", "effective_media_mode": "sfu"}
        work.execute(update(Meeting).where(Meeting.id == meeting["id"]).values(**values))


def _closed_port() -> int:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


GONE = f"127.0.0.1:{_closed_port()}"  # nothing listens there
SECRET = SecretStr("hunter2-hunter2")
REDIS = {"redis_url": SecretStr(f"redis://:hunter2-hunter2@{GONE}/0")}
LANGUAGE_MODEL = {"analyst": "llm", "analyst_url": f"http://{GONE}/v1", "analyst_model": "m", "analyst_key": SECRET}


class Provocation(NamedTuple):
    told: str  # in `detail`
    settings: dict[str, Any] = {}
    provoke: Callable[[World], None] = nothing


PROVOCATIONS = {
    "database": Provocation("Migrations are missing", provoke=forget_migrations),
    "disk": Provocation("less than DISK_LOW_BYTES", {"disk_low_bytes": 2**62}),
    "object_store": Provocation("", provoke=make_the_store_a_file),
    "wakeups": Provocation("Other processes are not nudged", REDIS, nudge_somebody),
    "counters": Provocation("Redis does not answer", REDIS),
    "jobs": Provocation("No jobs process is alive"),
    "celery": Provocation(
        "Nobody takes the jobs of analysis",
        {"celery_broker_url": SecretStr(f"amqp://u:hunter2-hunter2@{GONE}//"), "jobs": "leased"},
        let_a_job_wait,
    ),
    "event_publisher": Provocation(
        "Connection refused", {"events_broker_url": SecretStr(f"amqp://u:hunter2-hunter2@{GONE}//")}
    ),
    "events": Provocation(
        "events wait for the broker",
        {"events_broker_url": SecretStr(f"amqp://u:hunter2-hunter2@{GONE}//")},
        let_an_event_wait,
    ),
    "mailer": Provocation("ConnectionRefusedError", {"smtp_url": SecretStr(f"smtp://u:hunter2-hunter2@{GONE}")}),
    "turn": Provocation("is not reached", {"turn_urls": (f"turn:{GONE}?transport=tcp",), "turn_secret": SECRET}),
    "media_workers": Provocation("1 meetings wait", provoke=insist_on_a_worker),
    "recorder": Provocation("lacks a part", provoke=lose_a_package),
    "transcriber": Provocation("must be a folder", {"transcriber": "whisper", "transcriber_model": "nowhere"}),
    "analyst": Provocation("does not answer", LANGUAGE_MODEL),
}


@pytest.fixture
def provocation(request: pytest.FixtureRequest) -> Provocation:
    found = PROVOCATIONS.get(request.param)
    assert found is not None, f"nothing provokes the check {request.param}"
    return found


@pytest.fixture
def settings(settings: Settings, provocation: Provocation) -> Settings:
    return settings.model_copy(update=provocation.settings)


def checks(person: Person) -> dict[str, dict[str, Any]]:
    return {check["name"]: check for check in person.get("/health").get_json()["checks"]}


@pytest.mark.parametrize("provocation", [*service.SECTIONS], indirect=True, ids=str)
def test_what_is_broken_is_told_with_the_section_that_says_what_to_do(
    app: ParleyApp,
    anna: Person,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
    provocation: Provocation,
    request: pytest.FixtureRequest,
) -> None:
    with app.runtime.writing() as work:
        work.execute(update(User).where(User.id == anna.user_id).values(role="admin"))
    provocation.provoke(World(app, anna, clock, monkeypatch))
    name = request.node.callspec.params["provocation"]
    told = checks(anna)[name]
    assert told["status"] == "failed"
    assert provocation.told in told["detail"]
    assert "hunter2" not in told["detail"]
    page, _, anchor = told["section"].partition("#")
    assert anchor in anchors(ROOT / page), f"{page} has no section {anchor}"
    assert f"`{name}`" in (ROOT / page).read_text()


def everything() -> dict[str, Any]:
    """Settings with which every check that there is is made."""
    return {name: value for one in PROVOCATIONS.values() for name, value in one.settings.items()}


class TestWithEverythingSwitchedOn:
    @pytest.fixture
    def provocation(self) -> Provocation:
        return Provocation("", everything())

    def test_each_check_has_a_section_and_a_provocation(self, app: ParleyApp) -> None:
        with app.runtime.writing() as work:
            made = {check.name for check in service.check(work, str(Path(app.root_path).parent / "migrations"))}
        assert made == service.SECTIONS.keys() == PROVOCATIONS.keys()


@pytest.mark.parametrize("provocation", ["mailer"], indirect=True)
def test_a_server_that_does_not_answer_is_not_asked_by_everybody_who_asks(app: ParleyApp, anna: Person) -> None:
    from app.accounts.mail.base import Mailer, MailNotSent
    from app.accounts.mail.memory import MemoryMailer
    from app.health.outside import FRESH_S, Outside

    asked: list[int] = []

    class Counted(MemoryMailer):
        def usable(self) -> None:
            asked.append(1)
            raise MailNotSent("mail.example.org is away")

    now = [0.0]
    app.runtime.drivers[Mailer] = Counted()
    app.runtime.drivers[Outside] = Outside(lambda: now[0])
    with app.runtime.writing() as work:
        work.execute(update(User).where(User.id == anna.user_id).values(role="admin"))
    assert [checks(anna)["mailer"]["detail"] for _ in range(3)] == ["mail.example.org is away"] * 3
    assert len(asked) == 1
    now[0] += FRESH_S
    assert checks(anna)["mailer"]["status"] == "failed"
    assert len(asked) == 2
