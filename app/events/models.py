from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Id, Json, UtcDateTime, exact


class Event(Base):
    """Something that happened. It outlives the meeting that it is about, so it holds no foreign key."""

    __tablename__ = "events"
    __table_args__ = (UniqueConstraint("meeting_id", "seq"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    meeting_id: Mapped[str | None] = mapped_column(Id)
    seq: Mapped[int | None] = mapped_column(BigInteger)  # 1, 2, 3 … within the meeting, without gaps
    position: Mapped[int | None] = mapped_column(
        BigInteger, unique=True
    )  # in the log of everything; given after commit
    name: Mapped[str] = mapped_column(exact(64))  # such as meeting.started
    payload: Mapped[dict[str, Any]] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class EventHead(Base):
    """The newest number of one meeting. Its row's lock puts the transactions of a meeting in order."""

    __tablename__ = "event_heads"

    meeting_id: Mapped[str] = mapped_column(Id, primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
