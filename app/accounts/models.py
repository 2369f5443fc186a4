from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Id, UtcDateTime, exact


class User(Base):
    """A person, or a program with role `service`; or with role `guest` somebody without an account, for the length of
    one session in one meeting. Erasure leaves a tombstone: what others share with them stays."""

    __tablename__ = "users"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    email: Mapped[str | None] = mapped_column(exact(320), unique=True)  # normalised; a tombstone and a guest have none
    display_name: Mapped[str] = mapped_column(String(100))
    locale: Mapped[str] = mapped_column(exact(35))
    role: Mapped[str] = mapped_column(exact(16))  # user | admin | service | guest
    password_hash: Mapped[str | None] = mapped_column(exact(255))  # None: cannot sign in with a password
    email_verified_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # from then on no token and no password counts
    # What is done with what they say in meetings, where they say nothing else at joining.
    ai_transcribe: Mapped[bool] = mapped_column(default=True, server_default=text("'1'"))
    ai_analyse: Mapped[bool] = mapped_column(default=True, server_default=text("'1'"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column()

    __mapper_args__ = {"version_id_col": version}

    @property
    def is_guest(self) -> bool:
        return self.role == "guest"

    @property
    def ai(self) -> dict[str, bool]:
        return {"transcribe": self.ai_transcribe, "analyse": self.ai_analyse}

    @property
    def email_verified(self) -> bool:
        return self.email_verified_at is not None

    @property
    def has_password(self) -> bool:
        return self.password_hash is not None


class UserSession(Base):
    """One signing in of one device. Its refresh token rotates; `refresh_jti` is the id of the current one,
    `previous_refresh_jti` of the one before, which is used up but may come again when its answer was lost."""

    __tablename__ = "sessions"
    __table_args__ = (Index("ix_sessions_ended_at_expires_at", "ended_at", "expires_at"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    device: Mapped[str | None] = mapped_column(String(64))  # as its owner calls it
    user_agent: Mapped[str | None] = mapped_column(String(300))
    refresh_jti: Mapped[str] = mapped_column(Id)
    previous_refresh_jti: Mapped[str | None] = mapped_column(Id)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime] = mapped_column(UtcDateTime)  # of the newest refresh
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # logout | revoked | expired | refresh_reused | password_changed | password_reset | erased | disabled
    # of a guest also: meeting_ended | meeting_cancelled | guests_closed | removed
    ended_reason: Mapped[str | None] = mapped_column(exact(32))


class Integration(Base):
    """What a person entrusts to Parley for another service: a key, a token, an address. Sealed, and never shown."""

    __tablename__ = "integrations"

    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), primary_key=True)
    name: Mapped[str] = mapped_column(exact(64), primary_key=True)
    sealed: Mapped[str] = mapped_column(Text)
    set_at: Mapped[datetime] = mapped_column(UtcDateTime)


class EmailToken(Base):
    """The secret half of a mailed link, as a hash. It works once."""

    __tablename__ = "email_tokens"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    purpose: Mapped[str] = mapped_column(exact(16))  # verify | reset
    token_hash: Mapped[str] = mapped_column(exact(64), unique=True)  # SHA-256 in hex
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ServiceKey(Base):
    """A program's key. Its text is shown once, when it is made."""

    __tablename__ = "service_keys"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    key_hash: Mapped[str] = mapped_column(exact(64), unique=True)  # SHA-256 in hex
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Acquaintance(Base):
    """`user_id` has met `other_id`. There are two rows for two people."""

    __tablename__ = "acquaintances"

    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), primary_key=True)
    other_id: Mapped[str] = mapped_column(ForeignKey("users.id"), primary_key=True, index=True)
