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
from sqlalchemy import delete
from sqlalchemy.orm import Mapped, mapped_column

from app.core import errors
from app.core.api import body_of
from app.core.db import Base, Json, LongBytes, UtcDateTime, exact
from app.core.inserts import insert_unless_there
from app.core.runtime import Runtime, Work

LONGEST_KEY = 255
_KEPT_HEADERS = ("Content-Type", "ETag", "Location")


class IdempotencyKey(Base):
    __tablename__ = "idempotency_keys"

    scope: Mapped[str] = mapped_column(exact(64), primary_key=True)  # SHA-256 of actor, route and key, in hex
    fingerprint: Mapped[str] = mapped_column(exact(64))  # SHA-256 of path and body, in hex
    status: Mapped[int]
    headers: Mapped[dict[str, str]] = mapped_column(Json)
    body: Mapped[bytes] = mapped_column(LongBytes)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


# Status of a row whose request is not answered yet. Such a row is committed only where the request pauses
# (`Work.pause`); should it never be answered, a repeat begins anew.
_UNDER_WAY = 0

_running: set[str] = set()
_running_lock = threading.Lock()


@dataclass
class Claim:
    """One request's hold on its key. `earlier` is the answer of a former request with it, if there was one."""

    work: Work
    row: IdempotencyKey

    @property
    def earlier(self) -> Response | None:
        row = self.row
        return None if row.status == _UNDER_WAY else Response(row.body, row.status, row.headers)

    def keep(self, response: Response) -> None:
        self.work.add(self.row)  # after a pause it is no longer the session's
        if not 200 <= response.status_code < 300:
            self.work.delete(self.row)
            return
        self.row.status = response.status_code
        self.row.headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
        self.row.body = response.get_data()


@contextmanager
def claim(work: Work, actor_id: str, key: str) -> Iterator[Claim]:
    """Hold `key` for this request. Its row comes before the change, so that another process's waits for it.

    :raises IdempotencyKeyRunning: another request of this process holds it (one of another process makes this one
        wait at the database and is then answered alike).
    :raises IdempotencyKeyReused: it came with another path or body before.
    """
    if not 1 <= len(key) <= LONGEST_KEY:
        message = {"location": "header", "field": "Idempotency-Key", "message": f"1 to {LONGEST_KEY} characters."}
        raise errors.ValidationFailed(errors=[message])
    route = request.url_rule.rule if request.url_rule else request.path
    scope = hashlib.sha256("\n".join((actor_id, request.method, route, key)).encode()).hexdigest()
    fingerprint = hashlib.sha256(request.path.encode() + b"\n" + body_of(request)).hexdigest()
    with _running_lock:
        if scope in _running:
            raise errors.IdempotencyKeyRunning()
        _running.add(scope)
    try:
        row = _row(work, scope, fingerprint)
        if row.fingerprint != fingerprint:
            raise errors.IdempotencyKeyReused()
        try:
            yield Claim(work, row)
        except errors.ParleyError:  # some of them are committed all the same
            work.delete(row)
            raise
    finally:
        with _running_lock:
            _running.discard(scope)


def _row(work: Work, scope: str, fingerprint: str) -> IdempotencyKey:
    """The row of a former request that is still kept, or a new one that is under way."""
    kept = timedelta(hours=work.settings.idempotency_keep_h)
    forgotten = (IdempotencyKey.scope == scope, IdempotencyKey.created_at < work.now() - kept)
    work.execute(delete(IdempotencyKey).where(*forgotten))
    new = {"status": _UNDER_WAY, "headers": {}, "body": b"", "created_at": work.now()}
    insert_unless_there(work, IdempotencyKey, scope=scope, fingerprint=fingerprint, **new)
    return work.get_one(IdempotencyKey, scope)


def purge(runtime: Runtime, _payload: dict[str, object]) -> None:
    """Forget keys that are older than they are kept."""
    with runtime.writing() as work:
        oldest = work.now() - timedelta(hours=work.settings.idempotency_keep_h)
        work.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at < oldest))
