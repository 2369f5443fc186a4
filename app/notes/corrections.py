"""What people correct in a transcript: a segment's text, a speaker's name. It is kept beside the transcript that a
machine made, so that it holds for the next one too: text by its track and time, names by the speaker.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.orm import undefer

from app.core import errors
from app.core.actor import Actor
from app.core.ids import new_id
from app.core.runtime import Work
from app.notes.events import TranscriptCorrected
from app.notes.models import Correction, Notes, Stage
from app.notes.shapes import Analysis, Segment, Transcript, transcript_text

REPUBLISH = "notes.republish"
MOSTLY = 0.5  # of a segment has to lie in what was corrected


def correct(
    work: Work,
    actor: Actor,
    notes: Notes,
    *,
    segments: Sequence[Mapping[str, Any]],
    speakers: Sequence[Mapping[str, Any]],
) -> None:
    """:param segments: `{id, text}`. :param speakers: `{id, label}`. A None takes back what was corrected.

    :raises ValidationFailed: there is no such segment or speaker, or two would have one name.
    """
    before = cast(Transcript, notes.transcript)
    by_id = {one["id"]: one for one in before["segments"]}
    names = {one["speaker"]["id"] for one in before["segments"]}
    for place, given in enumerate(segments):
        if given["id"] not in by_id:
            raise _wrong(f"segments.{place}.id", "The transcript has no such segment.")
        _replace_text(work, actor, notes, by_id[given["id"]], given["text"])
    for place, given in enumerate(speakers):
        if given["id"] not in names:
            raise _wrong(f"speakers.{place}.id", "The transcript has no such speaker.")
        _replace_name(work, actor, notes, given["id"], given["label"])
    work.flush()
    after = corrected(made_by_machine(work, notes), of_subject(work, notes))
    labels = [{one["speaker"]["id"]: one["speaker"]["label"] for one in each["segments"]} for each in (before, after)]
    if len(set(labels[1].values())) < len(labels[1]):
        raise _wrong("speakers", "Two speakers would have the same name.")
    notes.transcript_revision += 1
    set_transcript(notes, after)
    if notes.analysis is not None:
        renamed = {old: labels[1][speaker] for speaker, old in labels[0].items() if speaker in labels[1]}
        notes.analysis = cast(dict[str, Any], _renamed(cast(Analysis, notes.analysis), renamed))
    work.enqueue(REPUBLISH, {"notes_id": notes.id})
    work.emit(TranscriptCorrected(notes.id))


def set_transcript(notes: Notes, transcript: Transcript) -> None:
    notes.transcript = cast(dict[str, Any], transcript)
    notes.transcript_text = transcript_text(transcript)


def of_subject(work: Work, notes: Notes) -> Sequence[Correction]:
    """In the order in which they were made."""
    theirs = select(Correction).filter_by(meeting_id=notes.meeting_id, call_id=notes.call_id)
    return work.scalars(theirs.order_by(Correction.id)).all()


def made_by_machine(work: Work, notes: Notes) -> Transcript:
    merge = select(Stage).where(Stage.notes_id == notes.id, Stage.name == "merge").options(undefer(Stage.result))
    stage = work.scalars(merge).first()
    return cast(Transcript, stage.result if stage is not None and stage.result is not None else notes.transcript)


def corrected(transcript: Transcript, corrections: Sequence[Correction]) -> Transcript:
    """Of segments that a corrected text covers the first says it, and the others are left out. Ids stay."""
    segments: list[Segment] = list(transcript["segments"])
    for one in corrections:
        if one.kind == "text":
            segments = _with_text(segments, one)
    names = {one.speaker_id: one.text for one in corrections if one.kind == "name"}
    return {**transcript, "segments": [_with_name(segment, names) for segment in segments]}


def _with_text(segments: list[Segment], correction: Correction) -> list[Segment]:
    covered = [one for one in segments if _is_covered(one, correction)]
    if not covered:
        return segments
    first, last = covered[0], covered[-1]
    said: Segment = {**first, "text": correction.text, "words": [], "end_s": max(first["end_s"], last["end_s"])}
    return [said if one is first else one for one in segments if one is first or one not in covered]


def _is_covered(segment: Segment, correction: Correction) -> bool:
    if segment["track_id"] != correction.track_id:
        return False
    together = min(segment["end_s"], correction.end_s) - max(segment["start_s"], correction.start_s)
    lasts = max(segment["end_s"] - segment["start_s"], 0.001)
    return together > 0 and together / lasts >= MOSTLY


def _with_name(segment: Segment, names: Mapping[str | None, str]) -> Segment:
    speaker = segment["speaker"]
    name = names.get(speaker["id"])
    return {**segment, "speaker": {**speaker, "label": name}} if name else segment


def _replace_text(work: Work, actor: Actor, notes: Notes, segment: Segment, text: str | None) -> None:
    for one in of_subject(work, notes):
        if one.kind == "text" and _is_covered(segment, one):
            work.delete(one)
    if text is not None:
        at = {"track_id": segment["track_id"], "start_s": segment["start_s"], "end_s": segment["end_s"]}
        _add(work, actor, notes, "text", text, **at)


def _replace_name(work: Work, actor: Actor, notes: Notes, speaker_id: str, label: str | None) -> None:
    for one in of_subject(work, notes):
        if one.kind == "name" and one.speaker_id == speaker_id:
            work.delete(one)
    if label is not None:
        _add(work, actor, notes, "name", " ".join(label.split()), speaker_id=speaker_id)


def _add(work: Work, actor: Actor, notes: Notes, kind: str, text: str, **where: Any) -> None:
    whose = {"meeting_id": notes.meeting_id, "call_id": notes.call_id}
    by = {"by_user_id": actor.user_id, "created_at": work.now()}
    work.add(Correction(id=new_id(), kind=kind, text=text, **whose, **by, **where))


def _renamed(analysis: Analysis, names: Mapping[str, str]) -> Analysis:
    def new(label: str) -> str:
        return names.get(label, label)

    sentiment = analysis["sentiment"]
    return {
        **analysis,
        "action_items": [
            {**one, "owner": new(one["owner"]) if one["owner"] else None} for one in analysis["action_items"]
        ],
        "talk": [{**one, "speaker": new(one["speaker"])} for one in analysis["talk"]],
        "sentiment": {**sentiment, "by_speaker": {new(name): x for name, x in sentiment["by_speaker"].items()}},
    }


def _wrong(field: str, message: str) -> errors.ValidationFailed:
    return errors.ValidationFailed(errors=[{"location": "body", "field": field, "message": message}])
