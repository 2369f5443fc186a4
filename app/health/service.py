"""What a process needs to serve, checked part by part.

Only the database makes it unavailable, because nothing works without. A broken object store or a missing jobs
process degrades it: calls go on, and taking every API process out of service for it would end them.
"""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from sqlalchemy import column, literal, select, table
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from app.accounts.mail.base import Mailer
from app.core import processes
from app.core.jobs.queues import queues
from app.core.runtime import Work
from app.events import relay
from app.health import turn
from app.health.outside import Outside
from app.media import placement

# By a check's name: the section of the page that says what to do.
PAGE = "docs/troubleshooting.md"
SECTIONS = {
    "database": "the-database",
    "disk": "the-disk-is-full",
    "object_store": "files-and-s3",
    "wakeups": "redis-and-wake-ups",
    "counters": "redis-and-wake-ups",
    "jobs": "the-jobs-process",
    "celery": "celery-workers",
    "event_publisher": "the-broker-of-events",
    "events": "the-broker-of-events",
    "mailer": "mails",
    "turn": "no-picture-no-sound",
    "media_workers": "no-picture-no-sound",
    "recorder": "recordings",
    "transcriber": "transcripts-and-notes",
    "analyst": "transcripts-and-notes",
}

EVENTS_PATIENCE = timedelta(seconds=60)  # so long a broker may be away before health tells of what waits


@dataclass(frozen=True)
class Check:
    """`detail` is for admins: it may name hosts and paths, never a secret. That of what is essential names neither, as
    everybody may read it.
    """

    name: str
    detail: str = ""  # what is wrong
    essential: bool = False

    @property
    def section(self) -> str:
        """Where it says what to do: a path from Parley's folder, with an anchor."""
        return f"{PAGE}#{SECTIONS[self.name]}"

    @property
    def status(self) -> str:
        return "failed" if self.detail else "ok"


def check(work: Work, migrations: str) -> list[Check]:
    """Ask every part that this process depends on. `migrations` is their folder."""
    database = Check("database", _database_trouble(work, migrations), essential=True)
    checks = [database, Check("disk", _disk_trouble(work)), *_drivers(work)]
    if work.settings.turn_urls:
        servers = turn.servers_of(work)
        checks.append(Check("turn", work.driver(Outside).trouble("turn", lambda: turn.check(servers))))
    if not database.detail:
        jobs = "" if processes.alive(work, "jobs") else "No jobs process is alive: start `flask jobs run`."
        checks.append(Check("jobs", jobs))
        if work.settings.celery_broker_url is not None:
            untaken = [queue.name for queue in queues(work) if queue.is_untaken(work)]
            checks.append(Check("celery", f"Nobody takes the jobs of {', '.join(untaken)}." if untaken else ""))
        if work.settings.events_broker_url is not None:
            checks.append(Check("events", _events_trouble(work)))
        waiting = placement.count_waiting(work)
        checks.append(Check("media_workers", f"{waiting} meetings wait for a media worker." if waiting else ""))
    return checks


def summary(checks: list[Check]) -> str:
    """ok, degraded or unavailable."""
    if any(check.essential and check.detail for check in checks):
        return "unavailable"
    return "degraded" if any(check.detail for check in checks) else "ok"


def _database_trouble(work: Work, migrations: str) -> str:
    try:
        work.execute(select(literal(1)))
    except SQLAlchemyError as error:
        return f"It does not answer ({type(error).__name__})."
    try:
        revision = work.scalar(select(column("version_num")).select_from(table("alembic_version")))
    except DBAPIError:
        revision = None
    return "Migrations are missing: run `flask db upgrade`." if _is_behind(migrations, revision) else ""


@lru_cache(maxsize=8)
def _is_behind(migrations: str, revision: str | None) -> bool:
    """Whether the newest migration is still to come. A database that is ahead of this process is fine:
    migrations expand before they contract.
    """
    from alembic.script import ScriptDirectory  # not needed to serve anything else

    scripts = ScriptDirectory(migrations)
    known = {script.revision for script in scripts.walk_revisions()}
    return revision is None or (revision in known and revision not in scripts.get_heads())


def _disk_trouble(work: Work) -> str:
    folder, least = work.settings.storage_dir.absolute(), work.settings.disk_low_bytes
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent  # with files in S3 it is made when something is first put there
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return f"STORAGE_DIR can't be looked at ({error.strerror})."
    return f"{free // 2**20} MiB are free where STORAGE_DIR is, less than DISK_LOW_BYTES." if free < least else ""


def _events_trouble(work: Work) -> str:
    waiting, since = relay.backlog(work)
    if since is None or work.now() - since < EVENTS_PATIENCE:
        return ""
    return f"{waiting} events wait for the broker, the first since {since:%Y-%m-%d %H:%M:%S}Z."


def _drivers(work: Work) -> Iterator[Check]:
    """Drivers that can be asked offer `usable()`, which raises what is wrong. Named after their Protocol."""
    for family, driver in work.runtime.drivers.all().items():
        usable = getattr(driver, "usable", None)
        if usable is None:
            continue
        name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", family.__name__).lower()
        if family is Mailer:  # it has no connection that it could look at
            yield Check(name, work.driver(Outside).trouble(name, usable))
            continue
        try:
            usable()
        except Exception as error:  # whatever a rung raises, it is its state
            yield Check(name, str(error) or type(error).__name__)
        else:
            yield Check(name)
