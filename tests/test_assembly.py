"""What a start does, and what it does without."""

import gc
import subprocess
import sys
from pathlib import Path

import pytest
from flask import url_for

from app import create_app
from app.core.flask_app import ParleyApp
from app.core.ids import new_id
from app.core.settings import Settings, SettingsError

ROOT = Path(__file__).resolve().parent.parent

# Each takes long to import, and an API on SQLite with the default settings needs none of them before its first request.
NOT_AT_THE_START = [
    "aiortc",
    "alembic",
    "app.cli",
    "app.core.jobs.runner",
    "app.demo",
    "app.qa",
    "apscheduler",
    "authlib",
    "av",
    "celery",
    "email_validator",
    "filetype",
    "flask_cors",
    "flask_migrate",
    "joserfc",
    "kombu",
    "minio",
    "opentelemetry",
    "PIL",
    "psycopg",
    "pymysql",
    "redis",
    "requests",
    "sentry_sdk",
    "sqlalchemy.dialects.mysql",
    "sqlalchemy.dialects.postgresql",
]


def modules_after(program: str, folder: Path) -> set[str]:
    ended = subprocess.run(
        [sys.executable, "-c", f"import sys\n{program}\nprint(*sys.modules)"],
        cwd=ROOT,
        env={"STORAGE_DIR": str(folder), "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        text=True,
    )
    return set(ended.stdout.split())


def test_a_start_imports_nothing_that_only_commands_or_other_settings_need(tmp_path: Path) -> None:
    imported = modules_after("from app import create_app; create_app()", tmp_path)
    assert "app.assembly" in imported
    assert imported.isdisjoint(NOT_AT_THE_START)


def test_who_only_enqueues_jobs_for_celery_workers_does_without_celery(tmp_path: Path) -> None:
    program = "import os; os.environ['CELERY_BROKER_URL'] = 'redis://127.0.0.1:1/0'"
    imported = modules_after(f"{program}\nfrom app import create_app; create_app()", tmp_path)
    assert "app.core.jobs.celery" in imported
    assert imported.isdisjoint({"celery", "kombu"})


def test_addresses_are_made_though_a_start_writes_none(app: ParleyApp) -> None:
    rule = next(rule for rule in app.url_map.iter_rules() if rule.rule == "/api/v1/meetings/<id:meeting_id>")
    meeting_id = new_id()
    for _ in range(2):
        with app.test_request_context():
            assert url_for(rule.endpoint, meeting_id=meeting_id) == f"/api/v1/meetings/{meeting_id}"
            assert url_for(rule.endpoint, meeting_id=meeting_id, page=2).endswith("?page=2")


def test_who_needs_one_part_of_the_app_does_not_import_it_all(tmp_path: Path) -> None:
    imported = modules_after("import app.core.settings", tmp_path)
    assert imported.isdisjoint({"app.assembly", "app.wiring", "flask"})


def test_garbage_is_collected_again_after_a_start(settings: Settings) -> None:
    create_app(settings).runtime.close()
    assert gc.isenabled()


def test_garbage_is_collected_again_after_a_start_that_failed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)  # no .env
    monkeypatch.setenv("PORT", "none")
    with pytest.raises(SettingsError):
        create_app()
    assert gc.isenabled()


def test_the_openapi_document_stays_as_it_was_first_written(app: ParleyApp) -> None:
    first, second = (app.test_client().get("/openapi.json").get_data() for _ in range(2))
    assert first == second
    assert b"/api/v1/meetings" in first
