from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Id, Json, LongText, UtcDateTime, exact


class Track(Base):
    """One track that a participant publishes to the media server."""

    __tablename__ = "rtc_tracks"
    __table_args__ = (Index("ix_rtc_tracks_meeting_id_unpublished_at", "meeting_id", "unpublished_at"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    meeting_id: Mapped[str] = mapped_column(ForeignKey("meetings.id", ondelete="CASCADE"))
    participant_id: Mapped[str] = mapped_column(ForeignKey("meeting_participants.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(exact(8))  # audio | video
    mid: Mapped[str] = mapped_column(exact(32))  # of the m-line (RFC 8843)
    source: Mapped[str] = mapped_column(exact(16))  # microphone | camera | screen
    published_at: Mapped[datetime] = mapped_column(UtcDateTime)
    unpublished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class WhipSession(Base):
    """A participant whose signaling is WHIP's or WHEP's: the app does it (see `whip.py`)."""

    __tablename__ = "whip_sessions"

    participant_id: Mapped[str] = mapped_column(
        ForeignKey("meeting_participants.id", ondelete="CASCADE"), primary_key=True
    )
    kind: Mapped[str] = mapped_column(exact(4))  # whip | whep
    offer: Mapped[str] = mapped_column(LongText)  # with the credentials that hold now
    version: Mapped[int]  # of the ICE session, which a restart begins anew; 0: not answered yet
    negotiation: Mapped[int]  # the newest offer's
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class MediaStats(Base):
    """How a meeting's tracks do, as its worker told last."""

    __tablename__ = "rtc_stats"

    meeting_id: Mapped[str] = mapped_column(ForeignKey("meetings.id", ondelete="CASCADE"), primary_key=True)
    told_at: Mapped[datetime] = mapped_column(UtcDateTime)
    tracks: Mapped[dict[str, Any]] = mapped_column(Json)  # `TrackStats` by track id


class CallQuality(Base):
    """How the call goes for one stay, as its device tells: see `quality.py`."""

    __tablename__ = "call_quality"

    participant_id: Mapped[str] = mapped_column(
        ForeignKey("meeting_participants.id", ondelete="CASCADE"), primary_key=True
    )
    meeting_id: Mapped[str] = mapped_column(ForeignKey("meetings.id", ondelete="CASCADE"), index=True)
    first_told_at: Mapped[datetime] = mapped_column(UtcDateTime)
    told_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    number: Mapped[int]  # of summaries
    is_poor: Mapped[bool]  # by the newest
    last: Mapped[dict[str, Any]] = mapped_column(Json)
    worst: Mapped[dict[str, float]] = mapped_column(Json)
    sums: Mapped[dict[str, Any]] = mapped_column(Json)  # by figure: the sum, and of how many


class MediaWorker(Base):
    """A process that forwards media, from its registration until it is gone. What is placed on it, participants of
    kind `sfu` say: their `session_id` is its id.
    """

    __tablename__ = "media_workers"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)  # the service account
    inbox_id: Mapped[str] = mapped_column(Id)
    name: Mapped[str] = mapped_column(String(100))  # the same for whoever takes its place
    engine: Mapped[str] = mapped_column(String(32))
    version: Mapped[str] = mapped_column(String(32))
    capacity: Mapped[int]  # people
    state: Mapped[str] = mapped_column(exact(16))
    load: Mapped[float] = mapped_column(default=0.0)  # 1: as much as it can carry
    participants: Mapped[int] = mapped_column(default=0)  # this and the next two as it told with its last renewal
    tracks: Mapped[int] = mapped_column(default=0)
    stats: Mapped[dict[str, Any]] = mapped_column(Json)
    registered_at: Mapped[datetime] = mapped_column(UtcDateTime)
    renewed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    gone_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    gone_reason: Mapped[str | None] = mapped_column(exact(16))
