from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Id, Json, UtcDateTime, exact


class Webhook(Base):
    """Where events are sent for a person. Its id is made of the time, as those of events: it hears of later ones."""

    __tablename__ = "webhooks"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    url: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(String(200))
    names: Mapped[list[str] | None] = mapped_column(Json)  # of events; None: all, also those that are to come
    sealed_secret: Mapped[str] = mapped_column(Text)
    sealed_previous: Mapped[str | None] = mapped_column(Text)  # signs too until `previous_until`
    previous_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    paused_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # from then on nothing is sent, and all is kept
    paused_reason: Mapped[str | None] = mapped_column(exact(16))  # gone | failing
    failing_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failures: Mapped[int] = mapped_column(default=0)  # in a row
    held_until: Mapped[datetime | None] = mapped_column(UtcDateTime)  # nothing is sent before
    last_delivered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # to the minute
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class WebhookDelivery(Base):
    """One event on its way to one webhook. Its body is made when it is sent, of what is in the log then."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        Index("ix_webhook_deliveries_waiting", "state", "webhook_id", "lane", "position"),
        Index("ix_webhook_deliveries_kind_state", "kind", "state"),
        Index("ix_webhook_deliveries_webhook_id_id", "webhook_id", "id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    webhook_id: Mapped[str] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(exact(8))  # event | replay | test
    event_id: Mapped[str] = mapped_column(Id)  # what its receiver knows it by
    name: Mapped[str] = mapped_column(exact(64))
    meeting_id: Mapped[str | None] = mapped_column(Id)
    lane: Mapped[str] = mapped_column(exact(36))  # within it a later one waits for the earlier: the meeting, or itself
    position: Mapped[int] = mapped_column(BigInteger)  # in the log; 0 of what stands alone in its lane
    state: Mapped[str] = mapped_column(exact(16))  # waiting | delivered | failed | withheld
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)  # not before
    tries: Mapped[int] = mapped_column(default=0)  # since it was made, or its webhook was resumed
    first_tried_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # of these
    attempts: Mapped[list[dict[str, Any]]] = mapped_column(Json)  # all: at, status, duration_ms, error, answer
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
