"""The fields of a request that Flask need not see, where they are as clients send them."""

import re
from typing import NamedTuple

from app.serving.flask_calls import Scope

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
# These make a request one that Flask has to look at.
_UNUSUAL = frozenset({b"transfer-encoding", b"expect", b"idempotency-key", b"content-encoding"})


class Heads(NamedTuple):
    authorization: bytes
    origin: bytes
    request_id: str | None
    content_type: bytes
    content_length: int


def read_heads(scope: Scope) -> Heads | None:
    """None: not in the usual form."""
    authorization = origin = content_type = b""
    request_id: str | None = None
    content_length = 0
    for name, value in scope["headers"]:
        if name == b"authorization":
            if authorization:
                return None
            authorization = value
        elif name == b"origin":
            origin = value
        elif name == b"x-request-id":
            if not _REQUEST_ID.fullmatch(value):
                return None
            request_id = value.decode()
        elif name == b"content-type":
            content_type = value
        elif name == b"content-length":
            if not value.isdigit():
                return None
            content_length = int(value)
        elif name in _UNUSUAL:
            return None
    if not authorization:
        return None
    return Heads(authorization, origin, request_id, content_type, content_length)
