from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Id, Json, UtcDateTime, exact


class Recording(Base):
    """One recording of a meeting, from its request to its file."""

    __tablename__ = "recordings"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    meeting_id: Mapped[str] = mapped_column(ForeignKey("meetings.id", ondelete="CASCADE"), index=True)
    started_by: Mapped[str] = mapped_column(ForeignKey("users.id"))
    mode: Mapped[str] = mapped_column(exact(16))  # composite | tracks | both
    audio_only: Mapped[bool] = mapped_column(default=False)
    driver: Mapped[str] = mapped_column(exact(16))  # mock | worker
    state: Mapped[str] = mapped_column(exact(16))
    outcome: Mapped[str | None] = mapped_column(exact(16))  # complete | recovered | failed
    participants: Mapped[list[dict[str, Any]]] = mapped_column(Json)  # who was there when it began
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    processing_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # first try at making the file
    duration_s: Mapped[float | None]  # of the file
    file_path: Mapped[str | None] = mapped_column(exact(255))  # key in the object store
    content_type: Mapped[str | None] = mapped_column(String(100))
    bytes: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[str | None] = mapped_column(exact(64))
    error: Mapped[str | None] = mapped_column(String(500))  # of the last try
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
