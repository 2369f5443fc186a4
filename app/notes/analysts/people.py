"""The people of a transcript, as a sentence of notes names them."""

from app.notes.shapes import Tone, Transcript

NAMED = 4
# Where VADER draws the line between a mood and none.
TONE_THRESHOLD = 0.05


def people_of(transcript: Transcript) -> str:
    """`Anna`, `Anna and Bob`, `Anna, Bob, Chen, Dana and 3 others`, in the order in which they first
    spoke.
    """
    labels = list(dict.fromkeys(segment["speaker"]["label"] for segment in transcript["segments"]))
    if len(labels) > NAMED:
        others = len(labels) - NAMED
        labels = [*labels[:NAMED], f"{others} others" if others > 1 else "one other"]
    return listed(labels)


def listed(things: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(part for part in (", ".join(things[:-1]), things[-1]) if part)


def tone_of(score: float) -> Tone:
    return "positive" if score >= TONE_THRESHOLD else "negative" if score <= -TONE_THRESHOLD else "neutral"
