"""Requests for an inbox as the bridge reads them: the form that clients send; whatever else is for Flask to judge."""

import json
import re
from hashlib import blake2b
from typing import NamedTuple

from app.serving.flask_calls import Scope
from app.serving.heads import Heads, read_heads

_SECONDS = re.compile(rb"\d{1,3}(\.\d{1,6})?")
_LONGEST_SEQ = 18  # digits; a longer number may be past what a database holds
_LONGEST_ACK = 200  # bytes of a body


class PollRequest(NamedTuple):
    """`key` names the device: who asks, from which origin, for which inbox. None: what the client left out."""

    key: bytes
    request_id: str | None
    after: int | None
    ack: int | None
    limit: int
    wait_s: float | None


class AckRequest(NamedTuple):
    key: bytes
    request_id: str | None
    up_to: int


def read_poll(scope: Scope) -> PollRequest | None:
    """None: not in the usual form."""
    heads = read_heads(scope)
    if heads is None or heads.content_length:
        return None
    values: dict[bytes, bytes] = {}
    query: bytes = scope["query_string"]
    for part in query.split(b"&") if query else ():
        name, _, value = part.partition(b"=")
        if name in values:
            return None
        values[name] = value
    participant_id = values.pop(b"participant_id", b"")
    wait = values.pop(b"wait", None)
    if wait is not None and not _SECONDS.fullmatch(wait):
        return None
    numbers: dict[bytes, int] = {}
    for name, value in values.items():
        if name not in (b"after", b"ack", b"limit") or not value.isdigit() or len(value) > _LONGEST_SEQ:
            return None
        numbers[name] = int(value)
    limit = numbers.get(b"limit", 50)
    if not 1 <= limit <= 200:
        return None
    return PollRequest(
        _key(heads, participant_id),
        heads.request_id,
        numbers.get(b"after"),
        numbers.get(b"ack"),
        limit,
        None if wait is None else float(wait),
    )


def read_heads_of_ack(scope: Scope) -> Heads | None:
    """None: not in the usual form, whatever the body says."""
    heads = read_heads(scope)
    if heads is None or heads.content_type != b"application/json" or scope["query_string"]:
        return None
    return heads if 0 < heads.content_length <= _LONGEST_ACK else None


def read_ack(heads: Heads, body: bytes) -> AckRequest | None:
    """None: not in the usual form."""
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if type(asked) is not dict or not asked.keys() <= {"participant_id", "up_to"}:
        return None
    participant_id, up_to = asked.get("participant_id") or "", asked.get("up_to")
    if type(participant_id) is not str or type(up_to) is not int or up_to < 0:
        return None
    return AckRequest(_key(heads, participant_id.encode(errors="replace")), heads.request_id, up_to)


def _key(heads: Heads, participant_id: bytes) -> bytes:
    """A digest: so that no token lies about in memory."""
    return blake2b(b"\0".join((heads.authorization, heads.origin, participant_id)), digest_size=16).digest()
