"""The rung that asks a server with OpenAI's /audio/transcriptions, of which there are many: most run Whisper.

What such a server leaves out is not made up. Words are taken where it tells them and they are those of the text; else
segments have none; where it tells no segments either, each piece that it was sent is one.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx

from app.notes.model_server import ModelServer, ServerFailed, ServerUnusable, refused
from app.notes.shapes import Transcript, Word
from app.notes.transcribers.assembling import Heard, at_pauses, transcript, with_words
from app.notes.transcribers.base import Sound, TranscriberUnusable, TranscriptionFailed, TranscriptionRequest
from app.notes.transcribers.chunking import Chunk, chunks_of
from app.notes.transcribers.whispered import hint, is_made_up, language_tag, share

ANSWER_S = 600.0  # for a piece of ten minutes
_DETAILED = {"response_format": "verbose_json", "timestamp_granularities[]": ["word", "segment"]}
_PLAIN = {"response_format": "json"}  # all that some models have


class OpenAiTranscriber:
    """A Transcriber; it is told what people said."""

    name = "openai"
    is_mock = False

    def __init__(
        self,
        url: str,
        key: str | None,
        model: str,
        usd_per_minute: float | None = None,
        *,
        answer_s: float = ANSWER_S,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._server = ModelServer(url, key, answer_s=answer_s, sleep=sleep)
        self._model = model
        self._usd_per_minute = usd_per_minute
        self._is_plain = False  # once it has refused to say more

    def transcribe(self, request: TranscriptionRequest) -> Transcript:
        languages: list[str] = []
        try:
            heard = [(sound, list(self._listen(request, sound, languages))) for sound in request.sounds]
        except ServerFailed as error:
            raise TranscriptionFailed(str(error)) from error
        except ServerUnusable as error:
            raise TranscriberUnusable(str(error)) from error
        language = request.language or next(iter(languages), "und")  # RFC 5646 §4.1: undetermined
        return transcript(request, self.name, self._model, language, heard)

    def price(self, seconds: float) -> float | None:
        """For the whole time, as if none of it were silent: at most."""
        return None if self._usd_per_minute is None else self._usd_per_minute * seconds / 60

    def usable(self) -> None:
        try:
            self._server.check()
        except ServerUnusable as error:
            raise TranscriberUnusable(str(error)) from error

    def close(self) -> None:
        self._server.close()

    def _listen(self, request: TranscriptionRequest, sound: Sound, languages: list[str]) -> Iterator[Heard]:
        for chunk in chunks_of(sound.path):
            body = self._ask(request, chunk)
            if tag := language_tag(body.get("language")):
                languages.append(tag)
            yield from _heard(body, chunk)

    def _ask(self, request: TranscriptionRequest, chunk: Chunk) -> dict[str, Any]:
        data: dict[str, Any] = {"model": self._model}
        if request.language:
            data["language"] = request.language.lower().split("-")[0]
        if names := hint(request):
            data["prompt"] = names
        files = {"file": ("sound.wav", chunk.as_wav(), "audio/wav")}
        if not self._is_plain:
            response = self._server.post("audio/transcriptions", data=data | _DETAILED, files=files)
            if response.status_code not in (400, 415, 422):
                return _said(response)
        plain = _said(self._server.post("audio/transcriptions", data=data | _PLAIN, files=files))
        self._is_plain = True  # without the details it went
        return plain


def _said(response: httpx.Response) -> dict[str, Any]:
    if not response.is_success:
        raise refused(response)
    body = response.json()
    if not isinstance(body, dict) or not isinstance(body.get("text"), str):
        raise TranscriptionFailed("the model's server answered in another shape than OpenAI's")
    return body


def _heard(body: dict[str, Any], chunk: Chunk) -> Iterator[Heard]:
    told = _words(body.get("words"), chunk)
    segments = [one for one in _dicts(body.get("segments")) if isinstance(one.get("text"), str) and _times(one, chunk)]
    if segments:
        for one in segments:
            start_s, end_s = _times(one, chunk) or (0.0, 0.0)
            if is_made_up(one.get("no_speech_prob"), one.get("avg_logprob")):
                continue
            # Words are told in the segment by some servers, by most beside it.
            words = _words(one.get("words"), chunk) or [
                word for word in told if start_s <= (word["start_s"] + word["end_s"]) / 2 <= end_s
            ]
            confidence = share(one.get("avg_logprob"))
            yield Heard(one["text"], start_s, end_s, confidence, with_words(one["text"], words))
    elif words := with_words(body["text"], told):
        yield from at_pauses(words)
    elif body["text"].strip():
        yield Heard(body["text"], chunk.start_s, chunk.end_s, None)


def _words(told: Any, chunk: Chunk) -> list[Word]:
    words: list[Word] = []
    for one in _dicts(told):
        text, times = one.get("word"), _times(one, chunk)
        if isinstance(text, str) and text.strip() and times:
            probability = one.get("probability")
            confidence = probability if isinstance(probability, float) and 0 <= probability <= 1 else None
            words.append({"text": text.strip(), "start_s": times[0], "end_s": times[1], "confidence": confidence})
    return words


def _dicts(told: Any) -> list[dict[str, Any]]:
    return [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []


def _times(one: dict[str, Any], chunk: Chunk) -> tuple[float, float] | None:
    """From and until, in the recording; None if they are none."""
    start, end = one.get("start"), one.get("end")
    for time_s in (start, end):
        if not isinstance(time_s, int | float) or isinstance(time_s, bool) or not math.isfinite(time_s):
            return None
    assert start is not None  # noqa: S101 – as has been looked at
    assert end is not None  # noqa: S101
    return chunk.start_s + start, chunk.start_s + max(start, end)
