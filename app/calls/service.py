"""Calls from their upload to their notes. Their file stays where it was uploaded; the call has taken it."""

import hashlib
from pathlib import PurePath
from typing import Any, BinaryIO, cast

from sqlalchemy import ColumnElement, delete, select
from werkzeug.datastructures import FileStorage

from app.calls.events import CallDeleted, CallReceived
from app.calls.models import Call
from app.calls.source import get, hold
from app.core import errors
from app.core.actor import Actor
from app.core.downloads import Download
from app.core.file_urls import MAIN, FileUrls
from app.core.ids import new_id
from app.core.jobs import backlog
from app.core.pagination import paginate
from app.core.runtime import Work
from app.notes import deleting, pipeline, spending
from app.notes import service as notes
from app.notes.models import Correction, Notes, Stage
from app.notes.providers import chosen_for
from app.notes.search import index
from app.notes.sources import Sources
from app.uploads import service as uploads
from app.uploads import whole

PURPOSE = "call_audio"
FILTERS = ("account", "deal", "agent", "customer", "language")


def receive(work: Work, actor: Actor, *, upload_id: str, title: str | None, **told: Any) -> dict[str, Any]:
    """Take an uploaded file, and have notes made of it.

    :raises NotFound: there is no such upload of the actor's. :raises UploadStateConflict: it is not complete.
    :raises CallExists: they sent the same file before; with the extra `call_id`. :raises BudgetReached:
    :raises TranscriptionLimitReached: :raises Overloaded:
    """
    _check_limits(work, actor)
    file = uploads.take(work, actor, upload_id, PURPOSE)
    _check_new(work, actor, file.sha256)
    call = Call(
        id=new_id(),
        user_id=actor.user_id,
        title=title or file.name[:200],
        upload_id=file.upload_id,
        file_path=file.key,
        media_type=file.media_type,
        bytes=file.size,
        sha256=file.sha256,
        created_at=work.now(),
        **told,
    )
    work.add(call)
    work.flush()
    notes.order(work, chosen_for(work, is_mocked=False).name, call.language, call_id=call.id)
    index.later(work, "notes", call.id)
    work.emit(CallReceived(call.id, call.user_id))
    return view(work, call)


def receive_file(work: Work, actor: Actor, file: FileStorage, **told: Any) -> dict[str, Any]:
    """The same, of a file that came with the request.

    :raises MediaTypeRefused: :raises QuotaReached: :raises StorageFull: :raises Unavailable: the store.
    """
    _check_limits(work, actor)
    _check_new(work, actor, hashlib.file_digest(file.stream, "sha256").hexdigest())  # type: ignore[arg-type]
    file.stream.seek(0)
    name = PurePath((file.filename or "").replace("\\", "/")).name[:200] or "call"
    what = {"purpose": PURPOSE, "name": name, "media_type": file.mimetype or "application/octet-stream"}
    return receive(work, actor, upload_id=whole.receive(work, actor, cast(BinaryIO, file.stream), **what), **told)


def _check_limits(work: Work, actor: Actor) -> None:
    backlog.check(work)
    spending.check(work, actor.user_id)
    spending.check_minutes(work, actor.user_id)


def _check_new(work: Work, actor: Actor, sha256: str) -> None:
    same = work.scalar(select(Call.id).where(Call.user_id == actor.user_id, Call.sha256 == sha256))
    if same is not None:
        raise errors.CallExists(call_id=same)


def page(work: Work, actor: Actor, *, limit: int, cursor: str | None, **filters: str | None) -> dict[str, Any]:
    """One's own, the newest first."""
    query = select(Call).where(Call.user_id == actor.user_id)
    for name in FILTERS:
        if filters[name] is not None:
            query = query.where(getattr(Call, name) == filters[name])
    return paginate(
        work, query, (Call.id,), limit=limit, cursor=cursor, descending=True, show=lambda call: view(work, call)
    )


def file_of(work: Work, call: Call) -> Download:
    """As it was sent, under the name that it had."""
    name = uploads.get(work, call.upload_id).name
    return Download(call.file_path, call.media_type, call.bytes, call.sha256, name)


def retry(work: Work, call_id: str, *, analyse: bool) -> dict[str, Any]:
    """:raises NotesStateConflict:"""
    notes.retry(work, of_call(call_id), analyse=analyse)
    return view(work, get(work, call_id))


def erase(work: Work, call_id: str) -> None:
    """Delete it and everything that was made of it."""
    call = hold(work, call_id)
    deleting.delete_objects(work, work.driver(Sources).calls.folder_of(call.id))
    uploads.release(work, call.upload_id)
    work.execute(delete(Notes).where(of_call(call.id)))
    work.execute(delete(Correction).where(Correction.call_id == call.id))
    work.delete(call)
    work.flush()
    work.emit(CallDeleted(call.id, call.user_id))


def erase_all_of(work: Work, user_id: str) -> None:
    for call_id in work.scalars(select(Call.id).where(Call.user_id == user_id)).all():
        erase(work, call_id)


def of_call(call_id: str) -> ColumnElement[bool]:
    return Notes.call_id == call_id


def view(work: Work, call: Call) -> dict[str, Any]:
    """As `CallOut` takes it."""
    newest = notes.newest(work, of_call(call.id))
    shown = notes.view(work, newest)
    row = {column.key: getattr(call, column.key) for column in Call.__table__.columns}
    made = {name: shown[name] for name in ("stages", "progress", "cost_usd", "error", "error_code", "is_mock")}
    state = _state(newest, pipeline.stages_of(work, newest.id))
    return row | made | {"state": state, "signed_url": work.driver(FileUrls).sign(work, f"calls/{call.id}", MAIN)}


def _state(newest: Notes, stages: list[Stage]) -> str:
    if newest.state != "pending":
        return {"ready": "done"}.get(newest.state, newest.state)
    if all(stage.state in ("done", "skipped") for stage in stages if stage.name not in ("analyse", "publish")):
        return "analysing"
    return "transcribing" if any(stage.name == "transcribe" for stage in stages) else "received"
