"""A transcript as clients ask for it: JSON, captions, or text."""

from collections.abc import Callable
from typing import Any, cast

from flask import Response, request

from app.core.api import etag
from app.notes import captions
from app.notes.models import Notes
from app.notes.shapes import Transcript

JSON = "application/json"
WRITERS: dict[str, tuple[str, Callable[[Transcript], str]]] = {
    "vtt": ("text/vtt", captions.webvtt),
    "srt": ("application/x-subrip", captions.srt),
    "txt": ("text/plain", captions.text),
}
FORMATS = ("json", *WRITERS)
# What an operation's document says besides.
ALSO = {200: {"content": {kind: {"schema": {"type": "string"}} for kind, _ in WRITERS.values()}}}


def answer(notes: Notes, transcript: Transcript, format: str | None) -> Any:
    """By `format`, else by what the request accepts."""
    tag = etag(notes.transcript_revision)
    asked = format or _accepted()
    if asked not in WRITERS:
        return cast(dict[str, Any], transcript), 200, tag
    kind, write = WRITERS[asked]
    return Response(write(transcript), content_type=f"{kind}; charset=utf-8", headers=tag)


def _accepted() -> str:
    kinds = {kind: format for format, (kind, _) in WRITERS.items()}
    best = request.accept_mimetypes.best_match([JSON, *kinds], default=JSON)
    return kinds.get(best, "json")
