"""The local rung: pocketsphinx, whose package brings a model of American English. It is small and quick, works without
any network, and mishears: six to twelve words in a hundred of clear synthetic speech, about 28 of what people read
aloud. So a transcript of it says how sure it is, and is lower-case text without stops.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from importlib.util import find_spec

from app.notes.shapes import Transcript, Word
from app.notes.transcribers.assembling import at_pauses, transcript
from app.notes.transcribers.base import (
    Sound,
    Speaker,
    TranscriberUnusable,
    TranscriptionFailed,
    TranscriptionRequest,
    UnsupportedLanguage,
)
from app.notes.transcribers.pronunciation import readings
from app.recordings.composing.process import Ended, asking

LANGUAGE = "en"
MODEL = "pocketsphinx-en-us"
_LISTENING = "app.notes.transcribers.listening"


class LocalTranscriber:
    """A Transcriber that knows English, and learns the names of those who were there."""

    name = "local"
    is_mock = False

    def transcribe(self, request: TranscriptionRequest) -> Transcript:
        if request.language and request.language.lower().split("-")[0] != LANGUAGE:
            raise UnsupportedLanguage(request.language)
        self.usable()
        names = _names(request.speakers)
        heard = [(sound, at_pauses(_words(sound, names))) for sound in request.sounds]
        return transcript(request, self.name, MODEL, LANGUAGE, heard)

    def price(self, seconds: float) -> float:
        """Nothing but this machine's time."""
        return 0.0

    def usable(self) -> None:
        if find_spec("pocketsphinx") is None:
            raise TranscriberUnusable("pocketsphinx is not installed")

    def close(self) -> None:
        """Nothing is held."""


def _names(speakers: Sequence[Speaker]) -> list[tuple[str, list[str]]]:
    """Each word of a name, in lower case, with the ways to say it."""
    words = {word.lower() for speaker in speakers for word in re.findall(r"[^\W\d_]{2,}", speaker.label)}
    return [(word, readings(word)) for word in sorted(words)]


def _words(sound: Sound, names: list[tuple[str, list[str]]]) -> Iterator[Word]:
    try:
        with asking(_LISTENING, {"path": str(sound.path.resolve()), "names": names}) as answers:
            for told in answers:
                if "done" in told:
                    return
                for text, start_s, end_s, confidence in told["words"]:
                    yield {"text": text, "start_s": start_s, "end_s": end_s, "confidence": confidence}
    except Ended as end:
        raise TranscriptionFailed(f"the process that listened has ended, with status {end.status}") from end
