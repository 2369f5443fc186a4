"""The rung with a model of Whisper on this machine, run by faster-whisper. That is an optional package, and the model a
folder that the operator has put there: nothing is ever downloaded.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from app.notes.shapes import Transcript, Word
from app.notes.transcribers.assembling import Heard, transcript, with_words
from app.notes.transcribers.base import (
    Sound,
    TranscriberUnusable,
    TranscriptionFailed,
    TranscriptionRequest,
    UnsupportedLanguage,
)
from app.notes.transcribers.chunking import Chunk, chunks_of
from app.notes.transcribers.whispered import hint, is_made_up, share

PACKAGE = "faster_whisper"
MODEL_FILE = "model.bin"  # of CTranslate2


class WhisperTranscriber:
    """A Transcriber. Its model is loaded with the first sound, and kept; one sound is listened to at a time."""

    name = "whisper"
    is_mock = False

    def __init__(self, folder: Path | None, device: str = "auto") -> None:
        self._folder = folder
        self._device = device
        self._one_at_a_time = Lock()
        self._model: Any = None

    def transcribe(self, request: TranscriptionRequest) -> Transcript:
        folder = self._usable()
        with self._one_at_a_time:
            model = self._loaded(folder)
            language = request.language.lower().split("-")[0] if request.language else None
            if language and language not in model.supported_languages:
                raise UnsupportedLanguage(request.language or language)
            languages: list[str] = []
            try:
                heard = [(sound, list(_listen(model, sound, request, language, languages))) for sound in request.sounds]
            except (RuntimeError, ValueError) as error:  # CTranslate2's: no memory, a model that is no such
                raise TranscriptionFailed(f"whisper failed: {error}") from error
        found = request.language or next(iter(languages), "und")  # RFC 5646 §4.1: undetermined
        return transcript(request, self.name, f"whisper-{folder.name}", found, heard)

    def price(self, seconds: float) -> float:
        """Nothing but this machine's time."""
        return 0.0

    def usable(self) -> None:
        self._usable()

    def close(self) -> None:
        self._model = None

    def _usable(self) -> Path:
        """The model's folder. A path that isn't there would be taken for a model's name, and downloaded."""
        if self._folder is None or not (self._folder / MODEL_FILE).is_file():
            raise TranscriberUnusable(f"TRANSCRIBER_MODEL must be a folder with a {MODEL_FILE} of CTranslate2")
        if find_spec(PACKAGE) is None:
            raise TranscriberUnusable("faster-whisper is not installed")
        return self._folder

    def _loaded(self, folder: Path) -> Any:
        if self._model is None:
            try:
                whisper = import_module(PACKAGE)
                self._model = whisper.WhisperModel(str(folder.resolve()), device=self._device, local_files_only=True)
            except (ImportError, OSError, RuntimeError, ValueError) as error:
                raise TranscriberUnusable(f"the model can't be loaded: {error}") from error
        return self._model


def _listen(
    model: Any, sound: Sound, request: TranscriptionRequest, language: str | None, languages: list[str]
) -> Iterator[Heard]:
    for chunk in chunks_of(sound.path):
        segments, info = model.transcribe(
            chunk.samples.astype(np.float32) / 32768,
            language=language,
            word_timestamps=True,
            vad_filter=True,
            initial_prompt=hint(request) or None,
            condition_on_previous_text=False,  # with it, what is misheard once is repeated
        )
        languages.append(info.language)
        for segment in segments:
            if not is_made_up(segment.no_speech_prob, segment.avg_logprob):
                yield _heard(segment, chunk)


def _heard(segment: Any, chunk: Chunk) -> Heard:
    words: list[Word] = [
        {
            "text": word.word.strip(),
            "start_s": chunk.start_s + word.start,
            "end_s": chunk.start_s + word.end,
            "confidence": word.probability,
        }
        for word in segment.words or ()
    ]
    start_s, end_s = chunk.start_s + segment.start, chunk.start_s + segment.end
    return Heard(segment.text, start_s, end_s, share(segment.avg_logprob), with_words(segment.text, words))
