"""What is to be found of a source, as it is now. Nothing, where it is gone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select

from app.accounts.models import User
from app.chat.models import ChatMessage
from app.chat.shapes import searched_text
from app.core import errors
from app.core.runtime import Work
from app.meetings.models import Meeting
from app.notes.models import Notes
from app.notes.search.index import Document, Kind
from app.notes.shapes import CLAIM_KINDS
from app.notes.sources import Sources, Subject
from app.recordings.models import Recording, RecordingTrack


def titles(work: Work, meeting_ids: Sequence[str]) -> Iterator[Document]:
    of_meeting = select(Meeting.id, Meeting.title, Meeting.sort_at, Meeting.owner_id).where(Meeting.id.in_(meeting_ids))
    for id_, title, at, owner in work.execute(of_meeting):
        yield Document("title", id_, id_, at, title, person_id=owner, meeting_id=id_)


def messages(work: Work, message_ids: Sequence[str]) -> Iterator[Document]:
    sent = select(ChatMessage, User).join(User, User.id == ChatMessage.sender_id)
    for message, sender in work.execute(sent.where(ChatMessage.id.in_(message_ids))):
        is_there = sender.is_guest or sender.email is not None  # no tombstone
        yield Document(
            kind="chat",
            source_id=message.id,
            scope_id=message.meeting_id,
            at=message.created_at,
            text=searched_text(message),
            person_id=sender.id if is_there else None,
            person=sender.display_name if is_there else None,
            meeting_id=message.meeting_id,
        )


def notes(work: Work, subject_id: str) -> Iterator[Document]:
    """Of a meeting or a call, the newest that have a transcript; of a call, its title with them."""
    of_it = or_(Notes.meeting_id == subject_id, Notes.call_id == subject_id)
    newest = select(Notes).where(of_it).order_by(Notes.version.desc()).limit(1)
    last = work.scalar(newest)
    if last is None:
        return
    if last.call_id is not None:
        try:
            call = work.driver(Sources).calls.subject(work, last.call_id)
        except errors.NotFound:
            return
        yield Document("title", call.id, call.account_id, call.begun_at or last.created_at, call.title, call_id=call.id)
    told = work.scalar(newest.where(Notes.transcript.is_not(None)))
    if told is None:
        return
    places = _CallPlaces(call, told) if told.call_id else _MeetingPlaces(work, told, subject_id)
    yield from _said(told, places)
    yield from _noted(told, places)


def _said(notes: Notes, places: _Places) -> Iterator[Document]:
    for segment in _segments(notes):
        speaker = segment["speaker"]
        account = speaker["id"] if speaker["id"] in places.accounts else None
        yield places.document("transcript", segment["text"], segment, account, speaker["label"])


def _noted(notes: Notes, places: _Places) -> Iterator[Document]:
    """The summary, and each claim at the place where it was first said; what is a decision and a key point, once.

    Topics and entities are words that stand in what was said already: shorter than all else, they would go first.
    """
    if notes.analysis is None:
        return
    segments = {segment["id"]: segment for segment in _segments(notes)}
    yield places.document("notes", notes.analysis["summary"])
    kinds = [kind for kind in CLAIM_KINDS if kind not in ("topics", "entities")]
    for claim in {claim["text"]: claim for kind in kinds for claim in notes.analysis[kind]}.values():
        cited = [segments[one] for one in claim["evidence"] if one in segments]
        first = min(cited, key=lambda segment: float(segment["start_s"]), default=None)
        yield places.document("notes", claim["text"], first)


def _segments(notes: Notes) -> list[dict[str, Any]]:
    return notes.transcript["segments"] if notes.transcript else []


class _Places(ABC):
    """Where the moments of a transcript are to be found. `zero`: when it begins."""

    def __init__(self, notes: Notes, zero: datetime, scope_id: str) -> None:
        self.accounts: set[str] = set()
        self._notes, self._zero, self._scope_id = notes, zero, scope_id

    def document(
        self,
        kind: Kind,
        text: str,
        segment: dict[str, Any] | None = None,
        account: str | None = None,
        label: str | None = None,
    ) -> Document:
        at = self._zero + timedelta(seconds=segment["start_s"] if segment else 0)
        recording, start_s = self._heard_in(segment, at) if segment else (None, None)
        return Document(
            kind=kind,
            source_id=self._notes.id,
            scope_id=self._scope_id,
            at=at,
            text=text,
            person_id=account,
            person=label,
            recording_id=recording,
            start_s=start_s,
            meeting_id=self._notes.meeting_id,
            call_id=self._notes.call_id,
        )

    @abstractmethod
    def _heard_in(self, segment: dict[str, Any], at: datetime) -> tuple[str | None, float | None]:
        """The recording, and the second in it; or the second in the call."""


class _CallPlaces(_Places):
    def __init__(self, call: Subject, notes: Notes) -> None:
        super().__init__(notes, call.begun_at or notes.created_at, call.account_id)

    def _heard_in(self, segment: dict[str, Any], at: datetime) -> tuple[str | None, float | None]:
        return None, segment["start_s"]


class _MeetingPlaces(_Places):
    """A transcript counts from the meeting's start, or from its first recording's, where that is earlier."""

    def __init__(self, work: Work, notes: Notes, meeting_id: str) -> None:
        begun = select(Recording.id, Recording.started_at).where(
            Recording.meeting_id == meeting_id, Recording.started_at.is_not(None)
        )
        self._begun: dict[str, datetime] = {id_: at for id_, at in work.execute(begun) if at is not None}
        tracks = select(RecordingTrack.id, RecordingTrack.recording_id).where(
            RecordingTrack.recording_id.in_(self._begun)
        )
        self._recordings: dict[str, str] = {track.id: track.recording_id for track in work.execute(tracks)}
        meeting = work.get_one(Meeting, meeting_id)
        starts = [*self._begun.values(), *([meeting.started_at] if meeting.started_at else [])]
        super().__init__(notes, min(starts, default=meeting.created_at), meeting_id)
        speakers = {segment["speaker"]["id"] for segment in _segments(notes)}
        self.accounts = set(work.scalars(select(User.id).where(User.id.in_(speakers))))

    def _heard_in(self, segment: dict[str, Any], at: datetime) -> tuple[str | None, float | None]:
        """Its track's recording; of one without a track, the last that had begun."""
        recording = self._recordings.get(segment["track_id"] or "") or max(
            (id_ for id_ in self._begun if self._begun[id_] <= at), key=lambda id_: self._begun[id_], default=None
        )
        return recording, round((at - self._begun[recording]).total_seconds(), 3) if recording else None
