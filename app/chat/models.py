from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Id, Json, UtcDateTime, exact

LONGEST_EMOJI = 13  # code points; a family of four with skin tones has eleven


class ChatMessage(Base):
    """One message of a meeting's chat. `number` is taken from the meeting's counter (`Meeting.message_head`)."""

    __tablename__ = "chat_messages"
    __table_args__ = (
        UniqueConstraint("meeting_id", "number"),
        UniqueConstraint("meeting_id", "sender_id", "client_ref"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    meeting_id: Mapped[str] = mapped_column(ForeignKey("meetings.id", ondelete="CASCADE"))
    number: Mapped[int] = mapped_column(BigInteger)
    type: Mapped[str] = mapped_column(exact(8))  # text | system | file
    sender_id: Mapped[str | None] = mapped_column(ForeignKey("users.id"))  # None: the system
    text: Mapped[str | None] = mapped_column(Text)
    data: Mapped[dict[str, Any] | None] = mapped_column(Json)  # a file; or what a system line tells of
    client_ref: Mapped[str | None] = mapped_column(exact(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    edited_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # what it said is gone, its number stays


class Reaction(Base):
    """One emoji of one person on one message."""

    __tablename__ = "chat_reactions"

    message_id: Mapped[str] = mapped_column(ForeignKey("chat_messages.id", ondelete="CASCADE"), primary_key=True)
    emoji: Mapped[str] = mapped_column(exact(LONGEST_EMOJI), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ReadMark(Base):
    """How far a person has read a meeting's chat."""

    __tablename__ = "chat_read_marks"

    meeting_id: Mapped[str] = mapped_column(ForeignKey("meetings.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), primary_key=True)
    up_to: Mapped[int] = mapped_column(BigInteger)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
