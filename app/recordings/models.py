from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Id, Json, UtcDateTime, exact


class Recording(Base):
    """One recording of a meeting, from its request to its file."""

    __tablename__ = "recordings"
    __table_args__ = (Index("ix_recordings_state", "state"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    meeting_id: Mapped[str] = mapped_column(ForeignKey("meetings.id", ondelete="CASCADE"), index=True)
    started_by: Mapped[str] = mapped_column(ForeignKey("users.id"))
    title: Mapped[str] = mapped_column(String(200), server_default=text("''"))  # at first the meeting's
    title_folded: Mapped[str] = mapped_column(
        exact(600), server_default=text("''")
    )  # casefold() makes some letters three
    mode: Mapped[str] = mapped_column(exact(16))  # composite | tracks | both
    audio_only: Mapped[bool] = mapped_column(default=False)
    local_tracks: Mapped[bool] = mapped_column(default=False, server_default=text("'0'"))  # clients are asked to record
    driver: Mapped[str] = mapped_column(exact(16))  # mock | worker | clients
    state: Mapped[str] = mapped_column(exact(16))
    outcome: Mapped[str | None] = mapped_column(exact(16))  # complete | recovered | failed
    participants: Mapped[list[dict[str, Any]]] = mapped_column(Json)  # who was there when it began
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    processing_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # first try at making the file
    duration_s: Mapped[float | None]  # of the file
    file_path: Mapped[str | None] = mapped_column(exact(255))  # key in the object store
    content_type: Mapped[str | None] = mapped_column(String(100))
    bytes: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[str | None] = mapped_column(exact(64))
    error: Mapped[str | None] = mapped_column(String(500))  # of the last try
    end_reason: Mapped[str | None] = mapped_column(exact(32))  # of states.END_REASONS
    # Of what a media worker records: which placement does, and what was heard of it.
    epoch: Mapped[int | None]
    worker_id: Mapped[str | None] = mapped_column(Id)
    ordered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # when that worker was told to record
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # when it said that it does
    written_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # when it said that every file is closed
    heard_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # the last word of any worker about it
    rendition_id: Mapped[str | None] = mapped_column(Id)  # whose file is the recording's
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class RecordingTrack(Base):
    """One file of a recording: what one participant sent over one track, as it came; or, of origin `client`, what they
    recorded themselves.
    """

    __tablename__ = "recording_tracks"

    id: Mapped[str] = mapped_column(Id, primary_key=True)  # the sender's
    recording_id: Mapped[str] = mapped_column(ForeignKey("recordings.id", ondelete="CASCADE"), index=True)
    participant_id: Mapped[str] = mapped_column(Id)
    origin: Mapped[str] = mapped_column(exact(8), default="server", server_default="server")  # server | client
    track_id: Mapped[str] = mapped_column(Id)  # as it was published; of a client's, its own
    epoch: Mapped[int]
    kind: Mapped[str] = mapped_column(exact(8))  # audio | video
    source: Mapped[str] = mapped_column(exact(16))  # microphone | camera | screen
    codec: Mapped[str] = mapped_column(exact(16))
    content_type: Mapped[str] = mapped_column(String(100))
    state: Mapped[str] = mapped_column(exact(16))
    reason: Mapped[str | None] = mapped_column(String(100))  # why it was lost
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)  # the wall time of the file's time 0
    # Of a client's: how far the server's clock is ahead of its own, as it measured it, and how wrong that may be.
    clock_offset_ms: Mapped[float | None]
    clock_uncertainty_ms: Mapped[float | None]
    duration_s: Mapped[float | None]
    bytes: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[str | None] = mapped_column(exact(64))
    recovered: Mapped[bool] = mapped_column(default=False)
    stats: Mapped[dict[str, Any]] = mapped_column(Json)
    gaps: Mapped[list[list[float]]] = mapped_column(Json)  # from, until: seconds of the file's own time
    mutes: Mapped[list[list[float]]] = mapped_column(Json)
    upload_id: Mapped[str | None] = mapped_column(Id, index=True)  # that brings it
    file_path: Mapped[str | None] = mapped_column(exact(255))  # key in the object store
    uploaded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Rendition(Base):
    """One composition of a recording's tracks into one file to watch."""

    __tablename__ = "recording_renditions"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    recording_id: Mapped[str] = mapped_column(ForeignKey("recordings.id", ondelete="CASCADE"), index=True)
    state: Mapped[str] = mapped_column(exact(16))
    layout: Mapped[str] = mapped_column(exact(16))  # grid | speaker
    audio_only: Mapped[bool]
    clean: Mapped[str] = mapped_column(exact(16), default="none", server_default=text("'none'"))
    progress: Mapped[float] = mapped_column(default=0.0)  # 0 to 1
    attempts: Mapped[int] = mapped_column(default=0)  # runs begun
    begun_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # the last of them
    heard_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # its last progress
    duration_s: Mapped[float | None]
    width: Mapped[int | None]
    height: Mapped[int | None]
    file_path: Mapped[str | None] = mapped_column(exact(255))  # keys in the object store
    poster_path: Mapped[str | None] = mapped_column(exact(255))
    waveform_path: Mapped[str | None] = mapped_column(exact(255))
    content_type: Mapped[str | None] = mapped_column(String(100))
    bytes: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[str | None] = mapped_column(exact(64))
    chapters: Mapped[list[dict[str, Any]]] = mapped_column(Json)  # {start_s, title}
    warnings: Mapped[list[str]] = mapped_column(Json)
    error: Mapped[str | None] = mapped_column(String(500))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Consent(Base):
    """What a person has answered to being recorded."""

    __tablename__ = "recording_consents"

    recording_id: Mapped[str] = mapped_column(ForeignKey("recordings.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), primary_key=True)
    consent: Mapped[bool]
    answered_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Share(Base):
    """A link by which a recording is watched without an account. Its secret is known to those alone who have it."""

    __tablename__ = "recording_shares"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    recording_id: Mapped[str] = mapped_column(ForeignKey("recordings.id", ondelete="CASCADE"), index=True)
    created_by: Mapped[str] = mapped_column(ForeignKey("users.id"))
    secret_hash: Mapped[str] = mapped_column(exact(64), unique=True)  # SHA-256, in hex
    passcode_hash: Mapped[str | None] = mapped_column(String(255))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class Export(Base):
    """All tracks of a recording as one ZIP, for editors."""

    __tablename__ = "recording_exports"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    recording_id: Mapped[str] = mapped_column(ForeignKey("recordings.id", ondelete="CASCADE"), index=True)
    format: Mapped[str] = mapped_column(exact(16))  # wav | original
    clean: Mapped[str] = mapped_column(exact(16))  # none | loudness | denoise
    made_of: Mapped[str] = mapped_column(exact(64))  # SHA-256 of which tracks, in hex: with others it is another export
    state: Mapped[str] = mapped_column(exact(16))
    progress: Mapped[float] = mapped_column(default=0.0)  # 0 to 1
    attempts: Mapped[int] = mapped_column(default=0)  # runs begun
    heard_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # its last progress
    file_path: Mapped[str | None] = mapped_column(exact(255))  # key in the object store
    bytes: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[str | None] = mapped_column(exact(64))
    warnings: Mapped[list[str]] = mapped_column(Json)
    error: Mapped[str | None] = mapped_column(String(500))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
