"""How Whisper tells things, whoever runs it."""

from __future__ import annotations

import math
import re
from typing import Any

from app.notes.transcribers.base import TranscriptionRequest

# Whisper's own rule for what it made up in silence.
_NO_SPEECH, _UNSURE = 0.6, -1.0
# It knows languages by English names; those that it is best at.
_TAGS = {
    "arabic": "ar",
    "catalan": "ca",
    "chinese": "zh",
    "croatian": "hr",
    "czech": "cs",
    "danish": "da",
    "dutch": "nl",
    "english": "en",
    "finnish": "fi",
    "french": "fr",
    "german": "de",
    "greek": "el",
    "hebrew": "he",
    "hindi": "hi",
    "hungarian": "hu",
    "indonesian": "id",
    "italian": "it",
    "japanese": "ja",
    "korean": "ko",
    "norwegian": "no",
    "polish": "pl",
    "portuguese": "pt",
    "romanian": "ro",
    "russian": "ru",
    "slovak": "sk",
    "spanish": "es",
    "swedish": "sv",
    "thai": "th",
    "turkish": "tr",
    "ukrainian": "uk",
    "vietnamese": "vi",
}
LONGEST_HINT = 400  # characters; Whisper reads the last 224 tokens of a prompt


def hint(request: TranscriptionRequest) -> str:
    """Names that may be said, so that they are spelled as they are."""
    names = list(dict.fromkeys(" ".join(speaker.label.split()) for speaker in request.speakers))
    return ", ".join(name for name in names if name)[:LONGEST_HINT]


def language_tag(told: Any) -> str | None:
    """A BCP 47 tag of `en` or `english`; None if it isn't known."""
    if not isinstance(told, str):
        return None
    return told.lower() if re.fullmatch("[A-Za-z]{2,3}", told) else _TAGS.get(told.lower())


def share(log_probability: Any) -> float | None:
    """How sure it is, from 0 to 1."""
    return min(1.0, math.exp(log_probability)) if _is_number(log_probability) else None


def is_made_up(no_speech: Any, log_probability: Any) -> bool:
    if not (_is_number(no_speech) and _is_number(log_probability)):
        return False
    return bool(no_speech > _NO_SPEECH and log_probability < _UNSURE)


def _is_number(told: Any) -> bool:
    return isinstance(told, int | float) and not isinstance(told, bool) and math.isfinite(told)
