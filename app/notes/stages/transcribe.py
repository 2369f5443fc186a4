"""What was said on one track; or, canned, in all of a meeting."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import structlog
from sqlalchemy import select
from sqlalchemy.orm import undefer

from app.core.objects.base import CHUNK_BYTES, StoreUnusable
from app.core.runtime import Work
from app.notes import pipeline, spending
from app.notes.models import Notes, Stage
from app.notes.providers import transcriber_of
from app.notes.shapes import SpeakerSource, Transcript
from app.notes.sounds.shapes import SoundFailed, Turn
from app.notes.sounds.turns import turns_in
from app.notes.sources import Part
from app.notes.stages.run import Run, Skipped, part_in
from app.notes.told_apart import told_apart
from app.notes.transcribers.base import Sound, Speaker, Transcriber, TranscriptionRequest

log = structlog.get_logger()


@dataclass(frozen=True)
class Made:
    transcript: Transcript
    cost_usd: float | None


def make(run: Run) -> Made:
    with run.runtime.reading() as work:
        transcriber = transcriber_of(work, run.notes)
        sound = None if transcriber.is_mock else _sound_of(work, run.stage)
    if sound is None:
        return Made(transcriber.transcribe(_request(run, run.subject.lasted_s)), 0.0)
    part = part_in(run.stage)
    if part.speaker.id not in {one.id for one in run.speakers}:
        raise Skipped("Transcription was switched off for this track.")
    return _heard(run, transcriber, part, sound)


def keep(work: Work, notes: Notes, stage: Stage, made: Made) -> None:
    transcript = made.transcript
    pipeline.complete(
        work,
        notes,
        stage,
        result=cast(dict[str, Any], transcript),
        provider=transcript["provider"],
        model=transcript["model"][:100],
        cost_usd=made.cost_usd,
    )


def _heard(run: Run, transcriber: Transcriber, part: Part, sound: dict[str, Any]) -> Made:
    path = _fetch(run, sound)
    heard = Sound(path, Speaker(**sound["speaker"]), cast(SpeakerSource, sound["source"]))
    lasts_s = part.lasts_s or sound["lasts_s"]
    with spending.paid(run, transcriber.name, transcriber.price(sound["lasts_s"]), sound["lasts_s"]) as bill:
        transcript = transcriber.transcribe(_request(run, lasts_s, heard))
        bill.model = transcript["model"]
    if heard.source == "unknown":
        transcript = told_apart(transcript, _turns(run, path))
    return Made(transcript, bill.cost_usd)


def _turns(run: Run, path: Path) -> Sequence[Turn]:
    """None where nobody is to be told apart, or can't be: a transcript without it is as good."""
    if run.runtime.settings.transcriber_voices_max < 2:
        return []
    try:
        return turns_in(path, run.runtime.settings.transcriber_voices_max)
    except SoundFailed as error:
        log.warning("voices were not told apart", notes_id=run.notes.id, error=str(error))
        return []


def _request(run: Run, lasts_s: float | None, *sounds: Sound) -> TranscriptionRequest:
    return TranscriptionRequest(
        meeting_id=run.subject.id,
        title=run.subject.title,
        speakers=run.speakers,
        language=run.notes.language,
        duration_s=lasts_s,
        sounds=sounds,
    )


def _sound_of(work: Work, stage: Stage) -> dict[str, Any]:
    query = select(Stage).where(
        Stage.notes_id == stage.notes_id, Stage.name == "normalise", Stage.part == stage.part, Stage.state == "done"
    )
    normalised = work.scalars(query.options(undefer(Stage.result))).first()
    if normalised is None or normalised.result is None:
        raise Skipped("There is no sound of this track.")
    return normalised.result


def _fetch(run: Run, sound: dict[str, Any]) -> Path:
    """:raises StoreUnusable: it is not what was stored. :raises ObjectNotFound:"""
    path, digest = run.spool / "sound.wav", hashlib.sha256()
    with run.store.open(sound["key"]) as stream, path.open("wb") as file:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
            file.write(chunk)
    if digest.hexdigest() != sound["sha256"]:
        raise StoreUnusable(f"{sound['key']} is not the file that was stored")
    return path
