"""Recordings of a meeting without media, and a transcriber that hears in them what a test says was said."""

from __future__ import annotations

import hashlib
import io
import threading
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from app.core.ids import new_id
from app.core.objects.base import ObjectStore
from app.core.runtime import Runtime
from app.notes.shapes import Segment, Transcript, quality_of
from app.notes.sources import Part, Prepared
from app.notes.transcribers.base import TranscriptionFailed, TranscriptionRequest
from app.recordings.models import Recording, RecordingTrack
from tests.support.people import Call

LASTS_S = 60.0


def record(
    runtime: Runtime, call: Call, *participant_ids: str, after_s: float = 0.0, **fields: Any
) -> tuple[str, list[str]]:
    """A recording that a media worker made of so many microphones: its id, and those of its tracks' files."""
    store: ObjectStore = runtime.drivers[ObjectStore]
    meeting_id = call.meeting["id"]
    with runtime.writing() as work:
        began = datetime.fromisoformat(call.meeting["started_at"]) + timedelta(seconds=after_s)
        recording = Recording(
            id=new_id(),
            meeting_id=meeting_id,
            started_by=call.owner.user_id,
            mode="composite",
            participants=[],
            started_at=began,
            ended_at=began + timedelta(seconds=LASTS_S),
            created_at=began,
            **({"state": "ready", "driver": "worker"} | fields),
        )
        work.add(recording)
        work.flush()
        tracks = []
        for participant_id in participant_ids:
            track_id, content = new_id(), f"{participant_id} at {after_s}".encode()
            key = f"recordings/{meeting_id}/{recording.id}/tracks/{track_id}.webm"
            store.put_file(key, io.BytesIO(content), "audio/webm")
            tracks.append(track_id)
            work.add(
                RecordingTrack(
                    id=track_id,
                    recording_id=recording.id,
                    participant_id=participant_id,
                    origin="server",
                    track_id=new_id(),
                    epoch=1,
                    kind="audio",
                    source="microphone",
                    codec="opus",
                    content_type="audio/webm",
                    state="uploaded",
                    started_at=began,
                    stats={},
                    gaps=[],
                    mutes=[],
                    bytes=len(content),
                    sha256=hashlib.sha256(content).hexdigest(),
                    file_path=key,
                    created_at=began,
                )
            )
    return recording.id, tracks


def quick_sound(_source: object, _runtime: Runtime, part: Part, folder: Path) -> Prepared:
    """Instead of decoding: a second of silence."""
    path = folder / f"{part.id}.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16_000)
        sound.writeframes(bytes(32_000))
    return Prepared(path, part.speaker, part.source)


@dataclass
class Ears:
    """A Transcriber. `said` is what it hears of whom, and when; `asked` whom it has listened to."""

    said: dict[str, list[tuple[float, str]]] = field(default_factory=dict)
    usd_a_minute: float | None = 0.006
    failures: Iterator[Exception] = field(default_factory=lambda: iter(()))
    asked: list[str] = field(default_factory=list)
    before: Callable[[], None] = lambda: None
    name = "ears"
    is_mock = False

    def __post_init__(self) -> None:
        self._lock = threading.Lock()

    def transcribe(self, request: TranscriptionRequest) -> Transcript:
        (sound,) = request.sounds
        with sound.path.open("rb") as file:
            assert file.read(4) == b"RIFF"
        with self._lock:
            self.asked.append(sound.speaker.label)
        self.before()
        for failure in self.failures:
            raise failure
        segments = [self._segment(sound, n, at, text) for n, (at, text) in enumerate(self.said[sound.speaker.label], 1)]
        return {
            "version": 1,
            "language": request.language or "en",
            "provider": self.name,
            "model": "ears-1",
            "quality": quality_of(segments, self.name),
            "segments": segments,
        }

    def _segment(self, sound: Any, number: int, at: float, text: str) -> Segment:
        each = 2.0 / len(text.split())
        words = [
            {"text": word, "start_s": at + n * each, "end_s": at + (n + 1) * each, "confidence": 0.9}
            for n, word in enumerate(text.split())
        ]
        speaker = {"id": sound.speaker.id, "label": sound.speaker.label, "source": sound.source}
        segment: Any = {
            "id": f"s{number}",
            "track_id": sound.speaker.track_id,
            "speaker": speaker,
            "start_s": at,
            "end_s": at + 2.0,
            "text": text,
            "confidence": 0.9,
            "words": words,
        }
        return segment  # type: ignore[no-any-return]

    def price(self, seconds: float) -> float | None:
        return None if self.usd_a_minute is None else self.usd_a_minute * seconds / 60

    def usable(self) -> None:
        """Always."""

    def close(self) -> None:
        """Nothing is held."""


def fails(times: int) -> Iterator[Exception]:
    return iter([TranscriptionFailed("no luck at http://10.0.0.7")] * times)
