from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import select

from app.core import errors
from app.core.objects.base import (
    ObjectInfo,
    ObjectNotFound,
    ObjectStore,
    PartsRefused,
    UploadNotFound,
)
from app.core.runtime import Runtime
from app.uploads import service
from app.uploads.media_types import HEAD_BYTES, judged
from app.uploads.models import Upload
from app.uploads.purposes import PURPOSES

log = structlog.get_logger()

SWEEP = "uploads.sweep"
SWEEP_EVERY_S = 300.0
SWEPT_AT_ONCE = 200
# Of what the store has and no row knows: twice the time in which every row has used or lost its own.
ORPHANED_AFTER = 2


def finish(runtime: Runtime, payload: dict[str, Any]) -> None:
    """Put an upload's parts together, and verify what that is. In constant memory; no transaction is open meanwhile."""
    upload_id = payload["upload_id"]
    with runtime.reading() as work:
        upload = work.get(Upload, upload_id)
    if upload is None or upload.state != "completing" or upload.store_id is None:
        return
    store: ObjectStore = runtime.drivers[ObjectStore]
    try:
        info = _put_together(store, upload, upload.store_id)
        media_type = _verified(store, upload, info)
    except errors.PartsMissing as problem:
        with runtime.writing() as work:
            service.turned_down(work, upload_id, problem, final=False)
        return
    except errors.ParleyError as problem:
        log.info("upload failed", upload_id=upload_id, code=problem.code)
        store.delete(upload.object_key)
        with runtime.writing() as work:
            service.turned_down(work, upload_id, problem, final=True)
        return
    with runtime.writing() as work:
        wanted = service.finished(work, upload_id, media_type)
    if not wanted:
        store.delete(upload.object_key)


def _put_together(store: ObjectStore, upload: Upload, store_id: str) -> ObjectInfo:
    """:raises PartsMissing: one of them is not there any more, or not as it was."""
    try:
        parts = store.parts(upload.object_key, store_id)
        if sum(part.size for part in parts) != upload.size:
            raise errors.PartsMissing("Not every part is there.", missing=[])
        return store.finish_upload(upload.object_key, store_id, parts)
    except PartsRefused as refusal:
        raise errors.PartsMissing(f"The store refuses the parts: {refusal}.", missing=[]) from None
    except UploadNotFound:
        try:
            return store.stat(upload.object_key)  # an earlier run was killed after it had done so
        except ObjectNotFound:
            raise errors.UploadLost() from None


def _verified(store: ObjectStore, upload: Upload, info: ObjectInfo) -> str:
    """The media type. :raises ChecksumMismatch: :raises MediaTypeRefused:"""
    if (info.size, info.sha256) != (upload.size, upload.sha256):
        raise errors.ChecksumMismatch(f"What has arrived has the SHA-256 {info.sha256}.")
    with store.open(upload.object_key, 0, HEAD_BYTES) as stream:
        media_type = judged(stream.read(), upload.media_type)
    PURPOSES[upload.purpose].check_media_type(media_type)
    return media_type


def discard(runtime: Runtime, payload: dict[str, Any]) -> None:
    """Delete an upload's parts, and the object that was made of them."""
    store: ObjectStore = runtime.drivers[ObjectStore]
    if payload["store_id"] is not None:
        store.abort_upload(payload["key"], payload["store_id"])
    store.delete(payload["key"])


def sweep(runtime: Runtime, _payload: dict[str, Any]) -> None:
    """Forget uploads that were abandoned, and complete ones that nobody has taken, with all that is stored of them."""
    with runtime.reading() as work:
        now = work.now()
        over = select(Upload.id).where(Upload.state != "taken", Upload.expires_at <= now).limit(SWEPT_AT_ONCE)
        expired = work.scalars(over).all()
        kept = timedelta(hours=work.settings.upload_keep_h)
    for upload_id in expired:
        with runtime.writing() as work:
            service.forget_expired(work, upload_id)
    store: ObjectStore = runtime.drivers[ObjectStore]
    store.sweep_uploads(now - ORPHANED_AFTER * kept)
