from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Id, Json, UtcDateTime, exact


class Event(Base):
    """Something that happened. It outlives the meeting that it is about, so it holds no foreign key."""

    __tablename__ = "events"
    __table_args__ = (UniqueConstraint("meeting_id", "seq"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    meeting_id: Mapped[str | None] = mapped_column(Id)
    user_id: Mapped[str | None] = mapped_column(Id)  # a person who may see it, whatever they are to the meeting
    seq: Mapped[int | None] = mapped_column(BigInteger)  # 1, 2, 3 … within the meeting, without gaps
    position: Mapped[int | None] = mapped_column(
        BigInteger, unique=True
    )  # in the log of everything; given after commit
    name: Mapped[str] = mapped_column(exact(64))  # such as meeting.started
    version: Mapped[int] = mapped_column(server_default=text("'1'"))  # of its payload's form
    payload: Mapped[dict[str, Any]] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class EventHead(Base):
    """The newest number of one meeting. Its row's lock puts the transactions of a meeting in order."""

    __tablename__ = "event_heads"

    meeting_id: Mapped[str] = mapped_column(Id, primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)


class EventCursor(Base):
    """How far somebody has come in the log. `log`: the newest position that was given; whoever gives positions holds
    its row. `publisher`: up to where the broker has everything; whoever sends holds its lease."""

    __tablename__ = "event_cursors"

    name: Mapped[str] = mapped_column(exact(16), primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, default=0)
    holder: Mapped[str | None] = mapped_column(Id)
    leased_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
