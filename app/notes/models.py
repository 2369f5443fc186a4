from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Id, Json, LongText, UtcDateTime, exact


class Notes(Base):
    """What was said in a meeting and what came of it, in versions."""

    __tablename__ = "ai_notes"
    __table_args__ = (UniqueConstraint("meeting_id", "version"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    meeting_id: Mapped[str] = mapped_column(ForeignKey("meetings.id", ondelete="CASCADE"))
    version: Mapped[int]
    state: Mapped[str] = mapped_column(exact(16))  # pending | ready | failed
    provider: Mapped[str] = mapped_column(exact(32))
    transcript_text: Mapped[str | None] = mapped_column(LongText)
    key_points: Mapped[list[dict[str, Any]]] = mapped_column(Json, default=list)
    sentiment: Mapped[str | None] = mapped_column(exact(16))  # neutral | positive | negative
    transcript: Mapped[dict[str, Any] | None] = mapped_column(Json)  # shape: `Transcript` of shapes.py
    analysis: Mapped[dict[str, Any] | None] = mapped_column(Json)  # shape: `Analysis` of shapes.py
    error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ready_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
