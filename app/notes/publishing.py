"""Notes as files, for whoever reads the object store: transcript.json, transcript.vtt, analysis.json."""

import io
import json
from typing import Any, cast

from app.core.objects.base import ObjectStore
from app.core.runtime import Runtime
from app.notes import captions, pipeline
from app.notes.models import Notes
from app.notes.shapes import Transcript


def publish(store: ObjectStore, folder: str, notes: Notes) -> dict[str, str]:
    """Keys by what they are of. Doing it again replaces them."""
    files: dict[str, tuple[bytes, str]] = {}
    if notes.transcript is not None:
        files["transcript.json"] = (_json(notes.transcript), "application/json")
        vtt = captions.webvtt(cast(Transcript, notes.transcript))
        files["transcript.vtt"] = (vtt.encode(), "text/vtt")
    if notes.analysis is not None:
        files["analysis.json"] = (_json(notes.analysis), "application/json")
    return {name: store.put_file(f"{folder}{name}", io.BytesIO(data), kind).key for name, (data, kind) in files.items()}


def republish(runtime: Runtime, payload: dict[str, Any]) -> None:
    """They were corrected."""
    with runtime.reading() as work:
        notes = work.get(Notes, payload["notes_id"])
        if notes is None or notes.state == "pending":  # they are published in the end
            return
        folder = pipeline.source_of(work, notes).folder_of(pipeline.subject_of(notes))
    publish(runtime.drivers[ObjectStore], f"{folder}{notes.id}/", notes)


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1).encode()
