"""Notes of a meeting, in versions. `tasks.py` has them written; what is decided about them stands here."""

from dataclasses import dataclass
from typing import Any, cast
from zoneinfo import ZoneInfo

from sqlalchemy import Select, func, select

from app.accounts.models import User
from app.core import errors
from app.core.ids import new_id
from app.core.runtime import Work
from app.meetings import service as meetings
from app.meetings.models import Meeting
from app.notes import states
from app.notes.analysts.base import AnalysisContext
from app.notes.events import NotesReady
from app.notes.models import Notes
from app.notes.shapes import Analysis, Transcript, transcript_text
from app.notes.transcribers.base import Speaker, Transcriber, TranscriptionRequest
from app.participants.models import Participant

WRITE = "notes.write"


@dataclass(frozen=True)
class Order:
    """What the transcriber and then the analyst are told."""

    request: TranscriptionRequest
    context: AnalysisContext
    unanalysed: frozenset[str]  # speakers of whom nothing is analysed


@dataclass(frozen=True)
class Heard:
    """Somebody whose words are transcribed."""

    speaker: Speaker
    may_be_analysed: bool


def ask(work: Work, meeting_id: str) -> dict[str, Any]:
    """Have the next version of a meeting's notes written in the background.

    :raises EndToEndEncrypted: :raises NothingToTranscribe: it has not begun, or nobody wants to be transcribed.
    """
    meeting = meetings.hold(work, meeting_id)
    if meeting.e2ee:
        raise errors.EndToEndEncrypted()
    if meeting.started_at is None:
        raise errors.NothingToTranscribe("The meeting has not begun.", state=meeting.state)
    _heard(work, meeting_id)
    newest = work.scalar(select(func.max(Notes.version)).where(Notes.meeting_id == meeting_id)) or 0
    notes = Notes(
        id=new_id(),
        meeting_id=meeting_id,
        version=newest + 1,
        state="pending",
        provider=work.driver(Transcriber).name,
        key_points=[],
        created_at=work.now(),
    )
    work.add(notes)
    work.flush()
    work.enqueue(WRITE, {"notes_id": notes.id}, key=f"{WRITE}:{notes.id}")
    return view(notes)


def newest(work: Work, meeting_id: str) -> dict[str, Any]:
    """The newest version, whatever its state. :raises NotesMissing: nobody has asked for any."""
    notes = work.scalar(_by_version(meeting_id))
    if notes is None:
        raise errors.NotesMissing()
    return view(notes)


def newest_transcript(work: Work, meeting_id: str) -> dict[str, Any]:
    """Of the newest version that has one. :raises NotesMissing: none has."""
    notes = work.scalar(_by_version(meeting_id).where(Notes.transcript.is_not(None)))
    if notes is None or notes.transcript is None:
        raise errors.NotesMissing("There is no transcript of this meeting yet.")
    return notes.transcript


def order_of(work: Work, notes_id: str) -> Order | None:
    """What is to be written; None: they were written already, or deleted.

    :raises NothingToTranscribe: nobody who was there wants to be transcribed.
    """
    notes = work.get(Notes, notes_id)
    if notes is None or notes.state != "pending":
        return None
    meeting = meetings.get(work, notes.meeting_id)
    heard = _heard(work, meeting.id)
    request = TranscriptionRequest(
        meeting_id=meeting.id,
        title=meeting.title,
        speakers=[one.speaker for one in heard],
        duration_s=_length_s(meeting),
    )
    held_on = meeting.started_at.astimezone(ZoneInfo(meeting.time_zone)).date() if meeting.started_at else None
    unanalysed = frozenset(one.speaker.id for one in heard if not one.may_be_analysed)
    return Order(request, AnalysisContext(meeting.id, meeting.title, held_on), unanalysed)


def keep(
    work: Work, notes_id: str, transcript: Transcript | None, analysis: Analysis | None, error: str | None
) -> None:
    """Store what was made. An `error` makes them failed, and hides nothing that was made before it."""
    notes = work.get(Notes, notes_id, with_for_update=True)
    if notes is None or not states.may_become(notes.state, "failed" if error else "ready"):
        return
    if transcript is not None:
        notes.transcript = cast(dict[str, Any], transcript)
        notes.transcript_text = transcript_text(transcript)
    if analysis is not None:
        notes.analysis = cast(dict[str, Any], analysis)
        notes.key_points = cast(list[dict[str, Any]], analysis["key_points"])
        notes.sentiment = analysis["sentiment"]["overall"]
    if error is not None:
        notes.state, notes.error = "failed", error
        work.flush()
        return
    notes.state, notes.ready_at = "ready", work.now()
    work.flush()
    work.emit(NotesReady(notes.meeting_id, notes.id, notes.version))


def view(notes: Notes) -> dict[str, Any]:
    """Notes as `NotesOut` takes them."""
    row = {column.name: getattr(notes, column.name) for column in Notes.__table__.columns}
    return row | {"is_mock": notes.provider == "mock"}


def _by_version(meeting_id: str) -> Select[Notes]:
    return select(Notes).where(Notes.meeting_id == meeting_id).order_by(Notes.version.desc()).limit(1)


def _length_s(meeting: Meeting) -> float | None:
    """How long a meeting lasted. None while it goes on, so that asking twice gives the same; and for one that was over
    at once, into which no word would fit.
    """
    if meeting.state != "ended" or meeting.started_at is None or meeting.ended_at is None:
        return None
    return max(0.0, (meeting.ended_at - meeting.started_at).total_seconds()) or None


def _heard(work: Work, meeting_id: str) -> list[Heard]:
    """Everybody who was in the meeting and may be transcribed, once each, in the order in which they came; if nobody
    was, those who belong to it.

    :raises NothingToTranscribe: all of them have switched it off.
    """
    stays = work.scalars(
        select(Participant)
        .where(Participant.meeting_id == meeting_id, Participant.kind != "sfu", Participant.admitted_at.is_not(None))
        .order_by(Participant.joined_at, Participant.id)
    ).all()
    people: dict[str, tuple[Speaker, dict[str, bool]]] = {}
    for stay in stays:
        person = stay.user_id or stay.id
        people.setdefault(person, (Speaker(person, stay.display_name), stay.ai))
    if not people:
        members = select(User).where(User.id.in_(meetings.people_of(work, meeting_id, "owner", "accepted")))
        for user in work.scalars(members.order_by(User.id)):
            people[user.id] = (Speaker(user.id, user.display_name), user.ai)
    heard = [Heard(speaker, ai["analyse"]) for speaker, ai in people.values() if ai["transcribe"]]
    if people and not heard:
        raise errors.NothingToTranscribe("Everybody who was there has switched transcription off.")
    return heard
