"""What hosts and admins did, as it is read: of a meeting by its hosts, all of it by admins."""

from typing import Any

from app.accounts.service import names_of
from app.core import audit
from app.core.runtime import Work


def page(work: Work, *, limit: int, cursor: str | None, **which: str | None) -> dict[str, Any]:
    """The newest first; see `audit.page`."""
    found = audit.page(work, limit=limit, cursor=cursor, **which)
    lines: list[audit.AuditLine] = found["items"]
    names = names_of(work, {one for line in lines for one in (line.actor_id, line.user_id) if one is not None})

    def person(user_id: str | None) -> dict[str, str] | None:
        return {"user_id": user_id, "display_name": names[user_id]} if user_id in names else None

    found["items"] = [
        {column.key: getattr(line, column.key) for column in audit.AuditLine.__table__.columns}
        | {"actor": person(line.actor_id), "person": person(line.user_id)}
        for line in lines
    ]
    return found
