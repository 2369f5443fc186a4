from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Id, UtcDateTime, exact


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
