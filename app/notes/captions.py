"""A transcript as captions and as text, for players, editors and people.

Names and text come from people and from recognisers: in WebVTT they are escaped, and nothing in any format can end a
caption before its time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from app.notes.shapes import Segment, Transcript, Word, transcript_text

# Two lines of 42 characters, and what can be read in the time: what most rules for subtitles agree on.
LONGEST_LINE = 42
LONGEST_TEXT = 2 * LONGEST_LINE
LONGEST_S = 7.0
SHORTEST_S = 0.001  # a cue that ends when it begins is none


@dataclass(frozen=True)
class Cue:
    start_s: float
    end_s: float
    speaker: str
    text: str


def cues_of(transcript: Transcript) -> list[Cue]:
    """Captions in the order of their starts; segments that are too long for one are parted between words."""
    return [cue for segment in transcript["segments"] for cue in _parted(segment)]


def webvtt(transcript: Transcript) -> str:
    """WebVTT (W3C), with the speaker of each caption as its voice."""
    blocks = ["WEBVTT"]
    for number, cue in enumerate(cues_of(transcript), start=1):
        times = f"{_time(cue.start_s, '.')} --> {_time(cue.end_s, '.')}"
        lines = "\n".join(escape(line, quote=False) for line in _lines(cue.text))
        blocks.append(f"{number}\n{times}\n<v {escape(_voice(cue.speaker), quote=False)}>{lines}</v>")
    return "\n\n".join(blocks) + "\n"


def srt(transcript: Transcript) -> str:
    """SubRip, with the speaker's name where another one begins to speak."""
    blocks: list[str] = []
    before = ""
    for number, cue in enumerate(cues_of(transcript), start=1):
        named = cue.text if cue.speaker == before else f"{cue.speaker}: {cue.text}"
        before = cue.speaker
        times = f"{_time(cue.start_s, ',')} --> {_time(cue.end_s, ',')}"
        # It knows no escapes, and players take tags for tags.
        lines = "\n".join(line.replace("<", "‹").replace(">", "›") for line in _lines(named))
        blocks.append(f"{number}\n{times}\n{lines}")
    return "\n\n".join(blocks) + "\n" if blocks else ""


def text(transcript: Transcript) -> str:
    """A line each, `Anna: Good morning.`"""
    lines = transcript_text(transcript)
    return f"{lines}\n" if lines else ""


def _parted(segment: Segment) -> Iterator[Cue]:
    speaker = " ".join(segment["speaker"]["label"].split())
    gathered: list[Word] = []
    for word in segment["words"] or _guessed(segment):
        whole = " ".join(one["text"] for one in [*gathered, word])
        if gathered and (len(whole) > LONGEST_TEXT or word["end_s"] - gathered[0]["start_s"] > LONGEST_S):
            yield _cue(speaker, gathered)
            gathered = []
        gathered.append(word)
    if gathered:
        yield _cue(speaker, gathered)


def _cue(speaker: str, words: list[Word]) -> Cue:
    start_s, end_s = words[0]["start_s"], words[-1]["end_s"]
    joined = " ".join(" ".join(word["text"] for word in words).split())
    return Cue(start_s, max(end_s, start_s + SHORTEST_S), speaker, joined)


def _guessed(segment: Segment) -> list[Word]:
    """Words of a segment of which single ones are not known, as if each letter took as long as the others."""
    tokens = segment["text"].split()
    letters = sum(len(token) for token in tokens)
    words: list[Word] = []
    at = segment["start_s"]
    for token in tokens:
        end_s = at + (segment["end_s"] - segment["start_s"]) * len(token) / letters
        words.append({"text": token, "start_s": at, "end_s": end_s, "confidence": None})
        at = end_s
    return words


def _lines(cue: str) -> list[str]:
    """One line, or two that are about as long as each other."""
    if len(cue) <= LONGEST_LINE:
        return [cue]
    spaces = [at for at, letter in enumerate(cue) if letter == " "]
    if not spaces:
        return [cue]
    middle = min(spaces, key=lambda at: abs(at - len(cue) / 2))
    return [cue[:middle], cue[middle + 1 :]]


def _voice(name: str) -> str:
    """What ends a voice's tag can't be escaped in it by all players."""
    return name.replace(">", "›").replace("<", "‹") or "?"


def _time(seconds: float, mark: str) -> str:
    ms = round(seconds * 1000)
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}{mark}{ms % 1000:03}"
