"""A part that comes to the app itself, to an address that the app has signed.

Under uvicorn it has been received before Flask is asked (`app/serving/parts.py`), and `ARRIVED` in the request's
environment is what became of it; under any other server it is read here, and holds this request's thread.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import request

from app.core import errors
from app.core.objects.base import (
    CHUNK_BYTES,
    ObjectStore,
    PartInfo,
    PartReceiver,
    UploadNotFound,
    WrongPartSize,
)
from app.core.objects.part_urls import BadSignature, ExpiredUrl, PartUrls
from app.core.runtime import Runtime, Work
from app.uploads.service import store_errors

ARRIVED = "parley.part"  # a PartInfo, or the error that it came to


def check_address(runtime: Runtime, upload_id: str, number: int, query: Any) -> int:
    """Hold an address against its signature; the size that it is for.

    :raises UrlNotSigned: :raises UrlExpired:
    """
    try:
        size, expires, signature = int(query["size"]), int(query["expires"]), str(query["signature"])
        runtime.drivers[PartUrls].check(upload_id, number, size, expires, signature, runtime.clock.now())
    except (KeyError, ValueError, BadSignature):
        raise errors.UrlNotSigned() from None
    except ExpiredUrl:
        raise errors.UrlExpired() from None
    return size


def stored(work: Work, upload_id: str, number: int, size: int) -> PartInfo:
    """What became of the part that this request brings. Its address has been checked.

    :raises NotFound: the upload is over. :raises PartSizeMismatch: :raises StorageFull: :raises Unavailable:
    """
    arrived = request.environ.get(ARRIVED)
    if isinstance(arrived, BaseException):
        raise arrived
    if isinstance(arrived, PartInfo):
        return arrived
    told = request.content_length
    if told is not None and told != size:
        raise errors.PartSizeMismatch(f"The part has {size} bytes; {told} come.", number=number)
    request.max_content_length = size + 1  # a part has a limit of its own
    with part_errors():
        receiver = receiver_of(work.runtime).receive_part(upload_id, number, size)
        try:
            while chunk := request.stream.read(CHUNK_BYTES):
                receiver.write(chunk)
            return receiver.finish()
        finally:
            receiver.discard()


def receiver_of(runtime: Runtime) -> PartReceiver:
    """:raises NotFound: the store takes parts at addresses of its own."""
    store = runtime.drivers[ObjectStore]
    if not isinstance(store, PartReceiver):
        raise errors.NotFound("The store takes parts at its own addresses.")
    return store


@contextmanager
def part_errors() -> Iterator[None]:
    """A rung's errors as those of the API.

    :raises NotFound: :raises PartSizeMismatch: :raises StorageFull: :raises Unavailable:
    """
    with store_errors():
        try:
            yield
        except UploadNotFound:
            raise errors.NotFound("The upload is over, or was given up.") from None
        except WrongPartSize as error:
            raise errors.PartSizeMismatch(f"{error}.".capitalize()) from None
