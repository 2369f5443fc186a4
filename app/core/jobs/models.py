from datetime import datetime
from typing import Any

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Id, Json, UtcDateTime, exact
from app.core.jobs.base import LONGEST_KEY

LONGEST_ERROR = 500  # characters


class Job(Base):
    """One job, or one task that runs by the clock (then `every_s` is set and the row is used again and
    again).
    """

    __tablename__ = "jobs"
    __table_args__ = (Index("ix_jobs_state_run_at", "state", "run_at"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    task: Mapped[str] = mapped_column(exact(64))
    payload: Mapped[dict[str, Any]] = mapped_column(Json)
    origin: Mapped[dict[str, str] | None] = mapped_column(
        Json
    )  # the request that it goes back to: see `core/origin.py`
    key: Mapped[str | None] = mapped_column(exact(LONGEST_KEY), unique=True)
    every_s: Mapped[float | None]
    state: Mapped[str] = mapped_column(exact(16), default="queued")
    run_at: Mapped[datetime] = mapped_column(UtcDateTime)  # not before
    attempts: Mapped[int] = mapped_column(default=0)  # runs begun; of a task that runs by the clock: since it succeeded
    max_attempts: Mapped[int]
    leased_until: Mapped[datetime | None] = mapped_column(UtcDateTime)  # running: taken over if not renewed by then
    lease_owner: Mapped[str | None] = mapped_column(Id)  # running: new with every run, so that an old run is told apart
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # queued: when Celery workers were last told of it
    last_error: Mapped[str | None] = mapped_column(String(LONGEST_ERROR))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
