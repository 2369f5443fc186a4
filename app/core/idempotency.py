"""`Idempotency-Key`: a POST that creates something can be repeated without creating it twice.

The key's row is written in the change's own transaction, so that the two stand or fall together. Its scope is (actor,
route, key); it is kept `IDEMPOTENCY_KEEP_H`. Only answers of 2xx are kept: what failed changed nothing and may be tried
again with the same key.
"""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Response, request
from sqlalchemy import LargeBinary, delete
from sqlalchemy.orm import Mapped, mapped_column

from app.core import errors
from app.core.db import Base, Json, UtcDateTime, exact
from app.core.runtime import Runtime, Work

LONGEST_KEY = 255
_KEPT_HEADERS = ("Content-Type", "ETag", "Location")


class IdempotencyKey(Base):
    __tablename__ = "idempotency_keys"

    scope: Mapped[str] = mapped_column(exact(64), primary_key=True)  # SHA-256 of actor, route and key, in hex
    fingerprint: Mapped[str] = mapped_column(exact(64))  # SHA-256 of path and body, in hex
    status: Mapped[int]
    headers: Mapped[dict[str, str]] = mapped_column(Json)
    body: Mapped[bytes] = mapped_column(LargeBinary(2**24 - 1))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


_running: set[str] = set()
_running_lock = threading.Lock()


@dataclass
class Claim:
    """One request's hold on its key. `earlier` is the answer of a former request with it, if there was one."""

    work: Work
    scope: str
    fingerprint: str
    earlier: Response | None = None

    def keep(self, response: Response) -> None:
        if not 200 <= response.status_code < 300:
            return
        headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
        self.work.add(
            IdempotencyKey(
                scope=self.scope,
                fingerprint=self.fingerprint,
                status=response.status_code,
                headers=headers,
                body=response.get_data(),
                created_at=self.work.now(),
            )
        )


@contextmanager
def claim(work: Work, actor_id: str, key: str) -> Iterator[Claim]:
    """Hold `key` for this request.

    :raises IdempotencyKeyRunning: another request of this process holds it (one of another process makes this one
        wait at the database and is then answered alike).
    :raises IdempotencyKeyReused: it came with another path or body before.
    """
    if not 1 <= len(key) <= LONGEST_KEY:
        message = {
            "location": "header",
            "field": "Idempotency-Key",
            "message": f"1 to {LONGEST_KEY} characters.",
        }
        raise errors.ValidationFailed(errors=[message])
    route = request.url_rule.rule if request.url_rule else request.path
    scope = hashlib.sha256("\n".join((actor_id, request.method, route, key)).encode()).hexdigest()
    fingerprint = hashlib.sha256(request.path.encode() + b"\n" + request.get_data()).hexdigest()
    with _running_lock:
        if scope in _running:
            raise errors.IdempotencyKeyRunning()
        _running.add(scope)
    try:
        row = work.get(IdempotencyKey, scope)
        if row is not None and row.created_at < work.now() - timedelta(hours=work.settings.idempotency_keep_h):
            work.delete(row)
            work.flush()
            row = None
        if row is None:
            yield Claim(work, scope, fingerprint)
        elif row.fingerprint != fingerprint:
            raise errors.IdempotencyKeyReused()
        else:
            yield Claim(work, scope, fingerprint, Response(row.body, row.status, row.headers))
    finally:
        with _running_lock:
            _running.discard(scope)


def purge(runtime: Runtime, _payload: dict[str, object]) -> None:
    """Forget keys that are older than they are kept."""
    with runtime.writing() as work:
        oldest = work.now() - timedelta(hours=work.settings.idempotency_keep_h)
        work.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at < oldest))
