"""What recordings take of the store, by whose meetings they are of."""

from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from app.core.runtime import Work
from app.meetings.models import Meeting
from app.recordings.models import Export, Recording, RecordingTrack, Rendition


class StoredRecordings:
    """`RecordedBytes` of app/uploads/quota.py. Posters and waveforms, some hundred kilobytes, are not counted."""

    def of_user(self, work: Work, user_id: str) -> dict[str, int]:
        return _sums(work, Meeting.owner_id == user_id)

    def in_all(self, work: Work) -> int:
        return sum(_sums(work).values())

    def close(self) -> None:
        """Nothing is held."""


def _sums(work: Work, *whose: ColumnElement[bool]) -> dict[str, int]:
    def total(query: Select[Any]) -> int:
        if whose:
            query = query.join(Meeting, Meeting.id == Recording.meeting_id).where(*whose)
        return int(work.scalar(query) or 0)

    def of(model: Any, state: str) -> Select[Any]:
        found = select(func.sum(model.bytes)).select_from(model).where(model.state == state)
        return found.join(Recording, Recording.id == model.recording_id)

    mock = select(func.sum(Recording.bytes)).select_from(Recording).where(Recording.driver == "mock")
    return {
        "tracks_bytes": total(of(RecordingTrack, "uploaded")),
        "films_bytes": total(of(Rendition, "ready")) + total(mock),
        "exports_bytes": total(of(Export, "ready")),
    }
