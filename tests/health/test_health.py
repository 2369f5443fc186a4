from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr
from sqlalchemy import text, update

from app.accounts.models import User
from app.core.clock import ManualClock
from app.core.objects.base import ObjectStore, StoreUnusable
from app.core.objects.memory import MemoryObjectStore
from app.core.processes import ProcessBeat
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.health import service
from app.health.service import Check, summary
from tests.support.people import Person

READY = ("/health/ready", "/api/v1/health")


@pytest.fixture
def admin(anna: Person, runtime: Runtime) -> Person:
    with runtime.writing() as work:
        work.execute(update(User).where(User.id == anna.user_id).values(role="admin"))
    return anna


def checks(admin: Person) -> dict[str, dict[str, Any]]:
    """By name, without where to read on: that is held by test_troubleshooting.py."""
    told = admin.get("/health").get_json()["checks"]
    return {check["name"]: {field: check[field] for field in check if field != "section"} for check in told}


class BrokenStore(MemoryObjectStore):
    def usable(self) -> None:
        raise StoreUnusable("storage/objects is read-only")


def test_a_process_that_answers_is_live(client: FlaskClient) -> None:
    answer = client.get("/health/live")
    assert (answer.status_code, answer.get_json()) == (200, {"status": "ok"})
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.sqlite
def test_live_asks_nothing_of_the_database(client: FlaskClient, runtime: Runtime) -> None:
    take_away_database(runtime)
    assert client.get("/health/live").status_code == 200


@pytest.mark.parametrize("path", READY)
def test_with_all_its_parts_it_is_ready(client: FlaskClient, runtime: Runtime, path: str) -> None:
    ProcessBeat(runtime, "jobs").beat()
    answer = client.get(path)
    assert (answer.status_code, answer.get_json()) == (200, {"status": "ok"})
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", READY)
def test_without_a_jobs_process_it_serves_but_is_degraded(
    client: FlaskClient, runtime: Runtime, clock: ManualClock, path: str
) -> None:
    assert client.get(path).get_json() == {"status": "degraded"}
    ProcessBeat(runtime, "jobs").beat()
    clock.advance(seconds=15)
    answer = client.get(path)
    assert (answer.status_code, answer.get_json()) == (200, {"status": "degraded"})


def test_with_a_broken_object_store_it_serves_but_is_degraded(
    client: FlaskClient, runtime: Runtime, admin: Person
) -> None:
    ProcessBeat(runtime, "jobs").beat()
    runtime.drivers[ObjectStore] = BrokenStore()
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.get_json()) == (200, {"status": "degraded"})
    broken = {"name": "object_store", "status": "failed", "detail": "storage/objects is read-only"}
    assert checks(admin)["object_store"] == broken


@pytest.mark.sqlite
@pytest.mark.parametrize("path", READY)
def test_without_its_database_it_is_unavailable(client: FlaskClient, runtime: Runtime, path: str) -> None:
    take_away_database(runtime)
    answer = client.get(path, headers={"Authorization": "Bearer x.y.z"})
    assert (answer.status_code, answer.get_json()["status"]) == (503, "unavailable")
    assert answer.headers["Retry-After"] == "5"


@pytest.mark.sqlite
def test_without_its_database_everybody_is_told_that_since_nobody_is_known_as_an_admin(
    admin: Person, client: FlaskClient, runtime: Runtime
) -> None:
    take_away_database(runtime)
    section = "docs/troubleshooting.md#the-database"
    told = {
        "name": "database",
        "status": "failed",
        "detail": "It does not answer (OperationalError).",
        "section": section,
    }
    assert admin.get("/health").get_json() == {"status": "unavailable", "checks": [told]}
    assert client.get("/health/ready").get_json() == {"status": "unavailable", "checks": [told]}


def test_an_old_schema_is_unavailable_and_a_newer_one_is_fine(runtime: Runtime, client: FlaskClient) -> None:
    with runtime.writing() as work:
        work.execute(text("UPDATE alembic_version SET version_num = 'from the future'"))
    assert client.get("/health/ready").status_code == 200
    with runtime.writing() as work:
        work.execute(text("DELETE FROM alembic_version"))
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert [check["detail"] for check in answer.get_json()["checks"]] == [
        "Migrations are missing: run `flask db upgrade`."
    ]


def test_admins_are_told_part_by_part(admin: Person) -> None:
    working = ("database", "object_store", "recorder", "transcriber", "analyst", "wakeups", "media_workers")
    working += ("event_publisher", "disk", "counters", "mailer")
    missing = {"name": "jobs", "status": "failed", "detail": "No jobs process is alive: start `flask jobs run`."}
    assert checks(admin) == {name: {"name": name, "status": "ok", "detail": ""} for name in working} | {"jobs": missing}


class TestWithABroker:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        broker = SecretStr("amqp://guest:guest@127.0.0.1:1//")
        return settings.model_copy(update={"celery_broker_url": broker, "jobs": "leased"})

    def test_it_is_degraded_while_nobody_takes_the_jobs_of_a_queue(
        self, runtime: Runtime, admin: Person, clock: ManualClock
    ) -> None:
        with runtime.writing() as work:
            work.enqueue("notes.analyse", {})
        assert checks(admin)["celery"]["status"] == "ok"
        clock.advance(minutes=5)
        untaken = {"name": "celery", "status": "failed", "detail": "Nobody takes the jobs of analysis."}
        assert checks(admin)["celery"] == untaken


class TestWithABrokerForEvents:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"events_broker_url": SecretStr("amqp://guest:hunter2@127.0.0.1:1//")})

    def test_one_that_is_away_is_named_and_its_password_is_not(self, admin: Person) -> None:
        told = checks(admin)["event_publisher"]
        assert told["status"] == "failed"
        assert "Connection refused" in told["detail"]
        assert "hunter2" not in told["detail"]
        assert admin.get("/health").status_code == 200


def test_others_are_told_no_details(client: FlaskClient, anna: Person) -> None:
    assert anna.get("/health").get_json() == {"status": "degraded"}


@pytest.mark.parametrize("credentials", ["Bearer nonsense", "Basic YTpi", "Bearer "])
def test_a_token_that_is_wrong_counts_as_none(client: FlaskClient, credentials: str) -> None:
    answer = client.get("/health/ready", headers={"Authorization": credentials})
    assert (answer.status_code, answer.get_json()) == (200, {"status": "degraded"})


@pytest.mark.parametrize("path", ["/health/live", *READY])
def test_every_path_stands_in_the_document_and_needs_no_token(client: FlaskClient, path: str) -> None:
    operation = client.get("/openapi.json").get_json()["paths"][path]["get"]
    assert operation["security"] in ([], [{}], [{}, {"bearer": []}])


def test_only_what_is_essential_makes_it_unavailable() -> None:
    assert summary([]) == "ok"
    assert summary([Check("a"), Check("b", essential=True)]) == "ok"
    assert summary([Check("a", "broken"), Check("b", essential=True)]) == "degraded"
    assert summary([Check("a"), Check("b", "broken", essential=True)]) == "unavailable"


def take_away_database(runtime: Runtime) -> None:
    runtime.database.close()
    database = runtime.settings.storage_dir / "meetings.db"
    database.unlink()
    database.mkdir()  # SQLite cannot open a folder


def test_a_storage_folder_that_is_not_made_yet_is_no_trouble(runtime: Runtime, tmp_path: Path) -> None:
    """With files in S3 it is made when something is first put there."""
    runtime.settings = runtime.settings.model_copy(update={"storage_dir": tmp_path / "not" / "yet"})
    with runtime.reading() as work:
        [disk] = [check for check in service.check(work, "migrations") if check.name == "disk"]
    assert disk.detail == ""
