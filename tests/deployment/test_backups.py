"""What docs/operations.md says about backups and upgrades is done, command by command."""

import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from flask_migrate import downgrade, upgrade
from sqlalchemy import make_url

from app import create_app
from app.accounts import integrations
from app.cli import register_commands
from app.core.db import MIGRATIONS
from app.core.flask_app import ParleyApp
from app.core.settings import Settings, load_settings
from tests.docs.pages import ROOT, blocks
from tests.support import limits
from tests.support.databases import fresh_database
from tests.support.people import Person, ok, register

pytestmark = pytest.mark.slow

PAGE = ROOT / "docs" / "operations.md"


def documented(begins: str) -> str:
    """The line of the page that begins so."""
    [line] = {line for block in blocks(PAGE) for line in block.text.splitlines() if line.startswith(begins)}
    return line


def run(command: str) -> None:
    subprocess.run(["bash", "-euc", command], check=True, capture_output=True, timeout=120)


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    with fresh_database(request.param, tmp_path) as url:
        told = {"database_url": "" if request.param == "sqlite" else url, "storage_dir": tmp_path / "storage"}
        yield load_settings(_env_file=None, log_level="ERROR", auto_verify_email=True, **told, **limits.OFF)


def started(settings: Settings) -> ParleyApp:
    app = create_app(settings)
    register_commands(app)
    app.testing = True
    return app


def test_what_was_backed_up_while_it_served_is_all_there_again(settings: Settings, tmp_path: Path) -> None:
    app = started(settings)
    with app.app_context():
        upgrade()
    anna = register(app, "Anna")
    ok(anna.patch("/auth/me", {"integrations": {"crm": "key-1"}}, version=1))
    meeting = anna.create_meeting(title="Before")
    storage, backup = settings.storage_dir, tmp_path / "backup"
    backup.mkdir()
    (storage / "objects" / "chat").mkdir(parents=True)
    (storage / "objects" / "chat" / "picture").write_bytes(b"of what was sent")

    places = {"/backup": str(backup), "storage/": f"{storage}/", "parley.dump": str(backup / "parley.dump")}

    def as_documented(begins: str) -> str:
        line = documented(begins)
        for written, here in places.items():
            line = line.replace(written, here)
        driverless = make_url(settings.database_url or "sqlite://").set(drivername="postgresql")
        return re.sub(r"postgresql://\S+/parley", driverless.render_as_string(hide_password=False), line)

    is_sqlite = not settings.database_url
    run(as_documented("sqlite3 " if is_sqlite else "pg_dump "))
    run(as_documented("cp -a storage/objects"))
    shutil.copytree(storage / "secrets", backup / "secrets")
    ok(anna.patch(f"/meetings/{meeting['id']}", {"title": "After"}, version=meeting["version"]))
    app.runtime.close()

    shutil.rmtree(storage)
    storage.mkdir()
    shutil.copytree(backup / "objects", storage / "objects")
    shutil.copytree(backup / "secrets", storage / "secrets")
    if is_sqlite:
        [copy] = backup.glob("meetings-*.db")
        shutil.copy(copy, storage / "meetings.db")
    else:
        run(as_documented("pg_restore "))
    again = started(settings)
    person = Person(again, anna.name, anna.email, anna.tokens)
    assert ok(person.get(f"/meetings/{meeting['id']}"))["title"] == "Before"
    with again.runtime.reading() as work:
        assert integrations.secrets_of(work, anna.user_id) == {"crm": "key-1"}
    assert (storage / "objects" / "chat" / "picture").read_bytes() == b"of what was sent"
    assert again.test_client().get("/health/ready").status_code == 200
    again.runtime.close()


def test_requests_go_on_while_an_upgrade_migrates_under_them(settings: Settings) -> None:
    app = started(settings)
    newest = ScriptDirectory(MIGRATIONS).get_current_head()
    with app.app_context():
        upgrade()
        downgrade()  # by one: what serves needs nothing of the newest
    anna = register(app, "Anna")
    kept = anna.create_meeting(title="Of old")
    done, answers = threading.Event(), list[int]()

    def ask() -> None:
        while not done.is_set():
            answers.append(anna.post("/meetings", {"title": "Meanwhile"}).status_code)
            answers.append(anna.get("/meetings", limit=5).status_code)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        environment = {"STORAGE_DIR": str(settings.storage_dir), "DATABASE_URL": settings.database_url, "PATH": ""}
        command = [sys.executable, "-m", "flask", "db", "upgrade"]
        subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, timeout=300)
    finally:
        done.set()
        asking.join()
    assert set(answers) == {200, 201}
    assert app.test_client().get("/health/ready").status_code == 200
    with app.runtime.database.reader.connect() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == newest
    assert ok(anna.get(f"/meetings/{kept['id']}"))["title"] == "Of old"
    app.runtime.close()
