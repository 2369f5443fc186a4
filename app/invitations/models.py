from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Id, UtcDateTime, exact


class Invitation(Base):
    """One person asked to one meeting, or to a series: by account, or by an e-mail address that may get one later.

    Exactly one of `meeting_id` and `series_id` is set. Where a person is asked to a series, and the answer for one
    occurrence differs, that has a row of its own, of which the series' is the parent.
    """

    __tablename__ = "invitations"
    __table_args__ = (
        UniqueConstraint("meeting_id", "email"),
        UniqueConstraint("meeting_id", "invitee_id"),
        Index("ix_invitations_series_id_email", "series_id", "email", unique=True),
        Index("ix_invitations_series_id_invitee_id", "series_id", "invitee_id", unique=True),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    meeting_id: Mapped[str | None] = mapped_column(ForeignKey("meetings.id", ondelete="CASCADE"))
    series_id: Mapped[str | None] = mapped_column(ForeignKey("meeting_series.id", ondelete="CASCADE"))
    parent_id: Mapped[str | None] = mapped_column(Id, index=True)
    inviter_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    invitee_id: Mapped[str | None] = mapped_column(ForeignKey("users.id"), index=True)
    # Normalised. None: who was asked by account and has no verified address to show, or has erased the account.
    email: Mapped[str | None] = mapped_column(exact(320), index=True)
    status: Mapped[str] = mapped_column(exact(16), default="pending")
    message: Mapped[str] = mapped_column(Text, default="")
    note: Mapped[str] = mapped_column(String(1000), default="")  # the invitee's, with a proposal
    proposed_starts_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    proposed_duration_min: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    responded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
