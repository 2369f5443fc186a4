"""A transcript made of what was heard, whatever heard it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from app.notes.shapes import Segment, Transcript, Word, quality_of
from app.notes.transcribers.base import Sound, Speaker, TranscriptionRequest, distinct

# Who pauses for longer begins anew: about where a writer would set a stop.
PAUSE_S = 0.35


@dataclass(frozen=True)
class Heard:
    """Something said at one go; without `words` where nothing is known of single ones."""

    text: str
    start_s: float
    end_s: float
    confidence: float | None
    words: Sequence[Word] = ()


def at_pauses(words: Iterable[Word]) -> Iterator[Heard]:
    """Words, in order, taken together up to the next pause."""
    together: list[Word] = []
    for word in words:
        if together and word["start_s"] - together[-1]["end_s"] > PAUSE_S:
            yield _said(together)
            together = []
        together.append(word)
    if together:
        yield _said(together)


def with_words(text: str, heard: Sequence[Word]) -> list[Word]:
    """The words of a text as it writes them, with the times of those that were heard: providers tell words without
    stops, or divide them otherwise. Nothing if text and words don't have the same letters.
    """
    letters = [(letter, word) for word in heard for letter in _letters(word["text"])]
    written = [(token, _letters(token)) for token in text.split()]
    if [letter for letter, _ in letters] != [letter for _, its in written for letter in its]:
        return []
    words: list[Word] = []
    at = 0
    for token, its in written:
        if its:
            first, last = letters[at][1], letters[at + len(its) - 1][1]
            spoken: Word = {**first, "text": token, "end_s": last["end_s"]}
            words.append(spoken)
            at += len(its)
        elif words:  # a dash between two words
            words[-1]["text"] += f" {token}"
        else:
            return []
    return words


def transcript(
    request: TranscriptionRequest,
    provider: str,
    model: str,
    language: str,
    heard: Iterable[tuple[Sound, Iterable[Heard]]],
) -> Transcript:
    """All that was heard, in order, within the recording, under the speakers' labels."""
    speakers = distinct(request.speakers)
    segments = [
        segment
        for sound, said in heard
        for one in said
        if (segment := _segment(sound, _labelled(sound.speaker, speakers), one, request.duration_s))
    ]
    segments.sort(key=lambda segment: segment["start_s"])
    for number, segment in enumerate(segments, start=1):
        segment["id"] = f"s{number}"
    return {
        "version": 1,
        "language": language,
        "provider": provider,
        "model": model,
        "quality": quality_of(segments, provider),
        "segments": segments,
    }


def _said(words: list[Word]) -> Heard:
    known = [word["confidence"] for word in words if word["confidence"] is not None]
    confidence = sum(known) / len(known) if known else None
    text = " ".join(word["text"] for word in words)
    return Heard(text, words[0]["start_s"], words[-1]["end_s"], confidence, words)


def _labelled(speaker: Speaker, speakers: Sequence[Speaker]) -> Speaker:
    """As the request names them; a sound may be of somebody who is not among them."""
    same = [one for one in speakers if one.id == speaker.id]
    return next((one for one in same if one.track_id == speaker.track_id), same[0] if same else speaker)


def _segment(sound: Sound, speaker: Speaker, heard: Heard, duration_s: float | None) -> Segment | None:
    """None: nothing of it lies within the recording."""
    until_s = math.inf if duration_s is None else math.floor(duration_s * 1000) / 1000
    text = " ".join(heard.text.split())
    start_s, end_s = _within(heard.start_s, 0.0, until_s), _within(heard.end_s, 0.0, until_s)
    if not text or start_s >= end_s:
        return None
    words: list[Word] = []
    at = start_s
    for word in heard.words:
        begun = _within(word["start_s"], at, end_s)
        at = _within(word["end_s"], begun, end_s)
        words.append({**word, "start_s": begun, "end_s": at, "confidence": _share(word["confidence"])})
    return {
        "id": "",
        "track_id": sound.speaker.track_id,
        "speaker": {"id": speaker.id, "label": speaker.label, "source": sound.source},
        "start_s": start_s,
        "end_s": end_s,
        "text": text,
        "confidence": _share(heard.confidence),
        "words": words,
    }


def _within(time_s: float, least: float, most: float) -> float:
    return min(max(round(time_s, 3), least), most)


def _share(confidence: float | None) -> float | None:
    return None if confidence is None else round(min(max(confidence, 0.0), 1.0), 2)


def _letters(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())
