"""The rung with a model of Whisper. The package and a model are too large for a test, so a module stands in for
faster_whisper that has what its documentation says of `WhisperModel`, `Segment`, `Word` and `TranscriptionInfo`. What
is tested is what Parley asks of it and makes of its answers, not how well it hears.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from app.notes.transcribers import whisper
from app.notes.transcribers.base import (
    Sound,
    Speaker,
    Transcriber,
    TranscriberUnusable,
    TranscriptionFailed,
    TranscriptionRequest,
    UnsupportedLanguage,
)
from app.notes.transcribers.whisper import WhisperTranscriber
from tests.drivers.transcribers_suite import TranscriberSuite
from tests.support.spoken import RATE, write

ANNA = Speaker("p1", "Anna", "t1")


@dataclass
class Word:
    start: float
    end: float
    word: str
    probability: float


@dataclass
class Segment:
    start: float
    end: float
    text: str
    avg_logprob: float = -0.2
    no_speech_prob: float = 0.01
    words: list[Word] | None = None


@dataclass
class Info:
    language: str


@dataclass
class StandIn:
    """What was loaded and asked, and what is answered."""

    loaded: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    asked: list[tuple[Any, dict[str, Any]]] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    broken: str = ""


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    told = StandIn()

    class WhisperModel:
        def __init__(self, model_size_or_path: str, **options: Any) -> None:
            if told.broken:
                raise RuntimeError(told.broken)
            told.loaded.append((model_size_or_path, options))

        @property
        def supported_languages(self) -> list[str]:
            return ["en", "de"]

        def transcribe(self, audio: Any, **options: Any) -> tuple[Iterator[Segment], Info]:
            told.asked.append((audio, options))
            return iter(told.segments), Info(options["language"] or "de")

    module = ModuleType("faster_whisper")
    module.WhisperModel = WhisperModel  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "faster_whisper", module)
    monkeypatch.setattr(whisper, "find_spec", lambda name: name)
    words = [Word(0.5, 0.9, " Hello,", 0.9), Word(1.0, 1.5, " Bob.", 0.7)]
    told.segments = [Segment(0.5, 1.5, " Hello, Bob.", words=words)]
    return told


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "small.en").mkdir()
    (tmp_path / "small.en" / "model.bin").write_bytes(b"weights")
    return tmp_path / "small.en"


@pytest.fixture
def request_(tmp_path: Path) -> TranscriptionRequest:
    hum = (3000 * np.sin(np.arange(4 * RATE) / 10)).astype(np.int16)
    path = write(tmp_path / "a.wav", [(30.5, hum)], 36)
    return TranscriptionRequest("m1", "Call", [ANNA], "en-GB", 36, [Sound(path, ANNA, "track")])


class TestWhisperTranscriber(TranscriberSuite):
    @pytest.fixture
    def transcriber(self, stand_in: StandIn, folder: Path) -> Transcriber:
        return WhisperTranscriber(folder)

    @pytest.fixture
    def request_(self, request_: TranscriptionRequest) -> TranscriptionRequest:
        return request_


def test_words_and_segments_have_their_times_in_the_recording(
    stand_in: StandIn, folder: Path, request_: TranscriptionRequest
) -> None:
    made = WhisperTranscriber(folder).transcribe(request_)
    [segment] = made["segments"]
    assert (segment["text"], segment["start_s"], segment["end_s"]) == ("Hello, Bob.", 29.5, 30.5)
    assert [(w["text"], w["start_s"], w["confidence"]) for w in segment["words"]] == [
        ("Hello,", 29.5, 0.9),
        ("Bob.", 30.0, 0.7),
    ]
    assert (made["model"], made["language"]) == ("whisper-small.en", "en-GB")


def test_the_model_is_the_folder_loaded_once_and_nothing_is_fetched(
    stand_in: StandIn, folder: Path, request_: TranscriptionRequest
) -> None:
    transcriber = WhisperTranscriber(folder)
    for _ in range(2):
        transcriber.transcribe(request_)
    assert stand_in.loaded == [(str(folder), {"device": "auto", "local_files_only": True})]
    audio, options = stand_in.asked[0]
    assert (audio.dtype, len(audio)) == (np.float32, 7 * RATE)
    assert np.abs(audio).max() <= 1
    assert (options["language"], options["word_timestamps"], options["initial_prompt"]) == ("en", True, "Anna")


@pytest.mark.parametrize("path", ["small", "/nowhere/small.en", ""])
def test_a_folder_that_is_not_there_is_never_taken_for_a_name(
    stand_in: StandIn, request_: TranscriptionRequest, path: str
) -> None:
    for attempt in (WhisperTranscriber(Path(path)).usable, lambda: WhisperTranscriber(Path(path)).transcribe(request_)):
        with pytest.raises(TranscriberUnusable, match="must be a folder"):
            attempt()
    with pytest.raises(TranscriberUnusable, match="must be a folder"):
        WhisperTranscriber(None).usable()
    assert stand_in.loaded == []


def test_without_the_package_it_is_unusable(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whisper, "find_spec", lambda name: None)
    with pytest.raises(TranscriberUnusable, match="faster-whisper is not installed"):
        WhisperTranscriber(folder).usable()


def test_a_model_that_can_not_be_loaded_makes_it_unusable(
    stand_in: StandIn, folder: Path, request_: TranscriptionRequest
) -> None:
    stand_in.broken = "Unsupported model binary version"
    with pytest.raises(TranscriberUnusable, match="Unsupported model binary version"):
        WhisperTranscriber(folder).transcribe(request_)


def test_what_goes_wrong_while_it_listens_is_a_failure(
    stand_in: StandIn, folder: Path, request_: TranscriptionRequest
) -> None:
    class Failing:
        supported_languages = ("en",)

        def transcribe(self, *_: Any, **__: Any) -> Any:
            raise RuntimeError("out of memory")

    transcriber = WhisperTranscriber(folder)
    transcriber._model = Failing()
    with pytest.raises(TranscriptionFailed, match="out of memory"):
        transcriber.transcribe(request_)


def test_a_language_that_the_model_does_not_know_is_refused(
    stand_in: StandIn, folder: Path, request_: TranscriptionRequest
) -> None:
    with pytest.raises(UnsupportedLanguage, match="fr-CA"):
        WhisperTranscriber(folder).transcribe(replace(request_, language="fr-CA"))
    assert WhisperTranscriber(folder).transcribe(replace(request_, language=None))["language"] == "de"
