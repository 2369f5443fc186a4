"""Uploads of files that are still being made, as a recording is while it runs: nobody knows their size yet.

A feature begins one (its purpose is `is_begun_by_feature`). Its parts are signed and sent like any others, all of
`part_size`; only the last one may be shorter, which is said when it is signed. `finish` tells the size: from then on it
is an upload like every other.
"""

from typing import Any

from app.core import errors
from app.core.actor import Actor
from app.core.ids import new_id
from app.core.runtime import Work
from app.uploads import service
from app.uploads.models import Upload
from app.uploads.purposes import PURPOSES, part_size


def begin(work: Work, actor: Actor, *, purpose: str, name: str, media_type: str) -> Upload:
    """:raises MediaTypeRefused:"""
    rules = PURPOSES[purpose]
    rules.check_media_type(media_type)
    upload_id = new_id()
    upload = Upload(
        id=upload_id,
        user_id=actor.user_id,
        purpose=purpose,
        name=name,
        size=None,
        media_type=media_type,
        state="uploading",
        part_size=part_size(rules.largest(work.settings), work.settings.upload_part_bytes),
        object_key=f"{rules.folder}/{upload_id}",
        created_at=work.now(),
        expires_at=work.now() + service.kept(work),
    )
    work.add(upload)
    return upload


def finish(work: Work, upload_id: str, *, size: int, sha256: str) -> dict[str, Any]:
    """Say how large it became, and have it put together and verified; see `service.complete`.

    :raises PayloadTooLarge: with the extra `max_bytes`. :raises PartsMissing: :raises PartSizeMismatch:
    :raises UploadStateConflict: another size was told before, or as of `complete`.
    """
    upload = service.get(work, upload_id)
    most = PURPOSES[upload.purpose].largest(work.settings)
    if size > most:
        raise errors.PayloadTooLarge(f"A {upload.purpose} has at most {most} bytes.", max_bytes=most)
    if upload.size is None and upload.state == "uploading":
        arrived = service.arrived_parts(work, upload)
        upload = service.held(work, upload_id)
        if upload.size is None:
            service.check_arrived(upload, size, arrived)
            if sum(part.size for part in arrived) != size:
                raise errors.PartSizeMismatch(f"More has arrived than {size} bytes.", number=len(arrived))
            upload.size = size
    if upload.size != size:
        raise errors.UploadStateConflict(f"Its size is {upload.size}, as was told before.", state=upload.state)
    return service.complete(work, upload_id, sha256=sha256)
