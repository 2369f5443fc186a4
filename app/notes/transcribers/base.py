"""What a transcriber promises, whichever rung is below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from app.notes.shapes import SpeakerSource, Transcript


@dataclass(frozen=True)
class Speaker:
    """Somebody who was in the meeting, under the name that they went by; `track_id` is of what they were
    recorded on.
    """

    id: str
    label: str
    track_id: str | None = None


@dataclass(frozen=True)
class Sound:
    """What one person said, or all that was said where nobody told them apart.

    `path` is a WAV of 16 kHz, mono, 16 bits, whose zero is the start of the recording; what nobody said or
    nobody recorded is silence in it. `source` says how `speaker` is known.
    """

    path: Path
    speaker: Speaker
    source: SpeakerSource


@dataclass(frozen=True)
class TranscriptionRequest:
    """What is to be transcribed.

    `speakers` in the order of joining; `language` a BCP 47 tag, None if it isn't known; `duration_s` how long
    the recording is, None if there is none; `sounds` what is listened to: a transcriber that isn't mocked
    needs one at least.
    """

    meeting_id: str
    title: str
    speakers: Sequence[Speaker]
    language: str | None = None
    duration_s: float | None = None
    sounds: Sequence[Sound] = ()


class TranscriberError(Exception):
    """The base of everything that a transcriber raises on purpose."""


class TranscriptionFailed(TranscriberError):
    """No transcript could be made this time; asking again may help."""


class UnsupportedLanguage(TranscriberError):
    """The transcriber doesn't know the language; asking again won't help."""

    def __init__(self, language: str) -> None:
        super().__init__(f"the transcriber doesn't know the language {language!r}")
        self.language = language


class TranscriberUnusable(TranscriberError):
    """The transcriber can't work here at all: a library or its model is missing, its server doesn't
    answer.
    """


class Transcriber(Protocol):
    """Safe to share between threads.

    `name` is the provider that its transcripts tell; `is_mock` is True where they aren't what was said.
    """

    name: str
    is_mock: bool

    def transcribe(self, request: TranscriptionRequest) -> Transcript:
        """The transcript of a meeting, with segments in the order of their starts, from 0 to `duration_s` at
        most.

        Speakers have the ids of the request and the labels of `distinct`. Nobody spoke: no segments.
        `language` of the transcript is what its text is in. Raises TranscriptionFailed, UnsupportedLanguage,
        TranscriberUnusable.
        """

    def price(self, seconds: float) -> float | None:
        """What transcribing a sound of so many seconds costs, in USD; None: nobody has said."""

    def usable(self) -> None:
        """Return if a transcript could be made now, else raise TranscriberUnusable."""

    def close(self) -> None:
        """Let go of what the transcriber holds. May be called twice; the transcriber isn't used
        afterwards.
        """


def distinct(speakers: Sequence[Speaker]) -> list[Speaker]:
    """The same speakers with labels that nobody shares, on one line and not empty: two Annas are `Anna` and
    `Anna (2)`. Readers, and claims about who does what, know people by their labels.
    """
    taken: set[str] = set()
    named: list[Speaker] = []
    for place, speaker in enumerate(speakers, start=1):
        name = " ".join(speaker.label.split()) or f"Participant {place}"
        label, number = name, 2
        while label in taken:
            label, number = f"{name} ({number})", number + 1
        taken.add(label)
        named.append(replace(speaker, label=label))
    return named
