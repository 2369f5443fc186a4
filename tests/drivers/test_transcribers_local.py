"""What pocketsphinx makes of speech. The voices are flite's: clear, of one pitch, and the same in every run."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from app.notes.shapes import Transcript
from app.notes.transcribers import local
from app.notes.transcribers.base import (
    Sound,
    Speaker,
    Transcriber,
    TranscriberUnusable,
    TranscriptionFailed,
    TranscriptionRequest,
    UnsupportedLanguage,
)
from app.notes.transcribers.local import LocalTranscriber
from tests.drivers.transcribers_suite import TranscriberSuite
from tests.support import spoken

ANNA, ROB = Speaker("p1", "Anna", "t1"), Speaker("p2", "Rob", "t2")


@pytest.fixture(autouse=True)
def _flite() -> None:
    spoken.require()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spoken")


def transcribe(path: Path, language: str | None = None, *speakers: Speaker) -> Transcript:
    known = list(speakers or (ROB,))
    sounds = [Sound(path, known[0], "track")]
    return LocalTranscriber().transcribe(TranscriptionRequest("m1", "Call", known, language, 60, sounds))


def text_of(transcript: Transcript) -> str:
    return " | ".join(segment["text"] for segment in transcript["segments"])


class TestLocalTranscriber(TranscriberSuite):
    @pytest.fixture(autouse=True)
    def _speech(self, folder: Path) -> None:
        self.path = spoken.write(folder / "suite.wav", [(1.0, spoken.said("Good morning everybody."))], 3)

    def make_transcriber(self) -> Transcriber:
        return LocalTranscriber()

    def make_request(self) -> TranscriptionRequest:
        sounds = [Sound(self.path, ROB, "track")]
        return TranscriptionRequest("m1", "Weekly call", [ANNA, ROB], "en", 3, sounds)

    _made: Transcript | None = None

    @pytest.fixture
    def transcript(self, transcriber: Transcriber, request_: TranscriptionRequest) -> Transcript:
        """Made once for all tests."""
        if TestLocalTranscriber._made is None:
            TestLocalTranscriber._made = transcriber.transcribe(request_)
        return TestLocalTranscriber._made


def test_words_are_found_at_the_time_at_which_they_are_said(folder: Path) -> None:
    piece = spoken.said("Good morning everybody.")
    path = spoken.write(folder / "times.wav", [(2.0, piece), (14.0, piece)], 20)
    first, second = transcribe(path)["segments"]
    assert first["text"] == second["text"] == "good morning everybody"
    loud = np.flatnonzero(np.abs(piece) > 500) / spoken.RATE
    for segment, at in ((first, 2.0), (second, 14.0)):
        assert segment["start_s"] == pytest.approx(at + loud[0], abs=0.15)
        assert segment["end_s"] == pytest.approx(at + loud[-1], abs=0.15)
        assert len(segment["words"]) == 3


def test_who_pauses_begins_a_new_segment(folder: Path) -> None:
    piece = spoken.said("Good morning everybody.")
    lasts_s = len(piece) / spoken.RATE
    path = spoken.write(folder / "pause.wav", [(0.5, piece), (0.5 + lasts_s + 0.4, piece)], 7)
    one, other = transcribe(path)["segments"]
    assert one["text"] == other["text"] == "good morning everybody"
    assert one["confidence"] == pytest.approx(sum(w["confidence"] or 0 for w in one["words"]) / 3, abs=0.01)


def test_names_of_those_who_are_there_are_understood(folder: Path) -> None:
    text = "Thank you Priyanka. Can you send the report to us today? Priyanka will also call the customer."
    path = spoken.write(folder / "names.wav", [(0.5, spoken.said(text))], 8)
    assert "priyanka" not in text_of(transcribe(path))
    there = transcribe(path, None, ROB, Speaker("p3", "Priyanka O'Connor-Łukasz 田中"))
    assert "priyanka will also call the customer" in text_of(there)
    assert there["segments"][0]["speaker"]["label"] == "Rob"


@pytest.mark.parametrize("language", ["en", "en-GB", "EN-us"])
def test_english_of_any_country_is_tried(folder: Path, language: str) -> None:
    path = spoken.write(folder / "english.wav", [(0.5, spoken.said("Good morning."))], 2)
    assert transcribe(path, language)["language"] == "en"


@pytest.mark.parametrize("language", ["de", "fr-CA", "enm"])
def test_other_languages_are_refused_and_not_guessed_at(folder: Path, language: str) -> None:
    with pytest.raises(UnsupportedLanguage, match=language):
        transcribe(folder / "never_opened.wav", language)


def test_silence_has_no_segments_and_is_a_draft(folder: Path) -> None:
    transcript = transcribe(spoken.write(folder / "silence.wav", [], 30))
    assert transcript["segments"] == []
    assert transcript["quality"] == {"mean_confidence": None, "grade": "draft"}


def test_a_file_that_is_no_such_wav_is_a_failure(folder: Path) -> None:
    (folder / "broken.wav").write_bytes(b"no sound")
    with pytest.raises(TranscriptionFailed, match="ended, with status 1"):
        transcribe(folder / "broken.wav")


def test_without_pocketsphinx_it_is_unusable(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(local, "find_spec", lambda name: None)
    with pytest.raises(TranscriberUnusable, match="pocketsphinx is not installed"):
        LocalTranscriber().usable()
    with pytest.raises(TranscriberUnusable):
        transcribe(folder / "never_opened.wav")


@pytest.mark.slow
def test_who_speaks_without_end_is_cut_into_pieces_that_lose_no_word(folder: Path) -> None:
    sentence = spoken.said("We sold twelve percent more than last year but the costs are also higher")
    loud = np.flatnonzero(np.abs(sentence) > 300)
    without_pause = sentence[loud[0] : loud[-1]]
    times = [0.5 + number * len(without_pause) / spoken.RATE for number in range(7)]
    path = spoken.write(folder / "endless.wav", [(at, without_pause) for at in times], times[-1] + 6)
    heard = " ".join(segment["text"] for segment in transcribe(path)["segments"]).split()
    expected = spoken.words_of("We sold twelve percent more than last year but the costs are also higher") * 7
    assert spoken.word_errors(expected, heard) < len(expected) * 0.25


@pytest.mark.slow
@pytest.mark.parametrize("voice", ["rms", "slt", "awb"])
def test_the_grade_tells_a_clean_microphone_from_a_telephone(folder: Path, voice: str) -> None:
    speech = [spoken.said(text, voice) for _, text in spoken.SCRIPT[3:9]]
    expected = [word for _, text in spoken.SCRIPT[3:9] for word in spoken.words_of(text)]
    wrong, graded = [], []
    for heard in (speech, [spoken.over_the_telephone(one) for one in speech]):
        path = spoken.write(folder / "line.wav", [(6.0 * n, one) for n, one in enumerate(heard)], 36)
        transcript = transcribe(path)
        wrong.append(spoken.word_errors(expected, text_of(transcript).replace("|", " ").split()) / len(expected))
        graded.append(transcript["quality"]["grade"])
    assert wrong[0] < 0.25 < 0.3 < wrong[1]
    assert graded[0] in ("fair", "good")
    assert graded[1] == "draft"


@pytest.mark.slow
def test_a_dialogue_is_understood_well_enough_to_be_of_use(folder: Path) -> None:
    lines, paths, lasts_s = spoken.dialogue(folder)
    speakers = [ANNA, ROB]
    sounds = [Sound(paths[speaker.label], speaker, "track") for speaker in speakers]
    request = TranscriptionRequest("m1", "Call", speakers, "en", lasts_s, sounds)
    segments = LocalTranscriber().transcribe(request)["segments"]
    expected = [word for line in lines for word in spoken.words_of(line.text)]
    heard = [word for segment in segments for word in segment["text"].split()]
    assert 1 - spoken.word_errors(expected, heard) / len(expected) > 0.75
    for segment in segments:
        middle_s = (segment["start_s"] + segment["end_s"]) / 2
        [line] = [line for line in lines if line.start_s <= middle_s <= line.end_s]
        assert segment["speaker"]["label"] == line.speaker
        assert line.start_s - 0.3 <= segment["start_s"]
        assert segment["end_s"] <= line.end_s + 0.3
    for one, other in pairwise(segments):
        assert one["start_s"] <= other["start_s"]
