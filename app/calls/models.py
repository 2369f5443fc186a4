from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Id, Json, UtcDateTime, exact


class Call(Base):
    """A recording of a call, and what its sender says of it."""

    __tablename__ = "calls"
    __table_args__ = (UniqueConstraint("user_id", "sha256"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"))  # who sent it
    title: Mapped[str] = mapped_column(String(200))
    account: Mapped[str | None] = mapped_column(String(200))
    deal: Mapped[str | None] = mapped_column(String(200))
    agent: Mapped[str | None] = mapped_column(String(100))
    customer: Mapped[str | None] = mapped_column(String(100))
    language: Mapped[str | None] = mapped_column(exact(35))  # BCP 47
    channel_names: Mapped[list[str]] = mapped_column(Json)  # left, right
    held_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    upload_id: Mapped[str] = mapped_column(Id)
    file_path: Mapped[str] = mapped_column(exact(255))  # key in the object store
    media_type: Mapped[str] = mapped_column(String(100))
    bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(exact(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
