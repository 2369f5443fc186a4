"""Files on their way into the object store, in parts that may be sent in any order, again, and after a break.

How it works: `create` asks the store for an object that comes in parts, and signs an address for each part. Clients
PUT the bytes there: to S3 itself, or on disk to `parts.py`; no transaction and no token is involved. What has arrived
only the store knows, so that nothing here can disagree with it. `complete` holds that against what was declared and
has a job put the parts together (`tasks.py`): it verifies size, SHA-256 and content, in constant memory and outside of
any transaction, before it says `complete`. Then a feature above takes the file.

A file that is still being made grows (`growing.py`): its size is told when it is finished.

For features that take files:

- `take(work, actor, upload_id, purpose) -> TakenFile` in the transaction that refers to it. From then on the object
  under `key` is that feature's, for as long as it wants.
- `release(work, upload_id)` when nothing refers to it any more: the object is deleted after the commit.

The store is called between two transactions, never within one (`Work.pause`).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from app.core import errors
from app.core.actor import Actor
from app.core.ids import new_id
from app.core.objects.base import (
    ObjectStore,
    PartInfo,
    StoreFull,
    StoreUnusable,
    UploadNotFound,
)
from app.core.pagination import paginate
from app.core.runtime import Work
from app.uploads import quota, states
from app.uploads.events import UploadChanged
from app.uploads.models import Upload
from app.uploads.purposes import BY_CLIENTS, PURPOSES, part_size
from app.uploads.schemas import URLS_AT_ONCE

FINISH = "uploads.finish"
DISCARD = "uploads.discard"
MISSING_TOLD = 100  # numbers of parts in a refusal


@dataclass(frozen=True)
class TakenFile:
    """A verified file. `media_type` is what is in it: yet serve what people sent as an attachment, or only
    pictures (not SVG), sound and film inline. `name` is as its sender typed it, without folders; `size` in bytes."""

    upload_id: str
    key: str
    size: int
    media_type: str
    name: str
    sha256: str


def take(work: Work, actor: Actor, upload_id: str, purpose: str) -> TakenFile:
    """Make a completed upload of the actor's the caller's own. An upload can be taken once.

    :raises NotFound: there is none, it is somebody else's, or it is for another purpose.
    :raises UploadStateConflict: it is not complete (yet), or it was taken already; with the extra `state`.
    """
    upload = _hold(work, upload_id)
    if upload is None or upload.user_id != actor.user_id or upload.purpose != purpose:
        raise errors.NotFound("There is no such upload of yours for this purpose.")
    if upload.state != "complete" or upload.sha256 is None or upload.size is None:
        raise errors.UploadStateConflict(f"The upload is {upload.state}.", state=upload.state)
    _become(upload, "taken")
    return TakenFile(upload.id, upload.object_key, upload.size, upload.media_type, upload.name, upload.sha256)


def release(work: Work, upload_id: str) -> None:
    """Nothing refers to a taken file any more: forget it, and delete its object once that is committed."""
    upload = _hold(work, upload_id)
    if upload is not None:
        _discard(work, upload)


# What a client does


def create(
    work: Work, actor: Actor, *, purpose: str, name: str, size: int, media_type: str, client_ref: str | None
) -> dict[str, Any]:
    """Begin an upload: `{upload, part_size, parts}`, the first parts' addresses signed.

    :raises PayloadTooLarge: with the extra `max_bytes`. :raises MediaTypeRefused: :raises TooManyUploads:
    :raises QuotaReached: :raises StorageFull: :raises Unavailable: the store.
    """
    rules = PURPOSES[purpose]
    if actor.is_guest and purpose != "chat_file":
        raise errors.Forbidden("Guests send files of the chat alone.")
    if actor.is_service and purpose != "recording_track":
        raise errors.Forbidden("A service sends tracks of recordings alone.")
    most = rules.largest(work.settings)
    if size > most:
        raise errors.PayloadTooLarge(f"A {purpose} has at most {most} bytes.", max_bytes=most)
    rules.check_media_type(media_type)
    if quota.is_booked(purpose):
        quota.check(work, actor.user_id, size)
    _check_room(work, actor, size)
    upload_id = new_id()
    upload = Upload(
        id=upload_id,
        user_id=actor.user_id,
        purpose=purpose,
        name=name,
        size=size,
        media_type=media_type,
        client_ref=client_ref,
        state="uploading",
        part_size=part_size(size, work.settings.upload_part_bytes),
        object_key=f"{rules.folder}/{upload_id}",
        created_at=work.now(),
        expires_at=work.now() + kept(work),
    )
    work.add(upload)
    return {
        "parts": _signed(work, upload, range(1, min(part_count(upload) or 0, URLS_AT_ONCE) + 1)),
        "part_size": upload.part_size,
        "upload": view(upload),
    }


def sign(work: Work, upload_id: str, numbers: Sequence[int], last_size: int | None = None) -> dict[str, Any]:
    """Addresses for these parts, and time to use them.

    :param last_size: of a file that grows: how many bytes the highest of `numbers` has, which is its last.
    :raises UploadStateConflict: it is not `uploading`. :raises ValidationFailed: it has no such part.
    """
    upload = get(work, upload_id)
    _check_uploading(upload)
    most = part_count(upload)
    if most is None:
        most = PURPOSES[upload.purpose].largest(work.settings) // upload.part_size
        if last_size is not None and last_size > upload.part_size:
            raise _wrong("last_size", f"A part has at most {upload.part_size} bytes.")
    elif last_size is not None:
        raise _wrong("last_size", "The upload's size is known, and with it that of the last part.")
    if max(numbers) > most:
        raise _wrong("numbers", f"The upload has {most} parts{' at most' if upload.size is None else ''}.")
    upload.expires_at = work.now() + kept(work)
    return {"parts": _signed(work, upload, dict.fromkeys(numbers), last_size)}


def _wrong(field: str, message: str) -> errors.ValidationFailed:
    return errors.ValidationFailed(errors=[{"location": "body", "field": field, "message": message}])


def complete(
    work: Work, upload_id: str, *, sha256: str, parts: Sequence[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """Have the parts put together and verified, in the background. Repeating it answers with the state as it is.

    :raises PartsMissing: with the extra `missing`. :raises PartSizeMismatch: :raises UploadStateConflict: another
        checksum was named before, or the upload has failed.
    """
    upload = get(work, upload_id)
    if upload.size is None:
        raise errors.UploadStateConflict("It grows: finish what it is of, which tells its size.", state=upload.state)
    if upload.state == "uploading":
        arrived = arrived_parts(work, upload)
        check_arrived(upload, upload.size, arrived, parts)
        upload = held(work, upload_id)
    if upload.state == "uploading":
        upload.sha256, upload.error_code, upload.error = sha256, None, None
        upload.expires_at = work.now() + kept(work)
        _become(upload, "completing")
        work.enqueue(FINISH, {"upload_id": upload.id})
    elif upload.state == "failed":
        raise errors.UploadStateConflict(upload.error, state="failed", reason=upload.error_code)
    elif upload.sha256 != sha256:
        raise errors.UploadStateConflict("Another checksum was named before.", state=upload.state)
    return view(upload)


def abort(work: Work, upload_id: str) -> None:
    """Forget an upload and what has arrived of it.

    :raises UploadStateConflict: it is taken: what refers to it decides.
    """
    upload = held(work, upload_id)
    if upload.state == "taken":
        raise errors.UploadStateConflict("The file is in use.", state="taken")
    _discard(work, upload)


def details(work: Work, upload_id: str) -> dict[str, Any]:
    """An upload with what has arrived of it."""
    upload = get(work, upload_id)
    arrived = arrived_parts(work, upload) if upload.state == "uploading" else []
    done = upload.size if upload.state in ("completing", "complete", "taken") else 0
    return view(upload) | {
        "arrived": [{"number": part.number, "size": part.size, "etag": part.etag} for part in arrived],
        "bytes_arrived": sum(part.size for part in arrived) or done,
    }


def list_mine(work: Work, actor: Actor, *, state: str | None, limit: int, cursor: str | None) -> dict[str, Any]:
    query = select(Upload).where(Upload.user_id == actor.user_id)
    if state is not None:
        query = query.where(Upload.state == state)
    return paginate(work, query, (Upload.id,), limit=limit, cursor=cursor, descending=True, show=view)


def get(work: Work, upload_id: str) -> Upload:
    upload = work.get(Upload, upload_id)
    if upload is None:
        raise errors.NotFound()
    return upload


def view(upload: Upload) -> dict[str, Any]:
    """An upload as `UploadOut` takes it."""
    error = {"code": upload.error_code, "detail": upload.error} if upload.error_code else None
    shown = {column.key: getattr(upload, column.key) for column in Upload.__table__.columns}
    return shown | {"part_count": part_count(upload), "error": error}


def part_count(upload: Upload) -> int | None:
    """None: it grows."""
    return None if upload.size is None else -(-upload.size // upload.part_size)


def _size_of_part(upload: Upload, size: int | None, number: int) -> int:
    return upload.part_size if size is None else min(upload.part_size, size - (number - 1) * upload.part_size)


def arrived_parts(work: Work, upload: Upload) -> Sequence[PartInfo]:
    """What the store has of it. The unit of work pauses for that."""
    if upload.store_id is None:
        return []
    work.pause()
    with store_errors():
        try:
            return work.driver(ObjectStore).parts(upload.object_key, upload.store_id)
        except UploadNotFound:
            return []


# What becomes of it


def finished(work: Work, upload_id: str, media_type: str) -> bool:
    """It is verified and stored. False: nobody wants it any more, so that whoever stored it takes it away."""
    upload = _hold(work, upload_id)
    if upload is None or upload.state in ("uploading", "failed"):
        return False
    if upload.state == "completing":
        _become(upload, "complete")
        upload.media_type = media_type
        upload.completed_at = work.now()
        upload.expires_at = work.now() + kept(work)
        work.emit(UploadChanged(upload.id, upload.user_id))
    return True


def turned_down(work: Work, upload_id: str, problem: errors.ParleyError, *, final: bool) -> None:
    """What was sent is not what was declared. Not `final`: the parts are kept, and some are to be sent again."""
    upload = _hold(work, upload_id)
    if upload is None or upload.state != "completing":
        return
    _become(upload, "failed" if final else "uploading")
    upload.error_code, upload.error = problem.code, problem.detail
    work.emit(UploadChanged(upload.id, upload.user_id))


def forget_expired(work: Work, upload_id: str) -> None:
    upload = _hold(work, upload_id)
    if upload is not None and upload.state != "taken" and upload.expires_at <= work.now():
        _discard(work, upload)


@contextmanager
def store_errors() -> Iterator[None]:
    """:raises StorageFull: :raises Unavailable: whatever the store's trouble is."""
    try:
        yield
    except StoreFull:
        raise errors.StorageFull() from None
    except StoreUnusable:
        raise errors.Unavailable("The store of files is not available.", headers={"Retry-After": "10"}) from None


def open_of(work: Work, user_id: str) -> tuple[int, int]:
    """How many uploads of a user are unfinished or unused, and their bytes."""
    theirs = select(func.count(), func.coalesce(func.sum(Upload.size), 0)).where(
        Upload.user_id == user_id, Upload.state.in_(states.OPEN), Upload.purpose.in_(BY_CLIENTS)
    )
    count, in_bytes = work.execute(theirs).one()
    return count, int(in_bytes or 0)


def _check_room(work: Work, actor: Actor, size: int) -> None:
    """What nobody refers to yet is bounded: it lies in the store all the same."""
    count, in_bytes = open_of(work, actor.user_id)
    settings = work.settings
    most, most_bytes = settings.uploads_open_max, settings.uploads_open_max_bytes
    if actor.is_service:
        most, most_bytes = settings.worker_uploads_open_max, settings.worker_uploads_open_max_bytes
    if count >= most or in_bytes + size > most_bytes:
        told = f"{most} uploads and {most_bytes} bytes"
        raise errors.TooManyUploads(f"At most {told} may be unfinished, or not used yet; finish or delete one.")


def _signed(work: Work, upload: Upload, numbers: Any, last_size: int | None = None) -> list[dict[str, Any]]:
    store = work.driver(ObjectStore)
    expires_at = work.now() + timedelta(minutes=work.settings.upload_url_min)
    if upload.store_id is None:
        work.pause()  # the row is there: should the store's answer be lost, a sweep finds it
        with store_errors():
            store_id = store.begin_upload(upload.object_key, upload.media_type, upload.id)
        upload = held(work, upload.id)
        upload.store_id = upload.store_id or store_id
    last = max(numbers, default=0) if last_size is not None else 0
    return [
        {
            "number": number,
            "size": (size := last_size if last_size and number == last else _size_of_part(upload, upload.size, number)),
            "url": store.part_url(upload.object_key, upload.store_id or "", number, size, expires_at),
            "expires_at": expires_at,
        }
        for number in numbers
    ]


def check_arrived(
    upload: Upload, size: int, arrived: Sequence[PartInfo], named: Sequence[dict[str, Any]] | None = None
) -> None:
    """Whether the parts that make up so many bytes are there.

    :raises PartsMissing: with the extra `missing`. :raises PartSizeMismatch:
    """
    by_number = {part.number: part for part in arrived}
    etags = {part["number"]: part["etag"].strip('"') for part in named} if named is not None else None
    count = -(-size // upload.part_size)
    wanted = range(1, count + 1)
    missing = [number for number in wanted if number not in by_number]
    if etags is not None:
        missing += [n for n in wanted if n in by_number and etags.get(n) != by_number[n].etag]
    if missing:
        raise errors.PartsMissing(
            f"{len(missing)} of {count} parts are missing, or are not those that you name.",
            missing=sorted(missing)[:MISSING_TOLD],
        )
    for number in wanted:
        came, expected = by_number[number].size, _size_of_part(upload, size, number)
        if came != expected:
            raise errors.PartSizeMismatch(f"Part {number} has {came} bytes instead of {expected}.", number=number)


def _check_uploading(upload: Upload) -> None:
    if upload.state != "uploading":
        raise errors.UploadStateConflict(f"The upload is {upload.state}.", state=upload.state)


def _hold(work: Work, upload_id: str) -> Upload | None:
    """The upload as it is now, its row locked until the commit."""
    return work.get(Upload, upload_id, populate_existing=True, with_for_update=True)


def held(work: Work, upload_id: str) -> Upload:
    """It as it is now, its row locked. :raises NotFound:"""
    upload = _hold(work, upload_id)
    if upload is None:
        raise errors.NotFound()
    return upload


def _discard(work: Work, upload: Upload) -> None:
    work.enqueue(DISCARD, {"key": upload.object_key, "store_id": upload.store_id})
    work.delete(upload)
    work.flush()


def _become(upload: Upload, state: str) -> None:
    if not states.may_become(upload.state, state):
        raise errors.UploadStateConflict(f"An upload that is {upload.state} can't become {state}.", state=upload.state)
    upload.state = state


def kept(work: Work) -> timedelta:
    """How long an upload waits to be gone on with."""
    return timedelta(hours=work.settings.upload_keep_h)
