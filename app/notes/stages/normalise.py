"""One track as a sound that transcribers take. It lies in the store until it was listened to: that may be another
machine's work.
"""

import hashlib
import wave
from dataclasses import asdict
from typing import Any

from app.core.objects.base import StoreUnusable
from app.core.runtime import Work
from app.notes import pipeline
from app.notes.models import Notes, Stage
from app.notes.sources import NothingHere, Unreadable
from app.notes.stages.run import Run, Skipped, part_in


def make(run: Run) -> dict[str, Any]:
    part = part_in(run.stage)
    if part.speaker.id not in {one.id for one in run.speakers}:
        raise Skipped("Transcription was switched off for this track.")
    try:
        prepared = run.source.prepare(run.runtime, part, run.spool)
    except NothingHere as error:
        raise Skipped(str(error)) from error
    except Unreadable as error:
        raise Skipped(f"The track can't be read: {error}") from error
    path = prepared.path
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    with wave.open(str(path)) as sound:
        lasts_s = sound.getnframes() / sound.getframerate()
    with run.runtime.reading() as work:
        key = f"{pipeline.sounds_of(work, run.notes, run.stage)}{run.stage.attempts}.wav"
    info = run.store.put_file(key, path, "audio/wav")
    if info.sha256 != sha256:
        raise StoreUnusable(f"{info.key} is not the file that was put")
    heard = {"speaker": asdict(prepared.speaker), "source": prepared.source}
    return {"key": info.key, "sha256": sha256, "bytes": info.size, "lasts_s": round(lasts_s, 3), **heard}


def keep(work: Work, notes: Notes, stage: Stage, made: dict[str, Any]) -> None:
    pipeline.complete(work, notes, stage, result=made)
