"""A stored file as an HTTP answer: whole or a range of it (RFC 9110 §14), in constant memory; never shown as a page."""

from dataclasses import dataclass
from typing import Any

from flask import Response, request
from werkzeug.wsgi import FileWrapper

from app.core import errors
from app.core.file_names import disposition
from app.core.flask_app import work
from app.core.objects.base import CHUNK_BYTES, ObjectNotFound, ObjectStore, StoreUnusable
from app.core.ranges import ByteRange, asked_range

# No example of Range: the explorer would fill it in, and the file that it downloads would be cut.
RANGE = [
    {"name": "Range", "in": "header", "schema": {"type": "string"}, "description": "Such as `bytes=0-1023`."},
    {"name": "If-Range", "in": "header", "schema": {"type": "string"}},
]
FILE = {"type": "string", "format": "binary"}
ELSEWHERE = "Files are in S3: read it at `Location`, without your token, until that expires"
FILE_HEADERS = {
    "ETag": {"description": "The file's SHA-256, for `If-Range`.", "schema": {"type": "string"}},
    "Accept-Ranges": {"schema": {"type": "string", "example": "bytes"}},
    "Content-Disposition": {"schema": {"type": "string"}},
}
PART: dict[str, Any] = {
    "description": "The range that `Range` asks for",
    "headers": {**FILE_HEADERS, "Content-Range": {"schema": {"type": "string"}}},
    "success": True,
}


@dataclass(frozen=True)
class Download:
    """A file in the object store. `sha256` in hex, `size` in bytes, `name` as people are to see it."""

    key: str
    content_type: str
    size: int
    sha256: str
    name: str

    @property
    def etag(self) -> str:
        return f'"{self.sha256}"'


def answer(store: ObjectStore, file: Download) -> Response:
    """What the request asks for of `file`, in the order of RFC 9110 §13.2.2.

    Where the store has signed addresses, it is sent from there: a GET is answered by the way to one.

    :raises VersionMismatch: `If-Match` names another file. :raises RangeNotSatisfiable:
    :raises NotFound: it is lost. :raises Unavailable: the store can't be read.
    """
    headers = {"ETag": file.etag, "Accept-Ranges": "bytes"}
    if request.if_match and not request.if_match.contains(file.sha256):
        raise errors.VersionMismatch("The file is not the one that you have a part of.")
    if request.if_none_match.contains_weak(file.sha256):
        return Response(status=304, headers=headers)
    part = _asked_part(file)
    headers["Content-Disposition"] = named = disposition(file.name)
    headers["Content-Security-Policy"] = "sandbox; default-src 'none'"  # whoever opens it all the same runs nothing
    if request.method == "GET":
        url_s = int(work().settings.download_url_min * 60)
        url = store.download_url(file.key, content_type=file.content_type, disposition=named, expires_in_s=url_s)
        if url is not None:
            return Response(status=302, headers={"Location": url})
    headers["Content-Length"] = str(part.length if part else file.size)
    if part:
        headers["Content-Range"] = part.content_range
    try:
        # HEAD too: it answers as GET would, where the file is lost as well.
        stream = store.open(file.key, part.start, part.length) if part else store.open(file.key)
    except ObjectNotFound:
        raise errors.NotFound("The file is no longer in the store.") from None
    except StoreUnusable:
        raise errors.Unavailable("The store of files cannot be read.") from None
    return Response(
        FileWrapper(stream, CHUNK_BYTES),
        206 if part else 200,
        headers,
        content_type=file.content_type,
        direct_passthrough=True,
    )


def _asked_part(file: Download) -> ByteRange | None:
    if request.method != "GET":  # §14.2: a range means nothing to any other method
        return None
    condition = request.headers.get("If-Range")
    if condition is not None and condition.strip() != file.etag:  # strong comparison; a date is none of ours (§13.1.5)
        return None
    return asked_range(request.headers.get("Range"), file.size)
