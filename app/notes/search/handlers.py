"""What happens elsewhere is found here: in the transaction in which it happens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update

from app.accounts.events import UserErased
from app.accounts.models import User
from app.chat.events import ChatCleared, MessageChanged
from app.core.runtime import Work
from app.meetings.events import MeetingCreated, MeetingUpdated, OccurrencesMade, SeriesBegun, SeriesChanged
from app.meetings.models import Meeting
from app.notes.events import NotesFailed, NotesReady, TranscriptCorrected
from app.notes.models import Notes
from app.notes.search import index
from app.notes.search.index import Document
from app.notes.search.models import SearchDocument
from app.notes.shapes import CLAIM_KINDS
from app.recordings.models import Recording, RecordingTrack


def index_title(work: Work, event: MeetingCreated | MeetingUpdated) -> None:
    _put_titles(work, [event.meeting_id])


def index_titles_of_occurrences(work: Work, event: OccurrencesMade) -> None:
    _put_titles(work, event.meeting_ids)


def index_titles_of_series(work: Work, event: SeriesBegun | SeriesChanged) -> None:
    _put_titles(work, work.scalars(select(Meeting.id).where(Meeting.series_id == event.series_id)).all())


def index_message(work: Work, event: MessageChanged) -> None:
    if not event.is_new:
        index.forget(work, "chat", event.message_id)
    if event.text:
        said = (event.at, event.text, event.sender_id, event.sender_name)
        index.put(work, [Document("chat", event.message_id, event.meeting_id, *said)])


def forget_chat(work: Work, event: ChatCleared) -> None:
    index.forget_of_meeting(work, event.meeting_id, "chat")


def index_notes(work: Work, event: NotesReady | NotesFailed | TranscriptCorrected) -> None:
    """Of a meeting the newest ones; where their analysis failed, the transcript. Those of calls are not found yet."""
    notes = work.get_one(Notes, event.notes_id)
    if notes.transcript is None or notes.meeting_id is None:
        return
    index.forget_of_meeting(work, notes.meeting_id, "transcript", "notes")
    places = _Places(work, notes, notes.meeting_id)
    index.put(work, [*places.of_transcript(), *places.of_analysis()])


def forget_name(work: Work, event: UserErased) -> None:
    """What they said stays with the meetings, as there."""
    nobody = update(SearchDocument).where(SearchDocument.person_id == event.user_id)
    work.execute(nobody.values(person_id=None, person=None), execution_options={"synchronize_session": False})


def _put_titles(work: Work, meeting_ids: Sequence[str]) -> None:
    titled = select(Meeting.id, Meeting.title, Meeting.sort_at, Meeting.owner_id).where(Meeting.id.in_(meeting_ids))
    index.forget(work, "title", *meeting_ids)
    index.put(work, [Document("title", id_, id_, at, title, owner) for id_, title, at, owner in work.execute(titled)])


class _Places:
    """Where in the recordings of a meeting its notes point: a transcript counts from the meeting's start, or from its
    first recording's, where that is earlier.
    """

    def __init__(self, work: Work, notes: Notes, meeting_id: str) -> None:
        self._notes, self._meeting_id = notes, meeting_id
        self._segments: list[dict[str, Any]] = notes.transcript["segments"] if notes.transcript else []
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
        self._zero = min(starts, default=meeting.created_at)
        speakers = {segment["speaker"]["id"] for segment in self._segments}
        self._accounts = set(work.scalars(select(User.id).where(User.id.in_(speakers))))

    def of_transcript(self) -> Iterator[Document]:
        for segment in self._segments:
            speaker = segment["speaker"]
            account = speaker["id"] if speaker["id"] in self._accounts else None
            yield self._document("transcript", segment["text"], segment, account, speaker["label"])

    def of_analysis(self) -> Iterator[Document]:
        """The summary, and each claim at the place where it was first said."""
        analysis = self._notes.analysis
        if analysis is None:
            return
        segments = {segment["id"]: segment for segment in self._segments}
        yield self._document("notes", analysis["summary"])
        for kind in CLAIM_KINDS:
            for claim in analysis[kind]:
                cited = [segments[one] for one in claim["evidence"] if one in segments]
                first = min(cited, key=lambda segment: float(segment["start_s"]), default=None)
                yield self._document("notes", claim["text"], first)

    def _document(
        self,
        kind: index.Kind,
        text: str,
        segment: dict[str, Any] | None = None,
        account: str | None = None,
        label: str | None = None,
    ) -> Document:
        at = self._zero + timedelta(seconds=segment["start_s"] if segment else 0)
        recording = self._recording_of(segment, at) if segment else None
        return Document(
            kind=kind,
            source_id=self._notes.id,
            meeting_id=self._meeting_id,
            at=at,
            text=text,
            person_id=account,
            person=label,
            recording_id=recording,
            start_s=round((at - self._begun[recording]).total_seconds(), 3) if recording else None,
        )

    def _recording_of(self, segment: dict[str, Any], at: datetime) -> str | None:
        """That of its track; of one without a track, the last that had begun."""
        if known := self._recordings.get(segment["track_id"] or ""):
            return known
        return max(
            (id_ for id_ in self._begun if self._begun[id_] <= at), key=lambda id_: self._begun[id_], default=None
        )
