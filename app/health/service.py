"""What a process needs to serve, checked part by part.

Only the database makes it unavailable, because nothing works without. A broken object store or a missing jobs
process degrades it: calls go on, and taking every API process out of service for it would end them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import column, literal, select, table
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from app.core import processes
from app.core.runtime import Work
from app.media import placement


@dataclass(frozen=True)
class Check:
    """`detail` is for admins: it may name hosts and paths, never a secret."""

    name: str
    detail: str = ""  # what is wrong
    essential: bool = False

    @property
    def status(self) -> str:
        return "failed" if self.detail else "ok"


def check(work: Work, migrations: str) -> list[Check]:
    """Ask every part that this process depends on. `migrations` is their folder."""
    database = Check("database", _database_trouble(work, migrations), essential=True)
    checks = [database, *_drivers(work)]
    if not database.detail:
        jobs = "" if processes.alive(work, "jobs") else "No jobs process is alive: start `flask jobs run`."
        checks.append(Check("jobs", jobs))
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


def _drivers(work: Work) -> Iterator[Check]:
    """Drivers that can be asked offer `usable()`, which raises what is wrong. Named after their Protocol."""
    for family, driver in work.runtime.drivers.all().items():
        usable = getattr(driver, "usable", None)
        if usable is not None:
            name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", family.__name__).lower()
            try:
                usable()
            except Exception as error:  # whatever a rung raises, it is its state
                yield Check(name, str(error) or type(error).__name__)
            else:
                yield Check(name)
