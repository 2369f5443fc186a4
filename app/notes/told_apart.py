"""A transcript of a sound with several people on it, once it is known who spoke when: experimental."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from app.notes.shapes import Segment, SegmentSpeaker, Transcript, Word, quality_of
from app.notes.sounds.shapes import Turn

# A single word that short, amid another's, is given to them: its borders are not as exact.
SHORTEST_S = 0.4


def told_apart(transcript: Transcript, turns: Sequence[Turn]) -> Transcript:
    """The same words, of `Speaker 1` and `Speaker 2`, whoever spoke then. With one voice it stays as it is."""
    if len({turn.voice for turn in turns}) < 2:
        return transcript
    segments = [part for segment in transcript["segments"] for part in _parts(segment, turns)]
    for number, segment in enumerate(segments, start=1):
        segment["id"] = f"s{number}"
    return {**transcript, "segments": segments, "quality": quality_of(segments, transcript["provider"])}


def _parts(segment: Segment, turns: Sequence[Turn]) -> Iterator[Segment]:
    """Where the speaker changes within it, it is cut."""
    words = segment["words"]
    voices = _smoothed(words, [_voice_at(turns, word["start_s"], word["end_s"]) for word in words])
    if len(set(voices)) < 2:
        voice = voices[0] if voices else _voice_at(turns, segment["start_s"], segment["end_s"])
        yield {**segment, "speaker": _speaker(voice)}
        return
    for voice, pairs in groupby(zip(voices, words, strict=True), key=lambda pair: pair[0]):
        said = [word for _, word in pairs]
        known = [word["confidence"] for word in said if word["confidence"] is not None]
        yield {
            **segment,
            "speaker": _speaker(voice),
            "start_s": said[0]["start_s"],
            "end_s": said[-1]["end_s"],
            "text": " ".join(word["text"] for word in said),
            "confidence": round(sum(known) / len(known), 2) if known else segment["confidence"],
            "words": said,
        }


def _smoothed(words: Sequence[Word], voices: list[int]) -> list[int]:
    for place, word in enumerate(words):
        beside = voices[max(0, place - 1) : place] + voices[place + 1 : place + 2]
        if beside and voices[place] not in beside and word["end_s"] - word["start_s"] < SHORTEST_S:
            voices[place] = beside[0]
    return voices


def _voice_at(turns: Sequence[Turn], start_s: float, end_s: float) -> int:
    """Whose turn it mostly is; between turns, whose is nearest."""
    return max(turns, key=lambda turn: min(end_s, turn.end_s) - max(start_s, turn.start_s)).voice


def _speaker(voice: int) -> SegmentSpeaker:
    return {"id": f"voice-{voice}", "label": f"Speaker {voice}", "source": "diarized"}
