from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Id, UtcDateTime, exact


class Upload(Base):
    """A file on its way into the object store, and then whose and what it is."""

    __tablename__ = "uploads"
    __table_args__ = (
        Index("ix_uploads_user_id_state", "user_id", "state"),
        Index("ix_uploads_state_expires_at", "state", "expires_at"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    purpose: Mapped[str] = mapped_column(exact(32))
    name: Mapped[str] = mapped_column(String(255))
    size: Mapped[int | None] = mapped_column(BigInteger)  # None: it grows, see growing.py
    media_type: Mapped[str] = mapped_column(String(100))  # what was declared; once complete, what the content is
    client_ref: Mapped[str | None] = mapped_column(exact(100))
    state: Mapped[str] = mapped_column(exact(16))
    part_size: Mapped[int] = mapped_column(BigInteger)
    object_key: Mapped[str] = mapped_column(exact(255))
    store_id: Mapped[str | None] = mapped_column(exact(1024))  # the store's own; None: it was not asked for one yet
    sha256: Mapped[str | None] = mapped_column(exact(64))  # what the client says; verified before it is complete
    error_code: Mapped[str | None] = mapped_column(exact(64))
    error: Mapped[str | None] = mapped_column(String(500))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    completed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)  # unless it is taken by then
