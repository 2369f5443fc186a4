"""What hosts and admins did: who, what, to whom or which, when and from where. Lines are added and, after
AUDIT_KEEP_DAYS, forgotten; none is ever changed.

A line is written in the transaction of the act, so that there is none without the other. It holds ids and words of the
contract alone: no names, no texts, nothing that was typed.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Index, Select, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Id, Json, UtcDateTime, exact
from app.core.ids import new_id
from app.core.pagination import paginate
from app.core.runtime import Runtime, Work

COMMAND = "command"  # in the place of an actor's role: who has a shell on the machine


class AuditLine(Base):
    __tablename__ = "audit_lines"
    __table_args__ = (
        Index("ix_audit_lines_meeting_id_id", "meeting_id", "id"),
        Index("ix_audit_lines_actor_id_id", "actor_id", "id"),
    )

    # Without foreign keys: a line outlives whatever it is about.
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    action: Mapped[str] = mapped_column(exact(64))
    actor_id: Mapped[str | None] = mapped_column(Id)  # None: a command
    actor_role: Mapped[str] = mapped_column(exact(16))  # user | admin | command
    meeting_id: Mapped[str | None] = mapped_column(Id)
    subject: Mapped[str | None] = mapped_column(exact(32))  # what `subject_id` is the id of, such as recording
    subject_id: Mapped[str | None] = mapped_column(Id)
    user_id: Mapped[str | None] = mapped_column(Id)  # to whom it was done, if to somebody
    details: Mapped[dict[str, Any]] = mapped_column(Json)
    address: Mapped[str | None] = mapped_column(exact(64))
    request_id: Mapped[str | None] = mapped_column(exact(64))


def write(work: Work, action: str, *, actor_role: str, **about: Any) -> None:
    """:param about: columns of `AuditLine`."""
    work.add(AuditLine(id=new_id(), at=work.now(), action=action, actor_role=actor_role, **{"details": {}} | about))


def by_command(work: Work, action: str, user_id: str, **details: str) -> None:
    """Somebody with a shell on the machine did it to an account."""
    about = {"subject": "user", "subject_id": user_id, "user_id": user_id, "details": details}
    write(work, action, actor_role=COMMAND, **about)


def page(work: Work, *, limit: int, cursor: str | None, **which: str | None) -> dict[str, Any]:
    """The newest first. `which`: by columns; None: all."""
    query: Select[AuditLine] = select(AuditLine)
    for name, value in which.items():
        if value is not None:
            query = query.where(getattr(AuditLine, name) == value)
    return paginate(work, query, (AuditLine.id,), limit=limit, cursor=cursor, descending=True)


def purge(runtime: Runtime, _payload: dict[str, object]) -> None:
    """Forget what is older than it is kept."""
    with runtime.writing() as work:
        oldest = work.now() - timedelta(days=work.settings.audit_keep_days)
        work.execute(delete(AuditLine).where(AuditLine.at < oldest))
