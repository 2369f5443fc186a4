"""Small files that come whole within a request, and not in parts: afterwards they are uploads like every other."""

import os
from typing import BinaryIO

from app.core.actor import Actor
from app.core.ids import new_id
from app.core.objects.base import ObjectStore
from app.core.runtime import Work
from app.uploads import quota, service
from app.uploads.media_types import HEAD_BYTES, judged
from app.uploads.models import Upload
from app.uploads.purposes import PURPOSES


def receive(work: Work, actor: Actor, file: BinaryIO, *, purpose: str, name: str, media_type: str) -> str:
    """The id of the upload, which is complete. The unit of work pauses while the file is stored.

    :raises MediaTypeRefused: :raises QuotaReached: :raises StorageFull: :raises Unavailable: the store.
    """
    rules = PURPOSES[purpose]
    media_type = judged(file.read(HEAD_BYTES), media_type)
    rules.check_media_type(media_type)
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if quota.is_booked(purpose):
        quota.check(work, actor.user_id, size)
    upload_id = new_id()
    key = f"{rules.folder}/{upload_id}"
    upload = Upload(
        id=upload_id,
        user_id=actor.user_id,
        purpose=purpose,
        name=name,
        size=size,
        media_type=media_type,
        state="uploading",
        part_size=max(size, 1),
        object_key=key,
        created_at=work.now(),
        expires_at=work.now() + service.kept(work),
    )
    work.add(upload)
    work.pause()  # the row is there: should all end now, a sweep finds what was stored
    with service.store_errors():
        info = work.driver(ObjectStore).put_file(key, file, media_type)
    upload = service.held(work, upload_id)
    upload.sha256, upload.state, upload.completed_at = info.sha256, "complete", work.now()
    work.flush()
    return upload_id
