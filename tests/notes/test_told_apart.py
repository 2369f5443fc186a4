from __future__ import annotations

from app.notes.shapes import Segment, Transcript, Word
from app.notes.sounds.shapes import Turn
from app.notes.told_apart import told_apart
from tests.drivers.analysts_suite import transcript_of

TURNS = [Turn(0.0, 4.8, 1), Turn(5.0, 9.0, 2)]


def words(*said: tuple[str, float, float]) -> list[Word]:
    return [{"text": text, "start_s": start, "end_s": end, "confidence": 0.5} for text, start, end in said]


def of(*segments: tuple[float, float, list[Word]]) -> Transcript:
    transcript = transcript_of(*[("Speaker", " ".join(word["text"] for word in said)) for *_, said in segments])
    for segment, (start_s, end_s, said) in zip(transcript["segments"], segments, strict=True):
        segment.update(start_s=start_s, end_s=end_s, words=said, confidence=0.5)
        segment["speaker"]["source"] = "unknown"
    return transcript


def shown(segments: list[Segment]) -> list[tuple[str, str, str, float, float]]:
    return [(one["id"], one["speaker"]["label"], one["text"], one["start_s"], one["end_s"]) for one in segments]


def test_a_segment_is_of_whoever_spoke_then() -> None:
    segments = told_apart(of((1.0, 2.0, []), (6.0, 7.0, []), (9.5, 9.8, [])), TURNS)["segments"]
    assert [one["speaker"] for one in segments] == [
        {"id": "voice-1", "label": "Speaker 1", "source": "diarized"},
        {"id": "voice-2", "label": "Speaker 2", "source": "diarized"},
        {"id": "voice-2", "label": "Speaker 2", "source": "diarized"},
    ]


def test_where_the_speaker_changes_a_segment_is_cut() -> None:
    said = words(("how", 4.0, 4.3), ("are", 4.3, 4.5), ("you", 4.5, 4.8), ("fine", 5.0, 5.3), ("thanks", 5.3, 5.8))
    made = told_apart(of((4.0, 5.8, said), (6.0, 6.5, words(("bye", 6.0, 6.5)))), TURNS)
    assert shown(made["segments"]) == [
        ("s1", "Speaker 1", "how are you", 4.0, 4.8),
        ("s2", "Speaker 2", "fine thanks", 5.0, 5.8),
        ("s3", "Speaker 2", "bye", 6.0, 6.5),
    ]
    assert made["segments"][0]["words"] == said[:3]


def test_a_short_word_amid_anothers_is_theirs() -> None:
    turns = [Turn(0.0, 2.0, 1), Turn(2.0, 2.2, 2), Turn(2.2, 4.0, 1)]
    said = words(("we", 1.0, 1.9), ("a", 2.0, 2.2), ("plan", 2.3, 3.0))
    [segment] = told_apart(of((1.0, 3.0, said)), turns)["segments"]
    assert (segment["speaker"]["label"], segment["text"]) == ("Speaker 1", "we a plan")


def test_with_one_voice_or_none_it_stays_as_it_is() -> None:
    transcript = of((1.0, 2.0, []))
    assert told_apart(transcript, [Turn(0.0, 9.0, 1)]) == transcript
    assert told_apart(transcript, []) == transcript
