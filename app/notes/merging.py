"""One transcript of many: of each track its own, put in order by when things were said."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.notes.shapes import Segment, Transcript, Word, quality_of
from app.notes.transcribers.base import Speaker, distinct


@dataclass(frozen=True)
class Piece:
    """The transcript of one part, and where its zero lies in the whole."""

    transcript: Transcript
    part: str
    offset_s: float


def merged(pieces: Sequence[Piece], speakers: Sequence[Speaker]) -> Transcript:
    """Segments by their starts, numbered anew; labels that nobody shares. Of languages and models, those with most to
    say; there is at least one piece.

    People whom a transcriber told apart by their voices are others on every track.
    """
    labels = {speaker.id: speaker.label for speaker in distinct(speakers)}
    segments: list[Segment] = []
    for piece in pieces:
        segments += (_moved(segment, piece, labels) for segment in piece.transcript["segments"])
    segments.sort(key=lambda segment: (segment["start_s"], segment["end_s"]))
    for number, segment in enumerate(segments, start=1):
        segment["id"] = f"s{number}"
    longest = max((piece.transcript for piece in pieces), key=lambda transcript: len(transcript["segments"]))
    return {**longest, "quality": quality_of(segments, longest["provider"]), "segments": segments}


def _moved(segment: Segment, piece: Piece, labels: dict[str, str]) -> Segment:
    speaker = segment["speaker"]
    known = labels.get(speaker["id"])
    if known is None and not speaker["id"].startswith(f"{piece.part}:") and piece.part:
        speaker = {**speaker, "id": f"{piece.part}:{speaker['id']}"}
    return {**moved(segment, piece.offset_s), "speaker": {**speaker, "label": known or speaker["label"]}}


def moved(segment: Segment, by_s: float) -> Segment:
    """The same, said so much later."""

    def later(time_s: float) -> float:
        return round(time_s + by_s, 3)

    words: list[Word] = [
        {**word, "start_s": later(word["start_s"]), "end_s": later(word["end_s"])} for word in segment["words"]
    ]
    return {**segment, "start_s": later(segment["start_s"]), "end_s": later(segment["end_s"]), "words": words}
