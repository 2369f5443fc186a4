from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, UtcDateTime, exact


class CalendarFeed(Base):
    """The secret address under which a person's calendar app reads their meetings; there is one, or none."""

    __tablename__ = "calendar_feeds"

    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), primary_key=True)
    secret_hash: Mapped[str] = mapped_column(exact(64), unique=True)  # SHA-256 in hex; the secret is shown once
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
