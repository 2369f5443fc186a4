"""Notes as files, for whoever reads the object store: transcript.json, transcript.vtt, analysis.json."""

import io
import json
from typing import Any

from app.core.objects.base import ObjectStore
from app.notes.models import Notes


def publish(store: ObjectStore, folder: str, notes: Notes) -> dict[str, str]:
    """Keys by what they are of. Doing it again replaces them."""
    files: dict[str, tuple[bytes, str]] = {}
    if notes.transcript is not None:
        files["transcript.json"] = (_json(notes.transcript), "application/json")
    if notes.analysis is not None:
        files["analysis.json"] = (_json(notes.analysis), "application/json")
    return {name: store.put_file(f"{folder}{name}", io.BytesIO(data), kind).key for name, (data, kind) in files.items()}


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1).encode()
