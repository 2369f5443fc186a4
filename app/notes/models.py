from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Id, Json, LongText, UtcDateTime, exact


class Notes(Base):
    """What was said in a meeting, or in a call, and what came of it, in versions."""

    __tablename__ = "ai_notes"
    __table_args__ = (UniqueConstraint("meeting_id", "version"), UniqueConstraint("call_id", "version"))

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    meeting_id: Mapped[str | None] = mapped_column(ForeignKey("meetings.id", ondelete="CASCADE"))
    call_id: Mapped[str | None] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"))  # if it is of no meeting
    version: Mapped[int]
    state: Mapped[str] = mapped_column(exact(16))  # pending | ready | failed
    provider: Mapped[str] = mapped_column(exact(32))  # of the transcript
    language: Mapped[str | None] = mapped_column(exact(35))  # that was asked for, BCP 47
    transcript_text: Mapped[str | None] = mapped_column(LongText)
    key_points: Mapped[list[dict[str, Any]]] = mapped_column(Json, default=list)
    sentiment: Mapped[str | None] = mapped_column(exact(16))  # neutral | positive | negative
    transcript: Mapped[dict[str, Any] | None] = mapped_column(Json)  # shape: `Transcript` of shapes.py; corrected
    transcript_revision: Mapped[int] = mapped_column(default=1, server_default=text("'1'"))  # raised by corrections
    analysis: Mapped[dict[str, Any] | None] = mapped_column(Json)  # shape: `Analysis` of shapes.py
    error: Mapped[str | None] = mapped_column(Text)
    error_code: Mapped[str | None] = mapped_column(exact(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ready_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Stage(Base):
    """One step on the way to notes: of a track (`part`), or of the whole. `pipeline.py` says how they follow."""

    __tablename__ = "notes_stages"
    __table_args__ = (UniqueConstraint("notes_id", "name", "part"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    notes_id: Mapped[str] = mapped_column(ForeignKey("ai_notes.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(exact(16))  # of pipeline.ORDER
    part: Mapped[str] = mapped_column(exact(64), default="")  # a track's file; empty: of the whole
    key: Mapped[str | None] = mapped_column(exact(64), index=True)  # what it is made of and by what, as a hash
    state: Mapped[str] = mapped_column(exact(16))  # of states.STAGES
    attempts: Mapped[int] = mapped_column(default=0)  # runs begun
    progress: Mapped[float] = mapped_column(default=0.0)  # 0 to 1
    provider: Mapped[str | None] = mapped_column(exact(32))
    model: Mapped[str | None] = mapped_column(String(100))
    is_taken_over: Mapped[bool] = mapped_column(default=False, server_default=text("'0'"))  # from a stage of this key
    input: Mapped[dict[str, Any] | None] = mapped_column(Json)
    result: Mapped[dict[str, Any] | None] = mapped_column(Json, deferred=True)  # an hour's transcript is a megabyte
    error: Mapped[str | None] = mapped_column(String(500))  # of the last run
    error_code: Mapped[str | None] = mapped_column(exact(64))
    cost_usd: Mapped[float | None]  # None: nobody knows
    heard_at: Mapped[datetime] = mapped_column(UtcDateTime)  # when it was queued, began, or said how far it is
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # the last run
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Correction(Base):
    """What a person says that was said, or who a speaker is. It outlives the version that it was made on."""

    __tablename__ = "notes_corrections"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    meeting_id: Mapped[str | None] = mapped_column(ForeignKey("meetings.id", ondelete="CASCADE"), index=True)
    call_id: Mapped[str | None] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(exact(8))  # text | name
    speaker_id: Mapped[str | None] = mapped_column(exact(128))  # of a name
    track_id: Mapped[str | None] = mapped_column(exact(64))  # of a text: on which track, from when until when
    start_s: Mapped[float] = mapped_column(default=0.0)
    end_s: Mapped[float] = mapped_column(default=0.0)
    text: Mapped[str] = mapped_column(Text)
    by_user_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Spending(Base):
    """One call of a provider, and what it cost. It stays when what it was for is deleted."""

    __tablename__ = "spending"
    __table_args__ = (Index("ix_spending_user_id_month", "user_id", "month"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"))  # who pays
    month: Mapped[str] = mapped_column(exact(7))  # 2026-11, in UTC
    meeting_id: Mapped[str | None] = mapped_column(Id)
    call_id: Mapped[str | None] = mapped_column(Id)
    notes_id: Mapped[str | None] = mapped_column(Id)
    stage: Mapped[str] = mapped_column(exact(16))  # of pipeline.ORDER, or embed
    open_stage_id: Mapped[str | None] = mapped_column(Id, index=True)  # whose run is at it; None: it is settled
    provider: Mapped[str] = mapped_column(exact(32))
    model: Mapped[str | None] = mapped_column(String(100))
    seconds: Mapped[float | None]  # of sound
    input_tokens: Mapped[int | None]
    output_tokens: Mapped[int | None]
    cost_usd: Mapped[float | None]  # None: nobody knows
    spent_at: Mapped[datetime] = mapped_column(UtcDateTime)
