from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Id, Json, UtcDateTime, exact


class Inbox(Base):
    """One recipient's queue. `head_seq` is the newest message's number, `acked_seq` the newest acknowledged one's."""

    __tablename__ = "inboxes"
    __table_args__ = (UniqueConstraint("owner_id", "kind"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(exact(16))  # session | participant | worker
    owner_id: Mapped[str] = mapped_column(Id)  # of the session, the participant or the worker
    user_id: Mapped[str | None] = mapped_column(Id, index=True)  # whose events arrive here, and who may read it
    address: Mapped[dict[str, Any]] = mapped_column(Json)  # the `to` of every message
    head_seq: Mapped[int] = mapped_column(BigInteger, default=0)
    acked_seq: Mapped[int] = mapped_column(BigInteger, default=0)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)  # start or end of a poll, or a beat while it is parked
    poll_id: Mapped[str | None] = mapped_column(Id)  # the newest poll; an older one that is still parked gives way
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    closed_reason: Mapped[str | None] = mapped_column(exact(32))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Signal(Base):
    """One message in one inbox."""

    __tablename__ = "rtc_signals"
    __table_args__ = (
        UniqueConstraint("inbox_id", "seq"),
        UniqueConstraint("from_participant_id", "client_ref"),
        Index("ix_rtc_signals_inbox_id_subject", "inbox_id", "subject"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    inbox_id: Mapped[str] = mapped_column(ForeignKey("inboxes.id", ondelete="CASCADE"))
    seq: Mapped[int] = mapped_column(BigInteger)
    meeting_id: Mapped[str | None] = mapped_column(Id)
    from_participant_id: Mapped[str | None] = mapped_column(Id)
    sender: Mapped[dict[str, Any] | None] = mapped_column(Json)  # the `from` of the message
    type: Mapped[str] = mapped_column(String(64))
    payload: Mapped[dict[str, Any]] = mapped_column(Json)
    event_id: Mapped[str] = mapped_column(Id)  # one event in several inboxes has one
    subject: Mapped[str | None] = mapped_column(exact(100))  # latest-only messages: what they are about
    client_ref: Mapped[str | None] = mapped_column(exact(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
